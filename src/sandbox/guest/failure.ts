/**
 * Turns whatever ended guest code into one failure with a normalised reason: the engine's texts are
 * no interface (contract/gonext.md §23).
 *
 * @module
 */

import { encodeText } from "./own_globals.ts";
import { printable } from "./log.ts";
import type { FailureCode } from "./protocol.ts";
import type { Ending } from "./stop.ts";

/** A failure that is no trap: the guest answered, but not as it should. */
export class GuestFailure extends Error {
  /** @param code which. @param message one sentence. */
  constructor(readonly code: FailureCode, message: string) {
    super(message);
  }
}

/** What of a failed message tells about the failure. */
export interface FailureFacts {
  readonly code: FailureCode;
  readonly reason?: string | undefined;
  readonly message: string;
  readonly stack?: string | undefined;
  readonly guestMessage?: string | undefined;
  readonly spent: boolean;
}

const MAX_STACK_CHARACTERS = 16_384;

/** Words in the engine's texts and what they mean, most telling first. */
const REASONS: readonly (readonly [text: string, reason: string])[] = [
  ["unreachable", "unreachable"],
  ["memory access out of bounds", "out_of_bounds"],
  ["table index is out of bounds", "indirect_call"],
  ["segment", "out_of_bounds"],
  ["out of bounds", "out_of_bounds"],
  ["divide by zero", "divide_by_zero"],
  ["remainder by zero", "divide_by_zero"],
  ["divide result unrepresentable", "integer_overflow"],
  ["float unrepresentable", "integer_overflow"],
  ["null function", "indirect_call"],
  ["signature mismatch", "indirect_call"],
  ["table access", "indirect_call"],
  ["call stack size", "stack_overflow"],
];

/**
 * Describes a failure.
 *
 * @param thrown what ended the guest code.
 * @param ending why the kernel's side ended it, where it did.
 * @param lastWords text that the guest wrote to standard error last.
 * @returns code, reason, message and stack.
 */
export function describeFailure(
  thrown: unknown,
  ending: Ending | undefined,
  lastWords: string,
): FailureFacts {
  const stack = stackOf(thrown);
  if (ending !== undefined) {
    const { exitCode: _, ...facts } = ending;
    return { guestMessage: lastWords === "" ? undefined : lastWords, ...facts, stack, spent: true };
  }
  if (thrown instanceof GuestFailure) {
    return { code: thrown.code, message: thrown.message, spent: false };
  }
  const message = thrown instanceof Error ? thrown.message : "a WebAssembly exception";
  return {
    code: "trap",
    reason: reasonOf(thrown, message),
    message: printable(encodeText(message)),
    stack,
    guestMessage: lastWords === "" ? undefined : lastWords,
    spent: true,
  };
}

function reasonOf(thrown: unknown, message: string): string {
  if (thrown instanceof WebAssembly.RuntimeError || thrown instanceof RangeError) {
    return REASONS.find(([text]) => message.includes(text))?.[1] ?? "other";
  }
  return "exception";
}

function stackOf(thrown: unknown): string | undefined {
  if (!(thrown instanceof Error)) return undefined;
  return thrown.stack?.slice(0, MAX_STACK_CHARACTERS);
}

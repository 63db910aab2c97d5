/**
 * Reads what a guest handed over: strict UTF-8, bounded JSON. Guests are not believed: whatever is
 * not plainly in order is refused with the caller's word for it.
 *
 * @module
 */

import type { Json } from "../../base/json.ts";
import type { HostArgument, HostCall } from "../../sandbox/sandbox.ts";
import { Refusal } from "./refusal.ts";

/** Deepest nesting of a guest's JSON: what is stored must never overflow a stack that prints it. */
export const MAX_JSON_DEPTH = 64;

const STRICT_UTF8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const NOTHING = new Uint8Array();

/** What an argument must be, and the words for it when it is not. */
export interface ArgumentRule {
  /** Name for messages. */
  readonly what: string;
  /** Most bytes. */
  readonly maxBytes: number;
  /** Code of the metacore interface where it is unreadable. @default "bad_request" */
  readonly code?: string;
  /** Code where it is too long. @default the same */
  readonly tooLargeCode?: string;
}

/**
 * Takes an argument's bytes; an absent one is empty.
 *
 * @param argument what the worker read.
 * @param rule what it must be.
 * @returns the bytes.
 * @throws {Refusal} bad_request — outside the guest's memory, too long, or a number.
 */
export function bytesOf(argument: HostArgument | undefined, rule: ArgumentRule): Uint8Array {
  if (argument === undefined) return NOTHING;
  if (argument === "too_large") throw tooLarge(rule);
  if (!(argument instanceof Uint8Array)) {
    throw refused(rule, "is not inside the guest's memory");
  }
  if (argument.length > rule.maxBytes) throw tooLarge(rule);
  return argument;
}

/**
 * Takes an argument as text.
 *
 * @param argument what the worker read.
 * @param rule what it must be.
 * @returns the text; empty when the argument is.
 * @throws {Refusal} bad_request — see {@link bytesOf}, or not UTF-8.
 */
export function textOf(argument: HostArgument | undefined, rule: ArgumentRule): string {
  const bytes = bytesOf(argument, rule);
  try {
    return STRICT_UTF8.decode(bytes);
  } catch {
    throw refused(rule, "is not valid UTF-8");
  }
}

/**
 * Parses a guest's JSON.
 *
 * @param text the text.
 * @param rule what it is.
 * @returns the value.
 * @throws {Refusal} bad_request — no JSON, or nested deeper than {@link MAX_JSON_DEPTH}.
 */
export function parseJson(text: string, rule: ArgumentRule): Json {
  if (isDeeperThan(text, MAX_JSON_DEPTH)) {
    throw refused(rule, `is nested deeper than ${MAX_JSON_DEPTH} levels`);
  }
  try {
    return JSON.parse(text) as Json;
  } catch {
    throw refused(rule, "is not JSON");
  }
}

/**
 * Sums the bytes of a call's arguments.
 *
 * @param call the call.
 * @returns bytes of every argument that is bytes.
 */
export function sizeOf(call: HostCall): number {
  return call.arguments.reduce<number>(
    (sum, argument) => sum + (argument instanceof Uint8Array ? argument.length : 0),
    0,
  );
}

/** Counts brackets outside of texts: no stack is used, whatever the depth. */
function isDeeperThan(text: string, limit: number): boolean {
  let depth = 0;
  let inText = false;
  for (let at = 0; at < text.length; at++) {
    const unit = text.charCodeAt(at);
    if (inText) {
      if (unit === BACKSLASH) at++;
      else if (unit === QUOTE) inText = false;
    } else if (unit === QUOTE) inText = true;
    else if (unit === OPEN_BRACKET || unit === OPEN_BRACE) {
      if (++depth > limit) return true;
    } else if (unit === CLOSE_BRACKET || unit === CLOSE_BRACE) depth--;
  }
  return false;
}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const OPEN_BRACKET = 0x5b;
const CLOSE_BRACKET = 0x5d;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;

function tooLarge(rule: ArgumentRule): Refusal {
  const message = `${rule.what} exceeds ${rule.maxBytes} bytes`;
  return new Refusal("bad_request", message, rule.tooLargeCode ?? rule.code);
}

function refused(rule: ArgumentRule, fault: string): Refusal {
  return new Refusal("bad_request", `${rule.what} ${fault}`, rule.code);
}

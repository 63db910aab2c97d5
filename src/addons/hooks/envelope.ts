/**
 * Envelopes of hooks and jobs (contract/gonext.md §5, §7): what a GoNext guest is handed, and what its
 * answer to a filter means.
 *
 * @module
 */

import { isJsonObject, type Json } from "../../base/json.ts";
import { sandboxError } from "../../sandbox/errors.ts";
import { parseJson, textOf } from "../host/arguments.ts";

/** Most bytes of an envelope, and of an answer. */
export const MAX_PAYLOAD_BYTES: number = 1024 * 1024;
/** Most bytes of the name of a hook or job. */
export const MAX_NAME_BYTES = 256;

const ANSWER = { what: "the answer", maxBytes: MAX_PAYLOAD_BYTES };

/**
 * Makes the envelope of an action.
 *
 * @param args what the action is about.
 * @returns its bytes.
 * @throws {KernelError} sandbox.payload_too_large
 */
export function actionEnvelope(args: readonly Json[]): Uint8Array {
  return envelope({ kind: "action", args });
}

/**
 * Makes the envelope of a filter.
 *
 * @param value what is filtered.
 * @param args what else the filter is told.
 * @returns its bytes.
 * @throws {KernelError} sandbox.payload_too_large
 */
export function filterEnvelope(value: Json, args: readonly Json[]): Uint8Array {
  return envelope({ kind: "filter", value, args });
}

/** One run of a job. */
export interface JobRun {
  /** The same at every attempt. @default "" */
  readonly idempotencyKey?: string;
  /** Attempts before this one. @default 0 */
  readonly retryCount?: number;
  /** What the job is given. @default null */
  readonly payload?: Json;
}

/**
 * Makes the envelope of a job.
 *
 * @param run which run of it; a retry count below 0 becomes 0.
 * @returns its bytes.
 * @throws {KernelError} sandbox.payload_too_large
 */
export function jobEnvelope({ idempotencyKey, retryCount, payload }: JobRun): Uint8Array {
  return envelope({
    idempotency_key: idempotencyKey ?? "",
    retry_count: Math.max(0, Math.trunc(retryCount ?? 0)),
    payload: payload ?? null,
  });
}

/**
 * Reads what a guest answered to a filter.
 *
 * @param output its answer.
 * @param input the value that it was given.
 * @returns the new value: the input where the answer is empty, null where it names none.
 * @throws {KernelError} sandbox.bad_payload — the answer is no JSON object within bounds.
 */
export function readFilterAnswer(output: Uint8Array, input: Json): Json {
  if (output.length === 0) return input;
  const answer = parsed(output);
  if (!isJsonObject(answer)) throw undecodable();
  return Object.hasOwn(answer, "value") ? answer.value ?? null : null;
}

/**
 * Checks the name of a hook or job.
 *
 * @param name the name.
 * @throws {KernelError} sandbox.bad_payload — empty; sandbox.payload_too_large — more than 256 bytes.
 */
export function checkTargetName(name: string): void {
  if (name === "") throw sandboxError("sandbox.bad_payload", "a hook or job has a name");
  if (new TextEncoder().encode(name).length <= MAX_NAME_BYTES) return;
  throw sandboxError(
    "sandbox.payload_too_large",
    `the name of a hook or job has ${MAX_NAME_BYTES} bytes at most`,
  );
}

function envelope(value: Json): Uint8Array {
  const bytes = new TextEncoder().encode(JSON.stringify(value));
  if (bytes.length <= MAX_PAYLOAD_BYTES) return bytes;
  throw sandboxError(
    "sandbox.payload_too_large",
    `an envelope has ${MAX_PAYLOAD_BYTES} bytes at most, not ${bytes.length}`,
  );
}

function parsed(output: Uint8Array): Json {
  try {
    return parseJson(textOf(output, ANSWER), ANSWER);
  } catch (cause) {
    throw undecodable(cause);
  }
}

function undecodable(cause?: unknown): Error {
  const message = 'the answer to a filter is a JSON object such as {"value": …}';
  return sandboxError("sandbox.bad_payload", message, { cause });
}

/**
 * Calls a guest by the conventions of its interface: contract/author.md §8 for metacore,
 * contract/gonext.md §5 and §7 for GoNext.
 *
 * @module
 */

import { encodeText, type GuestFunction } from "./own_globals.ts";
import { GuestFailure } from "./failure.ts";
import type { Instance } from "./instance.ts";
import { pack, unpack } from "./memory.ts";
import { type InvokeMessage, MAX_OUTPUT_BYTES } from "./protocol.ts";
import type { Scope } from "./scope.ts";
import { spellings } from "./spellings.ts";

const EMPTY = new Uint8Array(0);

/** What a GoNext guest answers with a null pointer. */
const STATUSES = new Map<number, readonly [code: GuestFailure["code"], text: string]>([
  [-1, ["guest_error", "error"]],
  [-2, ["out_of_memory", "out_of_memory"]],
  [-3, ["bad_payload", "bad_payload"]],
  [-4, ["unknown_target", "unknown target"]],
]);

/**
 * Calls the target of an invocation.
 *
 * @param message the invocation.
 * @param instance to call.
 * @param scope of the worker.
 * @returns a copy of what the guest answered.
 * @throws {GuestFailure} when the answer is a failure or against the contract; what the guest throws.
 */
export function callGuest(
  message: InvokeMessage,
  instance: Instance,
  scope: Scope,
): Promise<Uint8Array> {
  return message.kind === "export"
    ? callExport(message, instance, scope)
    : callHandler(message, instance, scope);
}

async function callExport(
  message: InvokeMessage,
  instance: Instance,
  scope: Scope,
): Promise<Uint8Array> {
  const name = instance.arity(message.name) === undefined
    ? spellings(message.name).find((spelling) => instance.arity(spelling) !== undefined)
    : message.name;
  if (name === undefined) throw missing(message.name);
  const pointer = await place(message.input, instance, scope, "always");
  const { length } = message.input;
  const entry = instance.entry(name)!;
  const answer = instance.arity(name) === 1
    ? await run(entry, pack(pointer, length))
    : await run(entry, pointer, length);
  const result = unpack(answer);
  if (result.length === 0) return EMPTY;
  const output = copyOut(result.pointer, result.length, instance, MAX_OUTPUT_BYTES["metacore/1"]);
  if (instance.free !== undefined) await release(result.pointer, result.length, instance, scope);
  return output;
}

async function callHandler(
  message: InvokeMessage,
  instance: Instance,
  scope: Scope,
): Promise<Uint8Array> {
  const handler = message.kind === "hook" ? "gn_handle_hook" : "gn_handle_job";
  for (const name of ["gn_alloc", "gn_free", handler]) {
    if (instance.arity(name) === undefined) throw missing(name);
  }
  if (instance.memory.byteLength === 0) throw missing("memory");
  const name = encodeText(message.name);
  const namePointer = await place(name, instance, scope, "always");
  const pointer = await place(message.input, instance, scope, "unless empty");
  const entry = instance.entry(handler)!;
  const result = unpack(await run(entry, namePointer, name.length, pointer, message.input.length));
  const length = result.length | 0;
  if (result.pointer === 0 && length < 0) throw statusFailure(length, message);
  if (length < 0) {
    throw new GuestFailure("bad_result", `${handler} answered with a pointer and length ${length}`);
  }
  const output = length === 0
    ? EMPTY
    : copyOut(result.pointer, length, instance, MAX_OUTPUT_BYTES["gonext/1"]);
  if (result.pointer !== 0) await release(result.pointer, length, instance, scope);
  return output;
}

function statusFailure(status: number, message: InvokeMessage): GuestFailure {
  const [code, text] = STATUSES.get(status) ?? ["guest_error", `status(${status})`];
  return new GuestFailure(code, `${message.kind} "${message.name}": ${text}`);
}

/** Puts bytes into the guest's memory. @returns where */
async function place(
  bytes: Uint8Array,
  instance: Instance,
  scope: Scope,
  when: "always" | "unless empty",
): Promise<number> {
  if (bytes.length === 0 && when === "unless empty") return 0;
  const { alloc } = instance;
  if (alloc === undefined) throw missing("alloc");
  let pointer: unknown;
  try {
    pointer = alloc(bytes.length);
    // Waiting for what is there already would cost a turn of the queue.
    if (typeof pointer !== "number") pointer = await pointer;
  } catch (thrown) {
    if (scope.stop.isStopped || scope.stop.ending !== undefined) throw thrown;
    scope.stop.note({
      code: "out_of_memory",
      reason: "alloc_failed",
      message: `alloc(${bytes.length}) failed: ${thrown instanceof Error ? thrown.message : ""}`,
    });
    throw thrown;
  }
  if (typeof pointer !== "number" || (pointer === 0 && bytes.length > 0)) {
    throw new GuestFailure("out_of_memory", `alloc(${bytes.length}) gave nothing`);
  }
  if (!instance.memory.write(pointer, bytes)) {
    throw new GuestFailure(
      "out_of_memory",
      `alloc(${bytes.length}) gave what is outside of memory`,
    );
  }
  return pointer >>> 0;
}

async function run(entry: GuestFunction, ...args: (number | bigint)[]): Promise<bigint> {
  let answer: unknown;
  try {
    answer = entry(...args);
    if (typeof answer !== "bigint") answer = await answer;
  } catch (thrown) {
    // The engine's refusal to convert an argument; guests throw other things.
    if (!(thrown instanceof TypeError)) throw thrown;
    throw new GuestFailure("missing_export", "the export does not take (pointer, length)");
  }
  if (typeof answer !== "bigint") {
    throw new GuestFailure("bad_result", "the export does not answer with one i64");
  }
  return answer;
}

function copyOut(pointer: number, length: number, instance: Instance, cap: number): Uint8Array {
  if (length > cap) {
    throw new GuestFailure("bad_result", `the result has ${length} bytes; ${cap} are allowed`);
  }
  const output = instance.memory.read(pointer, length);
  if (output !== undefined) return output;
  throw new GuestFailure(
    "bad_result",
    `the result at ${pointer} with ${length} bytes is outside of the guest's memory`,
  );
}

/** Gives a result back; a failing `free` costs the instance, not the answer. */
async function release(
  pointer: number,
  length: number,
  instance: Instance,
  scope: Scope,
): Promise<void> {
  try {
    await instance.free?.(pointer, length);
  } catch (thrown) {
    if (scope.stop.isStopped || scope.stop.ending !== undefined) throw thrown;
    instance.isSpent = true;
  }
}

function missing(name: string): GuestFailure {
  return new GuestFailure("missing_export", `the module has no function "${name}"`);
}

/**
 * Runs a metacore guest under plain WebAssembly with a host that only answers what it was told:
 * the yardstick that a rewritten module is compared with. No worker, no limits, no walls.
 *
 * @module
 */

import { CORE_IMPORTS, parameterCount } from "./text.ts";

/** What a guest asked of the host: name of the import and its texts. */
export interface PlainCall {
  readonly name: string;
  readonly texts: readonly string[];
}

/** A guest under plain WebAssembly. */
export interface PlainGuest {
  /** Calls an export with bytes. @returns its result's bytes, empty for an empty result */
  call(name: string, input: Uint8Array | string): Uint8Array;
  /** The same, for results in UTF-8. */
  text(name: string, input: string): string;
  /** What was asked so far. */
  readonly calls: readonly PlainCall[];
  readonly exports: WebAssembly.Exports;
}

/** How the host answers; undefined for "nothing". */
export type PlainAnswer = (call: PlainCall) => string | undefined;

/**
 * Makes an instance. Start functions that are exports are called by the caller or, where named, here.
 *
 * @param module compiled from the original or the rewritten bytes.
 * @param answer answers host functions.
 * @param prepare called with the instance before anything else of it.
 * @returns the guest.
 */
export function plainGuest(
  module: WebAssembly.Module,
  answer: PlainAnswer = () => undefined,
  prepare: (instance: WebAssembly.Instance) => void = () => {},
): PlainGuest {
  const calls: PlainCall[] = [];
  const memory = (): Uint8Array => new Uint8Array(memoryOf(instance).buffer);
  const write = (bytes: Uint8Array): number => {
    const at = functionOf(instance, "alloc")(bytes.length) as number;
    memory().set(bytes, at);
    return at;
  };
  const host: Record<string, unknown> = Object.create(null);
  for (const name of CORE_IMPORTS) {
    host[name] = (...given: number[]) => {
      const texts = Array.from({ length: parameterCount(name) / 2 }, (_, at) => {
        const start = given[at * 2]! >>> 0;
        return new TextDecoder().decode(memory().slice(start, start + (given[at * 2 + 1]! >>> 0)));
      });
      calls.push({ name, texts });
      const reply = answer({ name, texts });
      if (name === "log") return undefined;
      if (reply === undefined) return 0n;
      const bytes = new TextEncoder().encode(reply);
      return BigInt(write(bytes)) << 32n | BigInt(bytes.length);
    };
  }
  const instance: WebAssembly.Instance = new WebAssembly.Instance(module, {
    metacore_host: host,
    wasi_snapshot_preview1: plainWasi(module, memory),
  } as WebAssembly.Imports); // Every import is a function: the index type wants it said.
  prepare(instance);
  const call = (name: string, input: Uint8Array | string): Uint8Array => {
    const bytes = typeof input === "string" ? new TextEncoder().encode(input) : input;
    const at = write(bytes);
    const packed = BigInt.asUintN(64, functionOf(instance, name)(at, bytes.length) as bigint);
    const start = Number(packed >> 32n);
    return memory().slice(start, start + Number(packed & 0xffffffffn));
  };
  const text = (name: string, input: string) => new TextDecoder().decode(call(name, input));
  return { call, text, calls, exports: instance.exports };
}

/** WASI that says "ok" and zero to everything but random, which has to differ from zero. */
function plainWasi(module: WebAssembly.Module, memory: () => Uint8Array): object {
  const wasi: Record<string, (...given: number[]) => number> = Object.create(null);
  for (const { module: from, name } of WebAssembly.Module.imports(module)) {
    if (from === "wasi_snapshot_preview1") wasi[name] = () => name.startsWith("fd_") ? 8 : 0;
  }
  wasi["random_get"] = (at, length) => {
    memory().fill(7, at, at! + length!);
    return 0;
  };
  wasi["args_sizes_get"] = wasi["environ_sizes_get"] = (count, size) => {
    memory().fill(0, count, count! + 4);
    memory().fill(0, size, size! + 4);
    return 0;
  };
  let now = 1_700_000_000_000_000_000n;
  wasi["clock_time_get"] = (_id, _precision, at) => {
    now += 1_000n;
    new DataView(memory().buffer).setBigUint64(at!, now, true);
    return 0;
  };
  return wasi;
}

function functionOf(instance: WebAssembly.Instance, name: string) {
  const found = instance.exports[name];
  if (typeof found !== "function") throw new Error(`no export "${name}"`);
  return found;
}

function memoryOf(instance: WebAssembly.Instance): WebAssembly.Memory {
  const found = instance.exports["memory"];
  if (!(found instanceof WebAssembly.Memory)) throw new Error("no memory");
  return found;
}

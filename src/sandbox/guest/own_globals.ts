/**
 * What the worker's own code takes from the global scope, taken before the scope is emptied, and the
 * emptying itself. Imported first. What is left afterwards is the language and WebAssembly: no
 * network, files, processes, threads, channels or caches, whatever the permissions are.
 *
 * @module
 */

/** The parts of the language that stay: they reach nothing outside of the thread. */
const KEPT: ReadonlySet<string> = new Set(
  ("Object Function Array Number Infinity NaN undefined Boolean String Symbol Promise Error " +
    "AggregateError EvalError RangeError ReferenceError SyntaxError TypeError URIError globalThis " +
    "JSON Math ArrayBuffer SharedArrayBuffer Atomics DataView Uint8Array Int8Array Uint16Array " +
    "Int16Array Uint32Array Int32Array Float32Array Float64Array Uint8ClampedArray BigInt " +
    "BigInt64Array BigUint64Array Map Set WeakMap WeakSet WeakRef Proxy Reflect " +
    "FinalizationRegistry Iterator WebAssembly queueMicrotask").split(" "),
);

interface Scope {
  postMessage(message: unknown, transfer?: Transferable[]): void;
  addEventListener(type: string, listener: (event: Event) => void): void;
}

// The global scope of a worker; the compiler knows the one of the main thread.
const scope = globalThis as unknown as Scope & typeof globalThis;
const post = scope.postMessage.bind(scope);
const listen = scope.addEventListener.bind(scope);
const clock = performance;
const epochMs = Date;
const source = crypto;
const chunks = new TextDecoder("utf-8", { fatal: false, ignoreBOM: true });
const encoder = new TextEncoder();
const jspi = WebAssembly as unknown as {
  readonly Suspending: new (
    call: (...args: WasmValue[]) => WasmValue | undefined | Promise<WasmValue | undefined>,
  ) => WebAssembly.ImportValue;
  readonly promising: (entry: GuestFunction) => GuestFunction;
};
const Suspending = jspi.Suspending;

/** A number as WebAssembly has it. */
export type WasmValue = number | bigint;

/** An exported function of a guest; its types are checked by the engine when it is called. */
export type GuestFunction = (...args: WasmValue[]) => unknown;

/** Sends to the main thread. */
export function send(message: unknown, transfer?: Transferable[]): void {
  if (transfer === undefined) post(message);
  else post(message, transfer);
}

/** Listens to an event of the worker. */
export function onEvent(type: string, listener: (event: Event) => void): void {
  listen(type, listener);
}

/** Milliseconds of a clock that only goes forward. */
export function nowMs(): number {
  return clock.now();
}

/** Milliseconds since 1970, whole. */
export function unixMs(): number {
  return epochMs.now();
}

/** Fills with random bytes; at most 65,536 at a time. */
export function fillRandom(target: Uint8Array<ArrayBuffer>): void {
  source.getRandomValues(target);
}

/** Text of UTF-8 bytes; what is no UTF-8 becomes U+FFFD. */
export function decodeText(bytes: Uint8Array): string {
  return chunks.decode(bytes);
}

/** UTF-8 bytes of a text. */
export function encodeText(text: string): Uint8Array {
  return encoder.encode(text);
}

/** Makes an import that may suspend the guest. */
export function suspending(
  call: (...args: WasmValue[]) => WasmValue | undefined | Promise<WasmValue | undefined>,
): WebAssembly.ImportValue {
  return new Suspending(call);
}

/** Makes an export callable while it suspends; it gives a promise. */
export function promising(entry: GuestFunction): GuestFunction {
  return jspi.promising(entry);
}

/**
 * Removes everything that is not the language from the global scope and what it inherits.
 *
 * @param needed names that the engine's own code looks up there.
 * @returns names that would not go.
 */
export function emptyScope(needed: readonly string[] = []): string[] {
  const stuck: string[] = [];
  for (const name of Object.getOwnPropertyNames(globalThis)) {
    if (KEPT.has(name) || needed.includes(name)) continue;
    if (!Reflect.deleteProperty(globalThis, name)) stuck.push(name);
  }
  return stuck;
}

/**
 * Runs a GoNext guest under plain WebAssembly: the yardstick for its rewritten form. Host functions
 * answer with a number that depends on their name and arguments alone.
 *
 * @module
 */

/** What a handler gave. */
export interface PlainOutcome {
  /** Negative for a status, else the length of the body. */
  readonly length: number;
  readonly body: string;
}

/** A GoNext guest under plain WebAssembly. */
export interface PlainGoNext {
  handle(kind: "hook" | "job", name: string, payload: string): PlainOutcome;
  /** `name(arguments)` of each host function, in order. */
  readonly calls: readonly string[];
}

/**
 * Makes an instance.
 *
 * @param module compiled from the original or the rewritten bytes.
 * @param prepare called with the instance before anything else of it.
 * @returns the guest.
 */
export function plainGoNext(
  module: WebAssembly.Module,
  prepare: (instance: WebAssembly.Instance) => void = () => {},
): PlainGoNext {
  const calls: string[] = [];
  const imports: Record<string, Record<string, (...given: (number | bigint)[]) => unknown>> = {};
  for (const { module: from, name } of WebAssembly.Module.imports(module)) {
    imports[from] ??= {};
    imports[from][name] = (...given) => {
      calls.push(`${from}.${name}(${given.join(",")})`);
      if (name === "gn_log" || name === "gn_panic") return undefined;
      const isWide = from !== "env" || name === "gn_time_ms" || name === "gn_i18n_translate";
      return isWide ? BigInt(name.length) : name.length;
    };
  }
  const instance = new WebAssembly.Instance(module, imports as WebAssembly.Imports); // All functions.
  prepare(instance);
  const { memory, gn_alloc, gn_handle_hook, gn_handle_job } = instance.exports;
  if (
    !(memory instanceof WebAssembly.Memory) || typeof gn_alloc !== "function" ||
    typeof gn_handle_hook !== "function" || typeof gn_handle_job !== "function"
  ) throw new Error("no GoNext guest");
  const write = (text: string): [number, number] => {
    const bytes = new TextEncoder().encode(text);
    const at: number = gn_alloc(bytes.length);
    new Uint8Array(memory.buffer).set(bytes, at);
    return [at, bytes.length];
  };
  return {
    calls,
    handle(kind, name, payload) {
      const handler = kind === "hook" ? gn_handle_hook : gn_handle_job;
      const packed = BigInt.asUintN(64, handler(...write(name), ...write(payload)));
      const at = Number(packed >> 32n);
      const length = Number(BigInt.asIntN(32, packed));
      const bytes = new Uint8Array(memory.buffer).slice(at, at + Math.max(length, 0));
      return { length, body: new TextDecoder().decode(bytes) };
    },
  };
}

/**
 * Compiles prepared modules under a time bound of its own: no engine promises how long that takes.
 *
 * @module
 */

import { sandboxError } from "../errors.ts";

/**
 * Compiles a module.
 *
 * @param prepared its bytes; see `prepare.ts`.
 * @param bounds `timeoutMs`: 1 to 600,000. Compilation goes on in the engine's own threads when it is
 *   over, and its result is dropped.
 * @returns the compiled module.
 * @throws {KernelError} sandbox.compile_failed — the engine refused it, or took too long.
 */
export async function compilePrepared(
  prepared: { readonly bytes: Uint8Array<ArrayBuffer> },
  { timeoutMs }: { readonly timeoutMs: number },
): Promise<WebAssembly.Module> {
  const { promise: over, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => {
    const message = `Module was not compiled within ${timeoutMs} ms.`;
    reject(sandboxError("sandbox.compile_failed", message, { details: { timeoutMs } }));
  }, timeoutMs);
  const compiled = WebAssembly.compile(prepared.bytes).catch((cause) => {
    throw sandboxError("sandbox.compile_failed", "The engine could not compile the module.", {
      cause,
    });
  });
  // The one that loses the race has nobody else to hear it.
  compiled.catch(() => {});
  try {
    return await Promise.race([compiled, over]);
  } finally {
    clearTimeout(timer);
  }
}

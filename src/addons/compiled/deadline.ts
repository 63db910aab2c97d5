/**
 * Bounds how long code of the host application is waited for.
 *
 * @module
 */

/** How long work is waited for. */
export interface Patience {
  /** In milliseconds, 0 or more. */
  readonly timeoutMs: number;
  /** Makes the failure of work that is late. */
  readonly late: () => Error;
  /** Ends the wait at once. @default nothing does */
  readonly signal?: AbortSignal | undefined;
}

/**
 * Waits for work, but not for ever. It ends the wait, not the work: whoever wrote it is trusted to
 * look at its signal.
 *
 * @param patience how long.
 * @param work what is waited for.
 * @returns what the work gives.
 * @throws what `late` makes, the reason of the signal, and what the work throws.
 */
export async function within<T>(
  { timeoutMs, late, signal }: Patience,
  work: () => Promise<T> | T,
): Promise<T> {
  signal?.throwIfAborted();
  const { promise, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => reject(late()), timeoutMs);
  const stop = () => reject(signal?.reason);
  signal?.addEventListener("abort", stop, { once: true });
  try {
    return await Promise.race([work(), promise]);
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener("abort", stop);
  }
}

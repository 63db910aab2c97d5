/**
 * Bounds how long code of the host application is waited for.
 *
 * @module
 */

/**
 * Waits for work, but not for ever. It ends the wait, not the work: whoever wrote it is trusted to
 * look at its signal.
 *
 * @param timeoutMs in milliseconds, 1 or more.
 * @param work what is waited for.
 * @param late makes the failure of work that is late.
 * @returns what the work gives.
 * @throws what `late` makes, and what the work throws.
 */
export async function within<T>(
  timeoutMs: number,
  work: Promise<T>,
  late: () => Error,
): Promise<T> {
  const { promise, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => reject(late()), timeoutMs);
  try {
    return await Promise.race([work, promise]);
  } finally {
    clearTimeout(timer);
  }
}

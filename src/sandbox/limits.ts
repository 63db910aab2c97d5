/**
 * Bounds of the pool of workers: how many there are, how long they live, how many callers wait.
 * Limits of one guest (memory, time, payloads) belong to its module and its invocation.
 *
 * @module
 */

/** Bounds of a pool. */
export interface PoolLimits {
  /** Workers of all addons, spare and ending ones included. 1 to 4,096 @default 2 × cores, at least 4 */
  readonly maxWorkers: number;
  /** Workers of one addon: a noisy one cannot take every place. @default half of maxWorkers */
  readonly maxWorkersPerAddon: number;
  /** Workers without a module that wait for a cold invocation; fewer than maxWorkers. @default 1 */
  readonly spareWorkers: number;
  /** A worker that has done nothing for so long is ended. 1 to 86,400,000 @default 60,000 */
  readonly idleTimeoutMs: number;
  /** A worker is ended after so many invocations. 1 and up @default 10,000 */
  readonly maxUsesPerWorker: number;
  /** Invocations that wait for a worker, one that is being started included. 1 to 65,536 @default 256 */
  readonly maxWaiting: number;
  /** Of those, of one addon. 1 to 65,536 @default 64 */
  readonly maxWaitingPerAddon: number;
  /**
   * How long a worker may go on serving its own addon's queue while another addon waits for a
   * worker: replacing one costs some 20 ms, so places do not change hands with every invocation.
   * 0 to 60,000 @default 100
   */
  readonly turnMs: number;
  /** How long a start, compiling a module, and handing it to a worker may take each. 1 to 600,000 @default 30,000 */
  readonly loadTimeoutMs: number;
  /** How long `close` waits for running invocations. 0 to 600,000 @default 10,000 */
  readonly closeTimeoutMs: number;
}

const RANGES: Readonly<Record<keyof PoolLimits, readonly [least: number, most: number]>> = {
  maxWorkers: [1, 4096],
  maxWorkersPerAddon: [1, 4096],
  spareWorkers: [0, 4095],
  idleTimeoutMs: [1, 86_400_000],
  maxUsesPerWorker: [1, Number.MAX_SAFE_INTEGER],
  maxWaiting: [1, 65_536],
  maxWaitingPerAddon: [1, 65_536],
  turnMs: [0, 60_000],
  loadTimeoutMs: [1, 600_000],
  closeTimeoutMs: [0, 600_000],
};

/** Longest invocation, in milliseconds. */
export const MAX_TIMEOUT_MS = 3_600_000;

/**
 * Fills in what is not given.
 *
 * @param given bounds that differ from the defaults.
 * @param cores processors of the machine, 1 and up.
 * @returns every bound.
 * @throws {RangeError} when one is no whole number within its range, or they contradict each other.
 */
export function poolLimits(given: Partial<PoolLimits>, cores: number): PoolLimits {
  const maxWorkers = given.maxWorkers ?? Math.max(4, 2 * cores);
  const limits: PoolLimits = {
    maxWorkers,
    maxWorkersPerAddon: given.maxWorkersPerAddon ?? Math.max(1, Math.floor(maxWorkers / 2)),
    spareWorkers: given.spareWorkers ?? Math.min(1, maxWorkers - 1),
    idleTimeoutMs: given.idleTimeoutMs ?? 60_000,
    maxUsesPerWorker: given.maxUsesPerWorker ?? 10_000,
    maxWaiting: given.maxWaiting ?? 256,
    maxWaitingPerAddon: given.maxWaitingPerAddon ?? 64,
    turnMs: given.turnMs ?? 100,
    loadTimeoutMs: given.loadTimeoutMs ?? 30_000,
    closeTimeoutMs: given.closeTimeoutMs ?? 10_000,
  };
  for (const [name, [least, most]] of Object.entries(RANGES)) {
    const value = limits[name as keyof PoolLimits]; // RANGES has exactly these keys.
    if (!Number.isInteger(value) || value < least || value > most) {
      throw new RangeError(`${name} is a whole number from ${least} to ${most}, not ${value}.`);
    }
  }
  if (limits.maxWorkersPerAddon > maxWorkers) {
    throw new RangeError(`maxWorkersPerAddon is at most maxWorkers, ${maxWorkers}.`);
  }
  if (limits.spareWorkers >= maxWorkers) {
    throw new RangeError(`spareWorkers is less than maxWorkers, ${maxWorkers}.`);
  }
  return limits;
}

/**
 * Keeps workers for a while: one for each addon and address, never shared between addons. The longest
 * unused goes first where there are too many.
 *
 * @module
 */

import { EgressWorker, type EgressWorkerSettings, type PinnedAddress } from "./egress_worker.ts";

/** How a pool is made. */
export interface WorkerPoolOptions extends EgressWorkerSettings {
  /** How long an unused worker is kept, in milliseconds. */
  readonly idleMs: number;
  /** Unused workers kept at most. */
  readonly maxIdle: number;
  /** Told of the number of workers whenever it changes. */
  readonly onCount: (workers: number) => void;
}

interface Kept {
  readonly key: string;
  readonly worker: EgressWorker;
  users: number;
  timer: ReturnType<typeof setTimeout> | undefined;
}

/** A worker on loan. */
export interface Lease {
  readonly worker: EgressWorker;
  /** Gives it back; once. */
  release(): void;
}

/** Lends workers. */
export class WorkerPool {
  readonly #options: WorkerPoolOptions;
  /** In the order of last use. */
  readonly #kept = new Map<string, Kept>();

  /**
   * Creates an empty pool.
   *
   * @param options bounds.
   */
  constructor(options: WorkerPoolOptions) {
    this.#options = options;
  }

  /**
   * Lends the worker of an addon for an address; starts one where there is none.
   *
   * @param addonKey whose request it is for.
   * @param pinned the address.
   * @returns the worker, which may not be ready yet.
   * @throws {KernelError} egress.forbidden — the server itself may not reach the address.
   */
  lend(addonKey: string, pinned: PinnedAddress): Lease {
    const key = `${addonKey}\n${pinned.address}\n${pinned.port}`;
    const known = this.#kept.get(key);
    const kept = known?.worker.isUsable ? known : this.#start(key, pinned);
    clearTimeout(kept.timer);
    kept.users++;
    return { worker: kept.worker, release: () => this.#release(kept) };
  }

  /** Ends every worker. */
  close(): void {
    for (const kept of this.#kept.values()) this.#remove(kept);
  }

  #start(key: string, pinned: PinnedAddress): Kept {
    const worker = new EgressWorker(pinned, this.#options);
    const kept: Kept = { key, worker, users: 0, timer: undefined };
    this.#kept.set(key, kept);
    this.#options.onCount(this.#kept.size);
    return kept;
  }

  #release(kept: Kept): void {
    kept.users--;
    if (kept.users > 0) return;
    if (!kept.worker.isUsable || this.#kept.get(kept.key) !== kept) return this.#remove(kept);
    this.#kept.delete(kept.key);
    this.#kept.set(kept.key, kept);
    kept.timer = setTimeout(() => this.#remove(kept), this.#options.idleMs);
    const idle = [...this.#kept.values()].filter(({ users }) => users === 0);
    if (idle.length > this.#options.maxIdle) this.#remove(idle[0]!);
  }

  /** One that has been replaced is no longer in the map, but still to be ended. */
  #remove(kept: Kept): void {
    clearTimeout(kept.timer);
    kept.worker.close();
    if (this.#kept.get(kept.key) !== kept) return;
    this.#kept.delete(kept.key);
    this.#options.onCount(this.#kept.size);
  }
}

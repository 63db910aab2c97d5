/**
 * Starts guest workers and the one watchdog that they share. A worker that cannot prove its walls is
 * ended; there is no other kind of worker to fall back to.
 *
 * @module
 */

import { type Logger, silentLogger } from "../telemetry/log.ts";
import { sandboxError } from "./errors.ts";
import { WorkerHandle, type WorkerLimits } from "./guest_worker.ts";
import { GUEST_SOURCE } from "./guest_source.ts";
import { startWalledWorker, workerUrl } from "./permissions.ts";
import { Watchdog, type WatchSlot } from "./watchdog.ts";
import type { GuestWorker, WorkerSource } from "./worker_port.ts";

const DEFAULT_LIMITS: WorkerLimits = {
  startMs: 10_000,
  loadMs: 15_000,
  prepareMs: 2_000,
  graceMs: 2_000,
};

/**
 * Deno ends a process that narrows permissions without the flag, no code can catch that or see it
 * coming: this line is the last one then, and says why.
 */
const FIRST_WORKER = "starting the first worker for addon code; should the process end here with " +
  'exit code 70, add "unstable": ["worker-options"] to the deno.json of the main module';

/** Starts workers with no permissions. */
export class WalledWorkers implements WorkerSource {
  readonly #limits: WorkerLimits;
  readonly #logger: Logger;
  #url: string | undefined;
  #watchdog: Promise<Watchdog> | undefined;
  #isClosed = false;

  /**
   * Prepares; nothing is started.
   *
   * @param limits of a worker's life; those not given have their defaults.
   * @param logger told before the first worker is started.
   */
  constructor(limits: Partial<WorkerLimits> = {}, logger: Logger = silentLogger) {
    this.#limits = { ...DEFAULT_LIMITS, ...limits };
    this.#logger = logger;
  }

  /** See {@link WorkerSource}. */
  async start(): Promise<GuestWorker> {
    const watchdog = await this.#watch();
    this.#url ??= workerUrl(GUEST_SOURCE);
    const { slot, link } = watchdog.watch();
    const handle = new WorkerHandle(startThread(this.#url, slot), slot, this.#limits);
    await handle.prove(link);
    return handle;
  }

  /** See {@link WorkerSource}. */
  async close(): Promise<void> {
    this.#isClosed = true;
    const watchdog = await this.#watchdog?.catch(() => undefined);
    watchdog?.close();
  }

  async #watch(): Promise<Watchdog> {
    const standing = this.#watchdog;
    const watchdog = await (standing ?? this.#startWatchdog());
    if (!watchdog.isDead) return watchdog;
    // Whoever sees it first makes room for the next one.
    if (this.#watchdog === standing) {
      this.#logger.error("the watchdog of addon code has ended; its workers are replaced");
      this.#watchdog = undefined;
    }
    return await this.#watch();
  }

  #startWatchdog(): Promise<Watchdog> {
    if (this.#isClosed) throw sandboxError("sandbox.closed", "The sandbox is closed.");
    this.#logger.info(FIRST_WORKER);
    return this.#watchdog = Watchdog.start().catch((thrown) => {
      this.#watchdog = undefined;
      throw thrown;
    });
  }
}

/** A thread that cannot be had takes no slot of the watchdog. */
function startThread(url: string, slot: WatchSlot): Worker {
  try {
    return startWalledWorker(url, "guest");
  } catch (thrown) {
    slot.release();
    throw thrown;
  }
}

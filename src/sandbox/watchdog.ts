/**
 * The main thread's side of the watchdog: starts it, tells it of workers and deadlines. What stops
 * guests runs in a thread of its own (`guest/watchdog.ts`), so that a busy main thread delays nothing.
 *
 * @module
 */

import { sandboxError } from "./errors.ts";
import {
  CLOSED,
  deadlineWord,
  laterMs,
  MAX_SLOTS,
  ring,
  SLEEPS_UNTIL,
  stateWord,
  TABLE_BYTES,
  toTicks,
} from "./guest/slots.ts";
import type { WatchdogMessage, WatchdogNews } from "./guest/watchdog.ts";
import { WATCHDOG_SOURCE } from "./guest_source.ts";
import { startWalledWorker, workerUrl } from "./permissions.ts";

/** How often the two clocks are compared; the quickest answer counts. */
const CLOCK_SAMPLES = 8;
const START_TIMEOUT_MS = 10_000;

/** Watches every worker of one sandbox. */
export class Watchdog {
  readonly #worker: Worker;
  readonly #table = new Int32Array(new SharedArrayBuffer(TABLE_BYTES));
  readonly #bell = new Int32Array(new SharedArrayBuffer(4));
  readonly #news = new MessageChannel();
  readonly #stops = new Map<number, SharedArrayBuffer>();
  #isDead = false;
  #madeAtMs = 0;
  readonly #freeSlots: number[] = [];
  #slots = 0;

  private constructor(worker: Worker) {
    this.#worker = worker;
  }

  /**
   * Starts a watchdog.
   *
   * @returns it, watching.
   * @throws {KernelError} sandbox.worker_failed
   */
  static async start(): Promise<Watchdog> {
    const worker = startWalledWorker(workerUrl(WATCHDOG_SOURCE), "metacore watchdog");
    const watchdog = new Watchdog(worker);
    let timer: ReturnType<typeof setTimeout> | undefined;
    const failed = new Promise<never>((_, reject) => {
      const fail = (event?: Event) => {
        event?.preventDefault();
        reject(sandboxError("sandbox.worker_failed", "The watchdog of the sandbox did not start."));
      };
      worker.onerror = fail;
      timer = setTimeout(fail, START_TIMEOUT_MS);
    });
    try {
      await Promise.race([watchdog.#begin(), failed]);
    } catch (thrown) {
      worker.terminate();
      throw thrown;
    } finally {
      clearTimeout(timer);
    }
    worker.onmessage = null;
    worker.onerror = (event) => {
      event.preventDefault();
      watchdog.#die();
    };
    return watchdog;
  }

  /** Whether its thread has ended of itself: what it watched is stopped, and it watches nobody more. */
  get isDead(): boolean {
    return this.#isDead;
  }

  /** Nobody sets an epoch any more: no worker of its may begin anything. */
  #die(): void {
    this.#isDead = true;
    for (const stop of this.#stops.values()) Atomics.store(new Int32Array(stop), 0, 1);
  }

  /** Takes a worker into its care. @returns its slot, and what the worker has to get */
  watch(): { readonly slot: WatchSlot; readonly link: WatchdogLink } {
    const index = this.#freeSlots.pop() ?? this.#slots++;
    if (index >= MAX_SLOTS) {
      throw sandboxError("sandbox.worker_failed", `More than ${MAX_SLOTS} workers were started.`);
    }
    const stop = new SharedArrayBuffer(4);
    const { port1, port2 } = new MessageChannel();
    this.#stops.set(index, stop);
    Atomics.store(this.#table, stateWord(index), 0);
    this.#tell({ t: "watch", slot: index, stop, port: port1 }, [port1]);
    const slot = new WatchSlot(this.#table, this.#bell, index, stop, this.#madeAtMs, () => {
      this.#stops.delete(index);
      this.#tell({ t: "forget", slot: index });
      this.#freeSlots.push(index);
    });
    // It was made for a SharedArrayBuffer above.
    return { slot, link: { port: port2, bell: this.#bell.buffer as unknown as SharedArrayBuffer } };
  }

  /** Ends it; nothing may run any more. */
  close(): void {
    Atomics.store(this.#table, CLOSED, 1);
    ring(this.#bell);
    this.#news.port1.close();
    this.#worker.terminate();
  }

  /** Compares the clocks, then hands the table over. */
  async #begin(): Promise<void> {
    let bestMs = Infinity;
    let aheadMs = 0;
    for (let sample = 0; sample < CLOCK_SAMPLES; sample++) {
      const sentMs = performance.now();
      const theirsMs = await this.#ask({ t: "time" });
      const tookMs = performance.now() - sentMs;
      if (tookMs >= bestMs) continue;
      bestMs = tookMs;
      aheadMs = theirsMs - (sentMs + tookMs / 2);
    }
    this.#madeAtMs = performance.now();
    const startedAtMs = this.#madeAtMs + aheadMs;
    // Both were made for a SharedArrayBuffer above.
    const table = this.#table.buffer as unknown as SharedArrayBuffer;
    const bell = this.#bell.buffer as unknown as SharedArrayBuffer;
    const news = this.#news.port2;
    await this.#ask({ t: "begin", table, bell, news, startedAtMs }, [news]);
  }

  #ask(message: WatchdogMessage, transfer: Transferable[] = []): Promise<number> {
    return new Promise((resolve) => {
      this.#worker.onmessage = (event: MessageEvent<number>) => resolve(event.data);
      this.#worker.postMessage(message, transfer);
    });
  }

  #tell(news: WatchdogNews, transfer: Transferable[] = []): void {
    this.#news.port1.postMessage(news, transfer);
    ring(this.#bell);
  }
}

/** What a worker needs to reach the watchdog. */
export interface WatchdogLink {
  readonly port: MessagePort;
  readonly bell: SharedArrayBuffer;
}

/** One worker in the watchdog's care. */
export class WatchSlot {
  readonly #table: Int32Array;
  readonly #bell: Int32Array;
  readonly #index: number;
  readonly #madeAtMs: number;
  readonly #release: () => void;
  readonly #word: Int32Array;
  #running = 0;
  #isReleased = false;

  /** Made by {@link Watchdog.watch}. */
  constructor(
    table: Int32Array,
    bell: Int32Array,
    index: number,
    readonly stop: SharedArrayBuffer,
    madeAtMs: number,
    release: () => void,
  ) {
    this.#table = table;
    this.#bell = bell;
    this.#index = index;
    this.#madeAtMs = madeAtMs;
    this.#release = release;
    this.#word = new Int32Array(stop);
  }

  /** Whether the worker was told to stop; there is no way back. */
  get isStopped(): boolean {
    return Atomics.load(this.#word, 0) !== 0;
  }

  /**
   * Begins an invocation.
   *
   * @param deadlineMs on this thread's clock.
   */
  begin(deadlineMs: number): void {
    this.#running = this.#running % 0x3fff_ffff + 1;
    const time = toTicks(deadlineMs - this.#madeAtMs);
    Atomics.store(this.#table, deadlineWord(this.#index), time);
    Atomics.store(this.#table, stateWord(this.#index), this.#running);
    if (laterMs(time, Atomics.load(this.#table, SLEEPS_UNTIL)) < 0) ring(this.#bell);
  }

  /** Ends an invocation. @returns false when the worker was stopped before */
  finish(): boolean {
    const state = stateWord(this.#index);
    return Atomics.compareExchange(this.#table, state, this.#running, 0) === this.#running;
  }

  /** Stops whatever the worker runs, for good. */
  stopNow(): void {
    if (this.#isReleased) return;
    Atomics.store(this.#table, stateWord(this.#index), -Math.max(1, this.#running));
    Atomics.store(this.#word, 0, 1);
    Atomics.notify(this.#word, 0);
    ring(this.#bell);
  }

  /** Lets the worker go; its thread has ended or is about to. */
  release(): void {
    if (this.#isReleased) return;
    this.#isReleased = true;
    this.#release();
  }
}

/**
 * The main thread's side of the watchdog: starts it, tells it of workers and deadlines. What stops
 * guests runs in a thread of its own (`guest/watchdog.ts`), so that a busy main thread delays nothing.
 *
 * @module
 */

import { sandboxError } from "./errors.ts";
import {
  BELL,
  deadlineWord,
  laterMs,
  MAX_SLOTS,
  SLEEPS_UNTIL,
  stateWord,
  TABLE_BYTES,
  toTicks,
} from "./guest/slots.ts";
import type { WatchdogMessage } from "./guest/watchdog.ts";
import { WATCHDOG_SOURCE } from "./guest_source.ts";
import { startWalledWorker, workerUrl } from "./permissions.ts";

/** How often the two clocks are compared; the quickest answer counts. */
const CLOCK_SAMPLES = 8;
const START_TIMEOUT_MS = 10_000;

/** Watches every worker of one sandbox. */
export class Watchdog {
  readonly #worker: Worker;
  readonly #table = new Int32Array(new SharedArrayBuffer(TABLE_BYTES));
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
    return watchdog;
  }

  /** Takes a worker into its care. @returns its slot, and the port that the worker has to get */
  watch(): { readonly slot: WatchSlot; readonly port: MessagePort } {
    const index = this.#freeSlots.pop() ?? this.#slots++;
    if (index >= MAX_SLOTS) {
      throw sandboxError("sandbox.worker_failed", `More than ${MAX_SLOTS} workers were started.`);
    }
    const stop = new SharedArrayBuffer(4);
    const { port1, port2 } = new MessageChannel();
    Atomics.store(this.#table, stateWord(index), 0);
    this.#send({ t: "watch", slot: index, stop, port: port1 }, [port1]);
    const slot = new WatchSlot(this.#table, index, stop, this.#madeAtMs, () => {
      this.#send({ t: "forget", slot: index });
      this.#freeSlots.push(index);
    });
    return { slot, port: port2 };
  }

  /** Ends it; nothing may run any more. */
  close(): void {
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
    // SharedArrayBuffer was made for it above.
    const table = this.#table.buffer as unknown as SharedArrayBuffer;
    await this.#ask({ t: "begin", table, startedAtMs });
  }

  #ask(message: WatchdogMessage): Promise<number> {
    return new Promise((resolve) => {
      this.#worker.onmessage = (event: MessageEvent<number>) => resolve(event.data);
      this.#send(message);
    });
  }

  #send(message: WatchdogMessage, transfer: Transferable[] = []): void {
    this.#worker.postMessage(message, transfer);
  }
}

/** One worker in the watchdog's care. */
export class WatchSlot {
  readonly #table: Int32Array;
  readonly #index: number;
  readonly #madeAtMs: number;
  readonly #release: () => void;
  readonly #word: Int32Array;
  #running = 0;
  #isReleased = false;

  /** Made by {@link Watchdog.watch}. */
  constructor(
    table: Int32Array,
    index: number,
    readonly stop: SharedArrayBuffer,
    madeAtMs: number,
    release: () => void,
  ) {
    this.#table = table;
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
    if (laterMs(time, Atomics.load(this.#table, SLEEPS_UNTIL)) < 0) this.#ring();
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
    this.#ring();
  }

  /** Lets the worker go; its thread has ended or is about to. */
  release(): void {
    if (this.#isReleased) return;
    this.#isReleased = true;
    this.#release();
  }

  #ring(): void {
    Atomics.add(this.#table, BELL, 1);
    Atomics.notify(this.#table, BELL);
  }
}

/**
 * Entry of the watchdog, one worker for all guests: sets the epoch and the stop word of a guest whose
 * time is up or that was killed, whatever the main thread does meanwhile. Runs no guest code. Blocks
 * between deadlines instead of waiting for events: timers of the event loop are a millisecond late,
 * and buffers of new instances need nobody awake until one of them has to be stopped.
 *
 * @module
 */

import { receiveMessageOnPort } from "node:worker_threads";
import { emptyScope, nowMs, onEvent, send } from "./own_globals.ts";
import { STOPPED, type ToWatchdog } from "./protocol.ts";
import { EPOCH_WORD } from "./reserved.ts";
import {
  CLOSED,
  deadlineWord,
  FAR_TICKS,
  laterMs,
  SLEEPS_UNTIL,
  stateWord,
  toTicks,
} from "./slots.ts";

/** What the main thread sends before the watchdog begins. */
export type WatchdogMessage =
  /** What time is it here? */
  | { readonly t: "time" }
  /** Begins; the thread hears its port and the bell from here on, and no events. */
  | {
    readonly t: "begin";
    readonly table: SharedArrayBuffer;
    readonly bell: SharedArrayBuffer;
    readonly news: MessagePort;
    /** This thread's time at which the table was made. */
    readonly startedAtMs: number;
  };

/** What the main thread sends through the port. */
export type WatchdogNews =
  /** A worker to watch. */
  | {
    readonly t: "watch";
    readonly slot: number;
    readonly stop: SharedArrayBuffer;
    readonly port: MessagePort;
  }
  /** A worker that has gone. */
  | { readonly t: "forget"; readonly slot: number };

interface Watched {
  readonly stop: Int32Array;
  readonly port: MessagePort;
  epoch: Int32Array | undefined;
  /** When the preparation of an instance has to be over, as a time of the table. */
  prepareBy: number | undefined;
  isStopped: boolean;
}

/** The watch over every worker of one sandbox. */
class Watch {
  readonly #watched = new Map<number, Watched>();
  readonly #table: Int32Array;
  readonly #bell: Int32Array;
  readonly #news: MessagePort;
  readonly #startedAtMs: number;

  constructor(begin: Extract<WatchdogMessage, { t: "begin" }>) {
    this.#table = new Int32Array(begin.table);
    this.#bell = new Int32Array(begin.bell);
    this.#news = begin.news;
    this.#startedAtMs = begin.startedAtMs;
  }

  /** Sleeps until the earliest deadline or the bell, until the watchdog is closed. */
  keep(): void {
    while (Atomics.load(this.#table, CLOSED) === 0) {
      const bell = Atomics.load(this.#bell, 0);
      // While this looks around, every new deadline rings: one that is missed below is heard after.
      Atomics.store(this.#table, SLEEPS_UNTIL, (this.#now() + FAR_TICKS) | 0);
      this.#hear();
      const next = this.#lookAround(this.#now());
      Atomics.store(this.#table, SLEEPS_UNTIL, next);
      Atomics.wait(this.#bell, 0, bell, Math.max(0, laterMs(next, this.#now())));
    }
  }

  #now(): number {
    return toTicks(nowMs() - this.#startedAtMs);
  }

  #hear(): void {
    for (const news of heard<WatchdogNews>(this.#news)) {
      const before = this.#watched.get(news.slot);
      if (before !== undefined) {
        this.#stop(before);
        before.port.close();
        this.#watched.delete(news.slot);
      }
      if (news.t === "forget") continue;
      const { stop, port } = news;
      this.#watched.set(news.slot, {
        stop: new Int32Array(stop),
        port,
        epoch: undefined,
        prepareBy: undefined,
        isStopped: false,
      });
    }
    for (const entry of this.#watched.values()) this.#hearFrom(entry);
  }

  #hearFrom(entry: Watched): void {
    for (const news of heard<ToWatchdog>(entry.port)) {
      if (typeof news !== "number") entry.epoch = new Int32Array(news);
      else entry.prepareBy = news > 0 ? (this.#now() + toTicks(news)) | 0 : undefined;
    }
  }

  /** Stops who is late. @returns when to look again */
  #lookAround(now: number): number {
    let waitMs = laterMs((now + FAR_TICKS) | 0, now) / 2;
    for (const [slot, entry] of this.#watched) {
      if (entry.isStopped) continue;
      const leftMs = this.#leftMs(slot, now);
      const prepareMs = entry.prepareBy === undefined ? Infinity : laterMs(entry.prepareBy, now);
      if (leftMs <= 0 || prepareMs <= 0) this.#stop(entry);
      else waitMs = Math.min(waitMs, leftMs, prepareMs);
    }
    return (now + toTicks(waitMs)) | 0;
  }

  /** What a slot has left, 0 when it has to stop, in milliseconds. */
  #leftMs(slot: number, now: number): number {
    const state = Atomics.load(this.#table, stateWord(slot));
    if (state < 0) return 0;
    if (state === 0) return Infinity;
    const leftMs = laterMs(Atomics.load(this.#table, deadlineWord(slot)), now);
    if (leftMs > 0) return leftMs;
    const before = Atomics.compareExchange(this.#table, stateWord(slot), state, -state);
    // One that has ended meanwhile: whatever came after it is looked at again at once.
    return before === state ? 0 : 1 / 16;
  }

  /**
   * The stop word first: a worker that makes an instance after this sees it, the buffer of one that
   * was made before is in the port.
   */
  #stop(entry: Watched): void {
    if (entry.isStopped) return;
    entry.isStopped = true;
    Atomics.store(entry.stop, 0, 1);
    Atomics.notify(entry.stop, 0);
    this.#hearFrom(entry);
    if (entry.epoch !== undefined) Atomics.store(entry.epoch, EPOCH_WORD, 1);
    entry.port.postMessage(STOPPED);
  }
}

/** Messages that wait in a port. The types are the protocol's: both ends are the kernel's own code. */
function* heard<T>(port: MessagePort): Generator<T> {
  for (;;) {
    // Node's type of a port is another one than the web's; at run time it is the same.
    const message = receiveMessageOnPort(port as never) as { readonly message: T } | undefined;
    if (message === undefined) return;
    yield message.message;
  }
}

onEvent("message", (event) => {
  // The only sender is the main thread.
  const message = (event as MessageEvent<WatchdogMessage>).data;
  send(nowMs());
  if (message.t === "begin") new Watch(message).keep();
});

// Deno makes these when a port is closed by its other end.
emptyScope(["Event", "MessageEvent", "CloseEvent", "EventTarget"]);

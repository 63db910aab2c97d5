/**
 * Entry of the watchdog, one worker for all guests: sets the epoch and the stop word of a guest whose
 * time is up or that was killed, whatever the main thread does meanwhile. Runs no guest code.
 *
 * @module
 */

import { emptyScope, nowMs, onEvent, send } from "./own_globals.ts";
import { STOPPED, type ToWatchdog } from "./protocol.ts";
import { EPOCH_WORD } from "./reserved.ts";
import {
  BELL,
  deadlineWord,
  FAR_TICKS,
  laterMs,
  SLEEPS_UNTIL,
  stateWord,
  toTicks,
} from "./slots.ts";

/** What the main thread sends to the watchdog. */
export type WatchdogMessage =
  /** What time is it here? */
  | { readonly t: "time" }
  /** Begins: the shared table, and this thread's time at which it was made. */
  | { readonly t: "begin"; readonly table: SharedArrayBuffer; readonly startedAtMs: number }
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

const watched = new Map<number, Watched>();
let table: Int32Array = new Int32Array(0);
let startedAtMs = 0;

onEvent("message", (event) => {
  // The only sender is the main thread.
  const message = (event as MessageEvent<WatchdogMessage>).data;
  if (message.t === "time") send(nowMs());
  else if (message.t === "begin") begin(message.table, message.startedAtMs);
  else if (message.t === "watch") watch(message.slot, message.stop, message.port);
  else forget(message.slot);
});

function begin(shared: SharedArrayBuffer, madeAtMs: number): void {
  if (table.length > 0) return;
  table = new Int32Array(shared);
  startedAtMs = madeAtMs;
  send(nowMs());
  void keepWatch();
}

function watch(slot: number, stop: SharedArrayBuffer, port: MessagePort): void {
  const entry: Watched = {
    stop: new Int32Array(stop),
    port,
    epoch: undefined,
    prepareBy: undefined,
    isStopped: false,
  };
  watched.set(slot, entry);
  port.onmessage = (event: MessageEvent<ToWatchdog>) => takeNews(entry, event.data);
}

function forget(slot: number): void {
  const entry = watched.get(slot);
  if (entry === undefined) return;
  // Its port stays open until the thread has gone: a last instance may still be on its way.
  end(entry);
  watched.delete(slot);
}

function takeNews(entry: Watched, news: ToWatchdog): void {
  if (typeof news !== "number") {
    entry.epoch = new Int32Array(news);
    if (entry.isStopped) Atomics.store(entry.epoch, EPOCH_WORD, 1);
    return;
  }
  entry.prepareBy = news > 0 ? toTicks(nowMs() - startedAtMs + news) : undefined;
  if (entry.prepareBy !== undefined && isEarlier(entry.prepareBy)) ring();
}

function isEarlier(time: number): boolean {
  return laterMs(time, Atomics.load(table, SLEEPS_UNTIL)) < 0;
}

function ring(): void {
  Atomics.add(table, BELL, 1);
  Atomics.notify(table, BELL);
}

/** Sleeps until the earliest deadline or the bell, for ever. */
async function keepWatch(): Promise<never> {
  for (;;) {
    const bell = Atomics.load(table, BELL);
    const now = toTicks(nowMs() - startedAtMs);
    // While this looks around, every new deadline rings: one that is missed below is heard after.
    Atomics.store(table, SLEEPS_UNTIL, (now + FAR_TICKS) | 0);
    const next = lookAround(now);
    Atomics.store(table, SLEEPS_UNTIL, next);
    const waiting = Atomics.waitAsync(table, BELL, bell, Math.max(0, laterMs(next, now)));
    if (waiting.async) await waiting.value;
  }
}

/** Stops who is late. @returns when to look again */
function lookAround(now: number): number {
  let waitMs = laterMs((now + FAR_TICKS) | 0, now) / 2;
  for (const [slot, entry] of watched) {
    if (entry.isStopped) continue;
    const state = Atomics.load(table, stateWord(slot));
    if (state < 0) {
      end(entry);
      continue;
    }
    const leftMs = state === 0 ? Infinity : laterMs(Atomics.load(table, deadlineWord(slot)), now);
    const prepareMs = entry.prepareBy === undefined ? Infinity : laterMs(entry.prepareBy, now);
    if (leftMs <= 0 && Atomics.compareExchange(table, stateWord(slot), state, -state) === state) {
      end(entry);
    } else if (prepareMs <= 0) {
      end(entry);
    } else {
      // A slot that changed under our eyes is looked at again at once.
      waitMs = Math.min(waitMs, prepareMs, leftMs <= 0 ? 0 : leftMs);
    }
  }
  return (now + Math.ceil(waitMs * 16)) | 0;
}

function end(entry: Watched): void {
  entry.isStopped = true;
  Atomics.store(entry.stop, 0, 1);
  Atomics.notify(entry.stop, 0);
  if (entry.epoch !== undefined) Atomics.store(entry.epoch, EPOCH_WORD, 1);
  entry.port.postMessage(STOPPED);
}

emptyScope();

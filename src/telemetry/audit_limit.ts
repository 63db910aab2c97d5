/**
 * Keeps what happens again and again from flooding audit and log: the first of a kind is told at
 * once, then at most one in ten seconds with the number of those it stands for. Nothing is lost
 * from the numbers.
 *
 * @module
 */

import type { Clock } from "../base/clock.ts";

/** Time between two reports of one thing, in milliseconds. */
export const REPORT_EVERY_MS = 10_000;
/** Different things of one source that are told apart within that time. */
export const MAX_KEYS_PER_SOURCE = 20;
/** Sources that are remembered; the oldest is reported and forgotten. */
const MAX_SOURCES = 1_000;

/** Tells of something, and of how many it stands for. */
export type Report<Item> = (item: Item, count: number) => void;

interface Pending<Item> {
  nextAtMs: number;
  unreported: number;
  /** The last one. */
  item: Item;
}

/** What one source did. */
interface Source<Item> {
  readonly byKey: Map<string, Pending<Item>>;
  /** All that came beyond {@link MAX_KEYS_PER_SOURCE}, as one. */
  rest: Pending<Item> | undefined;
}

/** Reports repeated things now and then. */
export class AuditLimit<Item> {
  readonly #clock: Clock;
  readonly #report: Report<Item>;
  readonly #reportRest: Report<Item>;
  readonly #sources = new Map<string, Source<Item>>();
  #nextSweepMs = 0;

  /**
   * Creates a limit.
   *
   * @param clock tells when something may be told again.
   * @param report told of one thing that happened once or more.
   * @param reportRest told of different things together, the last of them as an example.
   */
  constructor(clock: Clock, report: Report<Item>, reportRest: Report<Item>) {
    this.#clock = clock;
    this.#report = report;
    this.#reportRest = reportRest;
  }

  /**
   * Takes one.
   *
   * @param source whose doing it is: one source cannot use up what another may tell.
   * @param key equal for equal things.
   * @param item what is told.
   */
  take(source: string, key: string, item: Item): void {
    const now = this.#clock.nowMs();
    const pending = this.#sources.get(source)?.byKey.get(key);
    // Before the sweep, so that it is told together with those before it.
    if (pending !== undefined) this.#again(pending, item, now, this.#report);
    if (now >= this.#nextSweepMs) this.#sweep(now);
    if (pending !== undefined) return;
    const known = this.#source(source);
    if (known.byKey.size < MAX_KEYS_PER_SOURCE) {
      known.byKey.set(key, { nextAtMs: now + REPORT_EVERY_MS, unreported: 0, item });
      this.#report(item, 1);
    } else {
      known.rest ??= { nextAtMs: now, unreported: 0, item };
      this.#again(known.rest, item, now, this.#reportRest);
    }
  }

  /** Reports what has been counted only; called before the end, and from time to time. */
  flush(): void {
    for (const source of this.#sources.values()) this.#tell(source);
    this.#sources.clear();
  }

  #again(pending: Pending<Item>, item: Item, now: number, report: Report<Item>): void {
    pending.unreported++;
    pending.item = item;
    this.#tellDue(pending, now, report);
  }

  #tellDue(pending: Pending<Item>, now: number, report: Report<Item>): void {
    if (now < pending.nextAtMs || pending.unreported === 0) return;
    const count = pending.unreported;
    pending.nextAtMs = now + REPORT_EVERY_MS;
    pending.unreported = 0;
    report(pending.item, count);
  }

  #source(name: string): Source<Item> {
    const known = this.#sources.get(name);
    if (known !== undefined) return known;
    const oldest = this.#sources.size >= MAX_SOURCES ? this.#sources.entries().next().value : null;
    if (oldest) {
      this.#tell(oldest[1]);
      this.#sources.delete(oldest[0]);
    }
    const source: Source<Item> = { byKey: new Map(), rest: undefined };
    this.#sources.set(name, source);
    return source;
  }

  /** Forgets what is over, so that a source may tell of other things again. */
  #sweep(now: number): void {
    this.#nextSweepMs = now + REPORT_EVERY_MS;
    for (const [name, source] of this.#sources) {
      for (const [key, pending] of source.byKey) {
        if (now < pending.nextAtMs) continue;
        if (pending.unreported === 0) source.byKey.delete(key);
        this.#tellDue(pending, now, this.#report);
      }
      if (source.rest !== undefined) this.#tellDue(source.rest, now, this.#reportRest);
      if (source.rest !== undefined && now >= source.rest.nextAtMs) source.rest = undefined;
      if (source.byKey.size === 0 && source.rest === undefined) this.#sources.delete(name);
    }
  }

  #tell(source: Source<Item>): void {
    for (const { item, unreported } of source.byKey.values()) {
      if (unreported > 0) this.#report(item, unreported);
    }
    if (source.rest !== undefined && source.rest.unreported > 0) {
      this.#reportRest(source.rest.item, source.rest.unreported);
    }
  }
}

/**
 * What holders hold, remembered for seconds. A change made by this process is seen at once, one made
 * by another within {@link MAX_AGE_MS}. The number of entries is bounded.
 *
 * @module
 */

import type { Clock } from "../base/clock.ts";
import type { Holder } from "./grant_store.ts";

/** How long what was read is believed, in milliseconds: other replicas change it too. */
export const MAX_AGE_MS = 5_000;
/** Most holders remembered. */
export const MAX_CACHED_HOLDERS = 10_000;

type Held = ReadonlySet<string>;

interface Entry {
  readonly held: Promise<Held>;
  readonly goodUntilMs: number;
}

/** Remembers permissions by holder. */
export class GrantCache {
  readonly #entries = new Map<string, Entry>();
  readonly #load: (holder: Holder) => Promise<Held>;
  readonly #clock: Clock;
  readonly #maxEntries: number;

  /**
   * Creates an empty cache.
   *
   * @param load reads what a holder holds.
   * @param clock tells the age of entries.
   * @param maxEntries most holders remembered. @default {@link MAX_CACHED_HOLDERS}
   */
  constructor(
    load: (holder: Holder) => Promise<Held>,
    clock: Clock,
    maxEntries: number = MAX_CACHED_HOLDERS,
  ) {
    this.#load = load;
    this.#clock = clock;
    this.#maxEntries = maxEntries;
  }

  /** Holders remembered. */
  get size(): number {
    return this.#entries.size;
  }

  /**
   * Tells what a holder holds; callers at one time share one reading.
   *
   * @param holder a role or user.
   * @returns the permissions, at most {@link MAX_AGE_MS} old.
   */
  held(holder: Holder): Promise<Held> {
    const key = keyOf(holder);
    const now = this.#clock.nowMs();
    const known = this.#entries.get(key);
    if (known !== undefined && known.goodUntilMs > now) return known.held;
    // The age counts from before the reading. The entry is there while it is read, so that `forget`
    // also discards a reading that began before the change.
    const entry: Entry = { held: this.#load(holder), goodUntilMs: now + MAX_AGE_MS };
    entry.held.catch(() => {
      if (this.#entries.get(key) === entry) this.#entries.delete(key);
    });
    this.#entries.delete(key);
    this.#evict();
    this.#entries.set(key, entry);
    return entry.held;
  }

  /** Forgets a holder. @param holder whose permissions have changed. */
  forget(holder: Holder): void {
    this.#entries.delete(keyOf(holder));
  }

  #evict(): void {
    if (this.#entries.size < this.#maxEntries) return;
    const oldest = this.#entries.keys().next();
    if (!oldest.done) this.#entries.delete(oldest.value);
  }
}

/** Neither an id nor a kind has a slash, so no two holders share a key. */
function keyOf(holder: Holder): string {
  return `${holder.organizationId}/${holder.kind}/${holder.name}`;
}

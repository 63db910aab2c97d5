/**
 * Whether the people behind valid tokens are still who the tokens say: active, and in which role.
 * Remembered for seconds, so that a disabled or demoted user loses their rights at once and not when
 * the token expires, at no cost to most requests.
 *
 * @module
 */

import type { Clock } from "../base/clock.ts";

/** How long what was read is believed, in milliseconds. */
export const STANDING_MAX_AGE_MS = 5_000;
/** Most users remembered. */
export const MAX_CACHED_STANDINGS = 10_000;

/** The role of an active user; undefined when the user is disabled, gone or of another organization. */
export type Standing = string | undefined;

interface Entry {
  readonly standing: Promise<Standing>;
  readonly goodUntilMs: number;
}

/** Remembers standings by user. */
export class StandingCache {
  readonly #entries = new Map<string, Entry>();
  readonly #load: (organizationId: string, userId: string) => Promise<Standing>;
  readonly #clock: Clock;

  /**
   * Creates an empty cache.
   *
   * @param load reads the role of an active user.
   * @param clock tells the age of entries.
   */
  constructor(
    load: (organizationId: string, userId: string) => Promise<Standing>,
    clock: Clock,
  ) {
    this.#load = load;
    this.#clock = clock;
  }

  /**
   * Tells the standing of a user, at most {@link STANDING_MAX_AGE_MS} old.
   *
   * @param organizationId the organization of the token.
   * @param userId the user of the token.
   * @returns the role, or undefined when the token is worth nothing any more.
   */
  of(organizationId: string, userId: string): Promise<Standing> {
    const key = `${organizationId} ${userId}`;
    const now = this.#clock.nowMs();
    const known = this.#entries.get(key);
    if (known !== undefined && known.goodUntilMs > now) return known.standing;
    const standing = this.#load(organizationId, userId);
    const entry: Entry = { standing, goodUntilMs: now + STANDING_MAX_AGE_MS };
    // A failed reading is not remembered: the next request asks again.
    standing.catch(() => {
      if (this.#entries.get(key) === entry) this.#entries.delete(key);
    });
    this.#entries.delete(key);
    if (this.#entries.size >= MAX_CACHED_STANDINGS) {
      const oldest = this.#entries.keys().next();
      if (!oldest.done) this.#entries.delete(oldest.value);
    }
    this.#entries.set(key, entry);
    return standing;
  }
}

/**
 * Keeps what was made for a key, up to a number of entries; the least recently used goes first.
 *
 * @module
 */

/** A bounded cache. */
export class BoundedCache<T> {
  readonly #entries = new Map<string, T>();
  readonly #limit: number;

  /**
   * Creates an empty cache.
   *
   * @param limit most entries, 1 and up.
   */
  constructor(limit: number) {
    this.#limit = limit;
  }

  /** How many entries there are. */
  get size(): number {
    return this.#entries.size;
  }

  /**
   * Finds an entry.
   *
   * @param key its key.
   * @returns the entry, or undefined.
   */
  get(key: string): T | undefined {
    const found = this.#entries.get(key);
    if (found === undefined) return undefined;
    this.#entries.delete(key);
    this.#entries.set(key, found);
    return found;
  }

  /**
   * Keeps an entry.
   *
   * @param key its key.
   * @param value what is kept.
   */
  set(key: string, value: T): void {
    this.#entries.delete(key);
    this.#entries.set(key, value);
    if (this.#entries.size <= this.#limit) return;
    const oldest = this.#entries.keys().next().value;
    if (oldest !== undefined) this.#entries.delete(oldest);
  }

  /**
   * Finds an entry or makes it.
   *
   * @param key its key.
   * @param make makes it when it is absent.
   * @returns the entry.
   */
  take(key: string, make: () => T): T {
    const found = this.get(key);
    if (found !== undefined) return found;
    const made = make();
    this.set(key, made);
    return made;
  }
}

/**
 * Identifiers: UUIDv7 for everything the kernel creates, and the grammars of names that authors
 * give (contract/metacore.md §3.2). It does not know what the names name.
 *
 * @module
 */

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

/** Grammar of an addon key: 2 to 64 characters. */
export const ADDON_KEY: RegExp = /^[a-z][a-z0-9_]{1,63}$/;
/** Grammar of a table name: 1 to 64 characters. */
export const TABLE_NAME: RegExp = /^[a-z][a-z0-9_]{0,63}$/;
/** Grammar of a column name: 1 to 63 characters. */
export const COLUMN_NAME: RegExp = /^[a-z][a-z0-9_]{0,62}$/;

/** Keys no addon may have: they name the kernel itself. */
export const RESERVED_ADDON_KEYS: ReadonlySet<string> = new Set(["kernel", "metacore", "host"]);

/** Source of identifiers; a port, so that tests are deterministic. */
export interface IdSource {
  /** A new UUIDv7 in lower case. */
  next(): string;
}

/**
 * Makes a UUIDv7 (RFC 9562 §5.7) from a time and 10 random bytes.
 *
 * @param timeMs Unix time in milliseconds, 0 to 2^48-1.
 * @param random at least 10 random bytes.
 * @returns the identifier in lower case.
 */
export function uuidV7(timeMs: number, random: Uint8Array): string {
  const bytes = new Uint8Array(16);
  const view = new DataView(bytes.buffer);
  view.setUint16(0, Math.floor(timeMs / 2 ** 32));
  view.setUint32(2, timeMs % 2 ** 32);
  bytes.set(random.subarray(0, 10), 6);
  bytes[6] = 0x70 | (bytes[6]! & 0x0f);
  bytes[8] = 0x80 | (bytes[8]! & 0x3f);
  const hex = bytes.toHex();
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${
    hex.slice(20)
  }`;
}

/** Random identifiers drawn at once: asking for random bytes one by one would cost more than all else. */
const POOL_IDS = 512;
/** Random hex digits of one identifier: 4 bits complete the variant's digit, 60 follow. */
const RANDOM_DIGITS = 16;

/** {@link IdSource} over the system's clock and random numbers, ordered within a millisecond. */
export class SystemIds implements IdSource {
  #lastMs = 0;
  #counter = 0;
  /** The identifier's first 15 characters, the same for a whole millisecond. */
  #prefix = "";
  #pool = "";
  #offset = 0;

  /**
   * Makes the next identifier: greater than every one this source made before.
   *
   * @returns a UUIDv7 whose 12 bits after the version count within the millisecond (RFC 9562 §6.2).
   */
  next(): string {
    this.#advance();
    if (this.#offset >= this.#pool.length) {
      this.#pool = crypto.getRandomValues(new Uint8Array(POOL_IDS * RANDOM_DIGITS / 2)).toHex();
      this.#offset = 0;
    }
    const random = this.#pool.substring(this.#offset, this.#offset + RANDOM_DIGITS);
    this.#offset += RANDOM_DIGITS;
    const counter = this.#counter.toString(16).padStart(3, "0");
    const variant = "89ab"[random.charCodeAt(0) & 3];
    return `${this.#prefix}${counter}-${variant}${random.substring(1, 4)}-${random.substring(4)}`;
  }

  #advance(): void {
    const now = Date.now();
    if (now <= this.#lastMs && ++this.#counter <= 0xfff) return;
    // The clock stands or went back and the counter is full: borrow the next millisecond.
    this.#lastMs = now > this.#lastMs ? now : this.#lastMs + 1;
    this.#counter = 0;
    const time = this.#lastMs.toString(16).padStart(12, "0");
    this.#prefix = `${time.substring(0, 8)}-${time.substring(8)}-7`;
  }
}

/**
 * Tells whether a text is a UUID of any version.
 *
 * @param text anything.
 * @returns true when it is one.
 */
export function isUuid(text: unknown): text is string {
  return typeof text === "string" && UUID.test(text);
}

/**
 * Contents of files at hand, most recently used last, up to a number of bytes in all. Who may have
 * them is decided before it is asked.
 *
 * @module
 */

type Content = Uint8Array<ArrayBuffer>;

/** Reads once what many ask for at one time. */
export class ContentCache {
  readonly #kept = new Map<string, Content>();
  readonly #reading = new Map<string, Promise<Content | undefined>>();
  readonly #maxBytes: number;
  #bytes = 0;

  /** @param maxBytes most bytes that are kept; a larger file is read each time. */
  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /**
   * Gives a content.
   *
   * @param name what never means another content.
   * @param read reads it; undefined where it is gone.
   * @returns what was kept or read.
   */
  async get(
    name: string,
    read: () => Promise<Content | undefined>,
  ): Promise<Content | undefined> {
    const kept = this.#kept.get(name);
    if (kept !== undefined) {
      this.#kept.delete(name);
      this.#kept.set(name, kept);
      return kept;
    }
    const running = this.#reading.get(name);
    if (running !== undefined) return await running;
    const reading = read().finally(() => this.#reading.delete(name));
    this.#reading.set(name, reading);
    const content = await reading;
    if (content !== undefined) this.#keep(name, content);
    return content;
  }

  #keep(name: string, content: Content): void {
    if (content.length > this.#maxBytes / 4) return;
    this.#kept.set(name, content);
    this.#bytes += content.length;
    for (const [oldest, bytes] of this.#kept) {
      if (this.#bytes <= this.#maxBytes) return;
      this.#kept.delete(oldest);
      this.#bytes -= bytes.length;
    }
  }
}

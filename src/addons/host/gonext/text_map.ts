/**
 * Decodes the maps from text to text that plugins hand to observability functions: MessagePack
 * (contract/gonext.md §2.2), or JSON as the Rust SDK sends it. Nothing else of MessagePack is read.
 *
 * @module
 */

import { isJsonObject, type Json } from "../../../base/json.ts";

const STRICT_UTF8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
/** Entries that are read at most; a blob of 64 KiB could hold half as many as it has bytes. */
const MAX_ENTRIES = 256;
const OPEN_BRACE = 0x7b;

/**
 * Decodes a map.
 *
 * @param bytes MessagePack or JSON; empty is an empty map.
 * @returns the map, or undefined when it is none from text to text.
 */
export function decodeTextMap(bytes: Uint8Array): ReadonlyMap<string, string> | undefined {
  if (bytes.length === 0) return new Map();
  // As MessagePack a brace is the integer 123, which is no map.
  if (bytes[0] === OPEN_BRACE) return fromJson(bytes);
  try {
    return new MessagePackReader(bytes).map();
  } catch {
    return undefined;
  }
}

function fromJson(bytes: Uint8Array): ReadonlyMap<string, string> | undefined {
  try {
    const value = JSON.parse(STRICT_UTF8.decode(bytes)) as Json;
    if (!isJsonObject(value)) return undefined;
    const entries = Object.entries(value);
    if (entries.length > MAX_ENTRIES) return undefined;
    const map = new Map<string, string>();
    for (const [key, held] of entries) {
      if (typeof held !== "string") return undefined;
      map.set(key, held);
    }
    return map;
  } catch {
    return undefined;
  }
}

class MessagePackReader {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  /** @throws {RangeError | TypeError} where the bytes are no such map, or something follows it. */
  map(): Map<string, string> {
    const count = this.#mapSize();
    if (count > MAX_ENTRIES) throw new RangeError("too many entries");
    const map = new Map<string, string>();
    for (let index = 0; index < count; index++) {
      const key = this.#text();
      map.set(key, this.#text());
    }
    if (this.#at !== this.#bytes.length) throw new RangeError("something follows the map");
    return map;
  }

  #mapSize(): number {
    const tag = this.#unsigned(1);
    if (tag >= 0x80 && tag <= 0x8f) return tag & 0x0f;
    if (tag === 0xde) return this.#unsigned(2);
    if (tag === 0xdf) return this.#unsigned(4);
    throw new RangeError("no map");
  }

  #text(): string {
    const tag = this.#unsigned(1);
    const size = tag >= 0xa0 && tag <= 0xbf
      ? tag & 0x1f
      : tag === 0xd9
      ? this.#unsigned(1)
      : tag === 0xda
      ? this.#unsigned(2)
      : tag === 0xdb
      ? this.#unsigned(4)
      : NaN;
    if (!(this.#at + size <= this.#bytes.length)) throw new RangeError("no text");
    this.#at += size;
    return STRICT_UTF8.decode(this.#bytes.subarray(this.#at - size, this.#at));
  }

  #unsigned(size: 1 | 2 | 4): number {
    const at = this.#at;
    this.#at += size;
    if (size === 1) return this.#view.getUint8(at);
    return size === 2 ? this.#view.getUint16(at) : this.#view.getUint32(at);
  }
}

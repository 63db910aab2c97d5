/**
 * Writes tar and gzip by hand, wrong ones too, so that the reader is tested against something other
 * than the writer it ships with.
 *
 * @module
 */

import { crc32, deflateRawSync } from "node:zlib";

const encoder = new TextEncoder();

/** Fields of a header; every one has a sound value where none is given. */
export interface RawHeader {
  readonly name: string;
  readonly body?: Uint8Array | string;
  /** One character. @default "0" */
  readonly type?: string;
  /** Size as the header claims it. */
  readonly size?: number;
  /** The 12 bytes of the size field as they are. */
  readonly sizeField?: string;
  readonly prefix?: string;
  /** 8 bytes from offset 257. @default "ustar\0" + "00" */
  readonly magic?: string;
  readonly linkname?: string;
  /** Added to the checksum. */
  readonly checksumError?: number;
  /** Byte that fills up the last block. @default 0 */
  readonly padding?: number;
}

/**
 * Writes one entry: header, body, padding.
 *
 * @param raw its fields.
 * @returns a multiple of 512 bytes.
 */
export function rawEntry(raw: RawHeader): Uint8Array {
  const body = typeof raw.body === "string"
    ? encoder.encode(raw.body)
    : raw.body ?? new Uint8Array();
  const entry = new Uint8Array(512 + Math.ceil(body.length / 512) * 512).fill(
    raw.padding ?? 0,
    512,
  );
  const put = (text: string, offset: number) => entry.set(encoder.encode(text), offset);
  put(raw.name, 0);
  put("0000644\0", 100);
  put("0000000\0", 108);
  put("0000000\0", 116);
  put(raw.sizeField ?? octal(raw.size ?? body.length, 11), 124);
  put(octal(0, 11), 136);
  put(raw.type ?? "0", 156);
  put(raw.linkname ?? "", 157);
  put(raw.magic ?? "ustar\x0000", 257);
  put(raw.prefix ?? "", 345);
  sealHeader(entry, 0, raw.checksumError ?? 0);
  entry.set(body, 512);
  return entry;
}

/**
 * Writes the right checksum into a header.
 *
 * @param tar an archive.
 * @param offset where the header lies.
 * @param error added to the checksum.
 */
export function sealHeader(tar: Uint8Array, offset: number, error = 0): void {
  tar.fill(32, offset + 148, offset + 156);
  const sum = tar.subarray(offset, offset + 512).reduce((total, byte) => total + byte, 0);
  tar.set(encoder.encode(`${octal(sum + error, 6)} `), offset + 148);
}

/**
 * Writes a PAX header with its records.
 *
 * @param records keys and values.
 * @param type `x` for the next entry, `g` for all. @default "x"
 * @returns the entry.
 */
export function paxEntry(records: Readonly<Record<string, string>>, type = "x"): Uint8Array {
  const body = Object.entries(records).map(([key, value]) => {
    const rest = encoder.encode(` ${key}=${value}\n`).length;
    let length = rest + 1;
    while (rest + String(length).length !== length) length = rest + String(length).length;
    return `${length} ${key}=${value}\n`;
  }).join("");
  return rawEntry({ name: "PaxHeaders/x", type, body });
}

/**
 * Joins entries and ends the archive.
 *
 * @param entries entries.
 * @param end what closes it. @default two blocks of zeros
 * @returns the tar.
 */
export function rawTar(
  entries: readonly Uint8Array[],
  end: Uint8Array = new Uint8Array(1024),
): Uint8Array {
  return joinBytes([...entries, end]);
}

/** What is wrong with a gzip member. */
export interface RawGzip {
  readonly flags?: number;
  /** Bytes between the fixed header and the deflate stream. */
  readonly extra?: Uint8Array;
  readonly crc?: number;
  readonly length?: number;
  readonly method?: number;
}

/**
 * Writes one gzip member.
 *
 * @param bytes its content.
 * @param raw what differs from a sound one.
 * @returns the member.
 */
export function rawGzip(bytes: Uint8Array, raw: RawGzip = {}): Uint8Array {
  const trailer = new DataView(new ArrayBuffer(8));
  trailer.setUint32(0, raw.crc ?? crc32(bytes), true);
  trailer.setUint32(4, raw.length ?? bytes.length, true);
  return joinBytes([
    new Uint8Array([0x1f, 0x8b, raw.method ?? 8, raw.flags ?? 0, 0, 0, 0, 0, 0, 255]),
    raw.extra ?? new Uint8Array(),
    deflateRawSync(bytes),
    new Uint8Array(trailer.buffer),
  ]);
}

/**
 * Joins bytes.
 *
 * @param parts parts in order.
 * @returns one array.
 */
export function joinBytes(parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((total, part) => total + part.length, 0));
  let offset = 0;
  for (const part of parts) {
    whole.set(part, offset);
    offset += part.length;
  }
  return whole;
}

function octal(value: number, digits: number): string {
  return `${value.toString(8).padStart(digits, "0")}\0`;
}

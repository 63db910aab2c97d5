/**
 * One gzip member, no more (RFC 1952): header, deflate stream, CRC-32 and length. It reads the
 * header itself and inflates raw, because the built-in gzip readers take further members and do not
 * tell what follows the stream.
 *
 * @module
 */

import { crc32, createInflateRaw, deflateRawSync } from "node:zlib";
import { badGzip, overLimit } from "./errors.ts";
import { type ArchiveLimits, RATIO_FREE_BYTES } from "./limits.ts";

const HEADER_BYTES = 10;
const TRAILER_BYTES = 8;
const MAX_HEADER_TEXT_BYTES = 1024;
const CHUNK_BYTES = 64 * 1024;
const FLAG_HEADER_CRC = 2;
const FLAG_EXTRA = 4;
const FLAG_NAME = 8;
const FLAG_COMMENT = 16;
const RESERVED_FLAGS = 0xe0;

/**
 * Unpacks a gzip file that is exactly one member.
 *
 * @param archive the whole file.
 * @param limits bounds on what comes out; counted while inflating.
 * @returns the unpacked bytes.
 * @throws {KernelError} bundle.bad_gzip — damaged, cut, or followed by anything;
 *   bundle.unpacked_too_large, bundle.ratio_too_high — a bound is exceeded.
 */
export async function gunzipOne(
  archive: Uint8Array,
  limits: Required<ArchiveLimits>,
): Promise<Uint8Array> {
  const start = headerLength(archive);
  const { chunks, consumed, length, crc } = await inflate(archive.subarray(start), limits);
  checkTrailer(archive, start + consumed, length, crc);
  return joined(chunks, length);
}

/**
 * Packs bytes as one gzip member with no time, no name and operating system 255 in its header, so
 * that equal input gives equal bytes (contract/author.md §5).
 *
 * @param bytes what to pack.
 * @returns the gzip file.
 */
export function gzipOne(bytes: Uint8Array): Uint8Array {
  const deflated = deflateRawSync(bytes, { level: 9 });
  const packed = new Uint8Array(HEADER_BYTES + deflated.length + TRAILER_BYTES);
  packed.set([0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255]);
  packed.set(deflated, HEADER_BYTES);
  const view = new DataView(packed.buffer, HEADER_BYTES + deflated.length);
  view.setUint32(0, crc32(bytes), true);
  view.setUint32(4, bytes.length % 2 ** 32, true);
  return packed;
}

function headerLength(archive: Uint8Array): number {
  if (archive.length < HEADER_BYTES + TRAILER_BYTES) throw badGzip("it is cut short");
  if (archive[0] !== 0x1f || archive[1] !== 0x8b) throw badGzip("it does not start with 1f 8b");
  if (archive[2] !== 8) throw badGzip(`compression method ${archive[2]} is unknown`);
  const flags = archive[3]!;
  if ((flags & RESERVED_FLAGS) !== 0) throw badGzip("reserved header flags are set");
  let offset = HEADER_BYTES;
  if (flags & FLAG_EXTRA) offset += 2 + (archive[offset]! | archive[offset + 1]! << 8);
  if (flags & FLAG_NAME) offset = textEnd(archive, offset);
  if (flags & FLAG_COMMENT) offset = textEnd(archive, offset);
  if (flags & FLAG_HEADER_CRC) {
    const stored = (archive[offset] ?? 0) | (archive[offset + 1] ?? 0) << 8;
    if (stored !== (crc32(archive.subarray(0, offset)) & 0xffff)) {
      throw badGzip("the checksum of its header is wrong");
    }
    offset += 2;
  }
  if (offset + TRAILER_BYTES > archive.length) throw badGzip("it is cut short");
  return offset;
}

function textEnd(archive: Uint8Array, offset: number): number {
  const end = archive.indexOf(0, offset);
  if (end < 0 || end - offset > MAX_HEADER_TEXT_BYTES) {
    throw badGzip(`a text in its header exceeds ${MAX_HEADER_TEXT_BYTES} bytes`);
  }
  return end + 1;
}

interface Inflated {
  readonly chunks: readonly Uint8Array[];
  /** Compressed bytes that the deflate stream took. */
  readonly consumed: number;
  readonly length: number;
  readonly crc: number;
}

function inflate(compressed: Uint8Array, limits: Required<ArchiveLimits>): Promise<Inflated> {
  return new Promise((resolve, reject) => {
    const inflater = createInflateRaw({ chunkSize: CHUNK_BYTES });
    const chunks: Uint8Array[] = [];
    let length = 0;
    let crc = 0;
    inflater.on("data", (chunk: Uint8Array) => {
      length += chunk.length;
      const refusal = exceeded(length, compressed.length, limits);
      if (refusal !== undefined) {
        reject(refusal);
        inflater.destroy();
        return;
      }
      crc = crc32(chunk, crc);
      chunks.push(chunk);
    });
    inflater.on("error", (error: Error) => {
      reject(badGzip("its deflate stream is damaged or cut short", error));
    });
    inflater.on("end", () => {
      // The count of bytes taken, not of bytes offered: what stays behind is the trailer.
      resolve({ chunks, consumed: inflater.bytesWritten, length, crc });
    });
    inflater.end(compressed);
  });
}

function exceeded(length: number, compressedLength: number, limits: Required<ArchiveLimits>) {
  if (length > limits.maxUnpackedBytes) {
    return overLimit(
      "bundle.unpacked_too_large",
      `Bundle unpacks to more than ${limits.maxUnpackedBytes} bytes.`,
      limits.maxUnpackedBytes,
    );
  }
  if (length > RATIO_FREE_BYTES && length > compressedLength * limits.maxRatio) {
    return overLimit(
      "bundle.ratio_too_high",
      `Bundle unpacks to more than ${limits.maxRatio} times its ${compressedLength} bytes.`,
      limits.maxRatio,
    );
  }
  return undefined;
}

function checkTrailer(archive: Uint8Array, offset: number, length: number, crc: number): void {
  const behind = archive.length - offset - TRAILER_BYTES;
  if (behind < 0) throw badGzip("it is cut short");
  const view = new DataView(archive.buffer, archive.byteOffset + offset, TRAILER_BYTES);
  if (view.getUint32(0, true) !== crc) throw badGzip("the CRC-32 of its content is wrong");
  if (view.getUint32(4, true) !== length % 2 ** 32) {
    throw badGzip(`it says ${view.getUint32(4, true)} bytes and holds ${length}`);
  }
  if (behind === 0) return;
  const next = archive.subarray(offset + TRAILER_BYTES);
  if (next[0] === 0x1f && next[1] === 0x8b) throw badGzip("a second gzip member follows");
  throw badGzip(`${behind} trailing bytes follow`);
}

function joined(chunks: readonly Uint8Array[], length: number): Uint8Array {
  const whole = new Uint8Array(length);
  let offset = 0;
  for (const chunk of chunks) {
    whole.set(chunk, offset);
    offset += chunk.length;
  }
  return whole;
}

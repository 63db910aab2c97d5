/**
 * Reads the bundle out of an install request: a form's field `bundle`, or the archive as the body.
 *
 * @module
 */

import { missingBundle } from "../errors.ts";
import type { Exchange } from "../exchange.ts";
import type { HttpLimits } from "../limits.ts";
import { mediaTypeOf, readBytes } from "./body.ts";
import { parseMultipart } from "./multipart.ts";

/** Media types under which the archive itself is sent. */
export const ARCHIVE_TYPES: readonly string[] = [
  "application/gzip",
  "application/x-gzip",
  "application/x-gtar",
  "application/x-tgz",
  "application/x-compressed-tar",
  "application/tar+gzip",
];

/**
 * Reads the archive.
 *
 * @param exchange the request.
 * @param limits size of the upload.
 * @returns the bytes, not looked at.
 * @throws {KernelError} http.missing_bundle — when there is none; those of `readBytes` and
 *   `parseMultipart`.
 */
export async function readBundle(exchange: Exchange, limits: HttpLimits): Promise<Uint8Array> {
  const type = mediaTypeOf(exchange.request);
  if (ARCHIVE_TYPES.includes(type)) {
    const archive = await readBytes(exchange, limits.bundleBytes);
    if (archive.byteLength === 0) throw missingBundle();
    return archive;
  }
  // Any other type holds no bundle, so its body is not worth reading.
  if (type !== "multipart/form-data") throw missingBundle();
  const body = await readBytes(exchange, limits.bundleBytes);
  const parts = parseMultipart(body, exchange.request.headers.get("content-type") ?? "");
  const bundle = parts.find((part) => part.name === "bundle" && part.filename !== undefined);
  if (bundle === undefined || bundle.bytes.byteLength === 0) throw missingBundle();
  return bundle.bytes;
}

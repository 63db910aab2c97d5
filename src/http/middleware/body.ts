/**
 * Reads request bodies: bytes are counted while they arrive, whatever the headers promise, and
 * nothing is inflated.
 *
 * @module
 */

import {
  bodyInterrupted,
  bodyTooLarge,
  invalidBody,
  invalidContentType,
  unsupportedEncoding,
} from "../errors.ts";
import type { Exchange } from "../exchange.ts";
import type { HttpLimits } from "../limits.ts";

const JSON_TYPE = /^application\/(?:json|[\w.-]+\+json)$/;
const UTF8 = new TextDecoder("utf-8", { fatal: true });

/**
 * The media type of a body.
 *
 * @param request the request.
 * @returns the type in lower case without parameters; empty where none is named.
 */
export function mediaTypeOf(request: Request): string {
  const header = request.headers.get("content-type") ?? "";
  const end = header.indexOf(";");
  return (end < 0 ? header : header.slice(0, end)).trim().toLowerCase();
}

/**
 * Reads a whole body.
 *
 * @param exchange the request.
 * @param limitBytes most bytes that are read.
 * @returns the bytes; none where there is no body.
 * @throws {KernelError} http.body_too_large, http.unsupported_encoding, http.body_interrupted
 */
export async function readBytes(exchange: Exchange, limitBytes: number): Promise<Uint8Array> {
  if (exchange.bodyBytes !== undefined) return exchange.bodyBytes;
  const { headers, body } = exchange.request;
  const encoding = headers.get("content-encoding");
  if (encoding !== null && encoding.toLowerCase() !== "identity") throw unsupportedEncoding();
  // An honest client learns at once; what a dishonest one sends is counted below.
  if (Number(headers.get("content-length") ?? 0) > limitBytes) throw bodyTooLarge(limitBytes);
  if (body === null) return new Uint8Array(0);
  exchange.bodyReader = body.getReader();
  try {
    const bytes = await readAll(exchange.bodyReader, limitBytes);
    // Stopping cancels the reader, which looks like the end: what came so far is not a body.
    if (exchange.stopped) throw bodyInterrupted(undefined);
    return bytes;
  } finally {
    exchange.bodyReader = undefined;
  }
}

async function readAll(
  reader: ReadableStreamDefaultReader<Uint8Array>,
  limitBytes: number,
): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let total = 0;
  for (;;) {
    const { done, value } = await reader.read().catch((cause) => {
      throw bodyInterrupted(cause);
    });
    if (done) return chunks.length === 1 ? chunks[0]! : joined(chunks, total);
    total += value.byteLength;
    if (total > limitBytes) {
      reader.cancel().catch(() => {});
      throw bodyTooLarge(limitBytes);
    }
    chunks.push(value);
  }
}

function joined(chunks: readonly Uint8Array[], total: number): Uint8Array {
  const bytes = new Uint8Array(total);
  let offset = 0;
  for (const chunk of chunks) {
    bytes.set(chunk, offset);
    offset += chunk.byteLength;
  }
  return bytes;
}

/**
 * Reads a JSON body.
 *
 * @param exchange the request.
 * @param limits size and depth.
 * @returns any JSON value, `null` and arrays included: services say what they take.
 * @throws {KernelError} http.invalid_content_type, http.invalid_body, and those of
 *   {@link readBytes}.
 */
export async function readJson(exchange: Exchange, limits: HttpLimits): Promise<unknown> {
  checkJsonType(exchange);
  return parseJson(await readBytes(exchange, limits.jsonBytes), limits);
}

/**
 * Reads a JSON body that may be absent. That there is none shows when it is read: a server gives a
 * stream to a request that has neither a length nor chunks.
 *
 * @param exchange the request.
 * @param limits size and depth.
 * @returns as {@link readJson}; undefined where no byte came.
 * @throws {KernelError} as {@link readJson}.
 */
export async function readJsonOrNothing(
  exchange: Exchange,
  limits: HttpLimits,
): Promise<unknown> {
  const bytes = await readBytes(exchange, limits.jsonBytes);
  if (bytes.byteLength === 0) return undefined;
  checkJsonType(exchange);
  return parseJson(bytes, limits);
}

function checkJsonType({ request }: Exchange): void {
  if (!JSON_TYPE.test(mediaTypeOf(request))) throw invalidContentType("application/json");
}

/**
 * Reads JSON out of bytes that are there already, such as a field of a form.
 *
 * @param bytes the text in UTF-8.
 * @param limits size and depth.
 * @returns any JSON value.
 * @throws {KernelError} http.invalid_body, http.body_too_large
 */
export function parseJson(bytes: Uint8Array, limits: HttpLimits): unknown {
  if (bytes.byteLength > limits.jsonBytes) throw bodyTooLarge(limits.jsonBytes);
  let text: string;
  let value: unknown;
  try {
    text = UTF8.decode(bytes);
    value = JSON.parse(text);
  } catch (cause) {
    throw invalidBody("the body is not JSON in UTF-8", cause);
  }
  if (nestsDeeper(text, limits.jsonDepth)) {
    throw invalidBody(`the body nests deeper than ${limits.jsonDepth} levels`);
  }
  return value;
}

/** Looks at text that is known to be JSON. */
function nestsDeeper(text: string, limit: number): boolean {
  let depth = 0;
  for (let index = 0; index < text.length; index++) {
    const code = text.charCodeAt(index);
    if (code === 0x22) index = endOfString(text, index);
    else if (code === 0x7b || code === 0x5b) {
      if (++depth > limit) return true;
    } else if (code === 0x7d || code === 0x5d) depth--;
  }
  return false;
}

function endOfString(text: string, start: number): number {
  for (let index = start + 1; index < text.length; index++) {
    const code = text.charCodeAt(index);
    if (code === 0x5c) index++;
    else if (code === 0x22) return index;
  }
  return text.length;
}

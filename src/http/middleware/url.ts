/**
 * Refuses URLs that no route could read rightly, before any route sees them.
 *
 * @module
 */

import { invalidUrlEscape, urlTooLong } from "../errors.ts";
import type { Exchange } from "../exchange.ts";

const BROKEN_ESCAPE = /%(?![0-9A-Fa-f]{2})/;
const ESCAPES = /(?:%[0-9A-Fa-f]{2})+/g;

/**
 * Checks the URL of a request.
 *
 * @param exchange the request.
 * @param lengthLimit longest URL in characters.
 * @throws {KernelError} http.url_too_long; http.invalid_url_escape — an escape that is not two hex
 *   digits, that is not UTF-8, or that is NUL, which no engine stores in a text.
 */
export function checkUrl(exchange: Exchange, lengthLimit: number): void {
  if (exchange.urlLength > lengthLimit) throw urlTooLong(lengthLimit);
  if (exchange.path.includes("%")) checkEscapes(exchange.path);
  if (exchange.search.includes("%")) checkEscapes(exchange.search);
}

function checkEscapes(text: string): void {
  const broken = text.search(BROKEN_ESCAPE);
  if (broken >= 0) throw invalidUrlEscape(text.slice(broken, broken + 3));
  for (const [escapes] of text.matchAll(ESCAPES)) {
    let decoded: string;
    try {
      decoded = decodeURIComponent(escapes);
    } catch {
      throw invalidUrlEscape(escapes.slice(0, 12));
    }
    if (decoded.includes("\0")) throw invalidUrlEscape("%00");
  }
}

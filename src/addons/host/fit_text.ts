/**
 * Cuts a text so that its JSON fits: escaping can make it six times as long.
 *
 * @module
 */

const CHUNK = 65_536;

/**
 * Cuts a text.
 *
 * @param text any text.
 * @param maxBytes most bytes of its JSON in UTF-8.
 * @returns the text, or as much of its beginning as fits, cut between characters.
 */
export function fitText(text: string, maxBytes: number): string {
  let left = maxBytes - 2;
  for (let at = 0; at < text.length;) {
    const end = boundary(text, at + CHUNK);
    const bytes = jsonBytes(text.slice(at, end));
    if (bytes > left) return text.slice(0, longestFit(text, { at, end, left }));
    left -= bytes;
    at = end;
  }
  return text;
}

/** Where the longest piece that fits ends, found by halving. */
function longestFit(
  text: string,
  { at, end, left }: { readonly at: number; readonly end: number; readonly left: number },
): number {
  let fits = at;
  let fails = end;
  while (fails - fits > 1) {
    const middle = Math.floor((fits + fails) / 2);
    if (jsonBytes(text.slice(at, middle)) <= left) fits = middle;
    else fails = middle;
  }
  return boundary(text, fits, -1);
}

function jsonBytes(text: string): number {
  return new TextEncoder().encode(JSON.stringify(text)).length - 2;
}

/** Not between the halves of a surrogate pair. */
function boundary(text: string, at: number, step: 1 | -1 = 1): number {
  if (at >= text.length) return text.length;
  const isInside = /[\uDC00-\uDFFF]/.test(text[at]!) && /[\uD800-\uDBFF]/.test(text[at - 1] ?? "");
  return isInside ? at + step : at;
}

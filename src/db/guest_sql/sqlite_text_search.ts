/**
 * Searching in texts for guests' SQL on SQLite, in time of text plus pattern. The engine of
 * JavaScript takes their product for some patterns, many seconds for texts of a megabyte.
 *
 * @module
 */

/** Below this product of lengths, in UTF-16 units, the engine's own search is quick enough. */
const QUICK_PRODUCT = 1_000_000;

/**
 * Finds a text in another.
 *
 * @param text that is searched.
 * @param part that is looked for.
 * @returns place of the first unit, -1 when it is not there.
 */
export function placeOf(text: string, part: string): number {
  if (text.length * part.length <= QUICK_PRODUCT) return text.indexOf(part);
  return places(text, part).next().value ?? -1;
}

/**
 * Takes a text apart.
 *
 * @param text that is taken apart.
 * @param separator at least one unit.
 * @returns what stands between the separators.
 */
export function partsOf(text: string, separator: string): string[] {
  if (text.length * separator.length <= QUICK_PRODUCT) return text.split(separator);
  const parts: string[] = [];
  let from = 0;
  for (const place of places(text, separator)) {
    parts.push(text.slice(from, place));
    from = place + separator.length;
  }
  parts.push(text.slice(from));
  return parts;
}

/** Places that do not overlap (Knuth, Morris, Pratt). */
function* places(text: string, part: string): Generator<number, undefined> {
  const borders = bordersOf(part);
  let matched = 0;
  for (let at = 0; at < text.length; at++) {
    const unit = text.charCodeAt(at);
    while (matched > 0 && part.charCodeAt(matched) !== unit) matched = borders[matched - 1]!;
    if (part.charCodeAt(matched) === unit) matched++;
    if (matched < part.length) continue;
    yield at - part.length + 1;
    matched = 0;
  }
  return undefined;
}

/** For each beginning of a text, how long its longest own beginning is that is also its end. */
function bordersOf(part: string): Int32Array {
  const borders = new Int32Array(part.length);
  let length = 0;
  for (let at = 1; at < part.length; at++) {
    const unit = part.charCodeAt(at);
    while (length > 0 && part.charCodeAt(length) !== unit) length = borders[length - 1]!;
    if (part.charCodeAt(length) === unit) length++;
    borders[at] = length;
  }
  return borders;
}

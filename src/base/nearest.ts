/**
 * The nearest of several names, for errors that say "did you mean".
 *
 * @module
 */

/**
 * Finds the candidate with the fewest edits from a name.
 *
 * @param name what was given; only its first 64 characters are compared.
 * @param candidates what would have been valid.
 * @returns the nearest, or undefined when none is within half the name's length plus one.
 */
export function nearest(name: string, candidates: Iterable<string>): string | undefined {
  const given = name.slice(0, 64).toLowerCase();
  let best: string | undefined;
  let bestDistance = Math.ceil(given.length / 2) + 1;
  for (const candidate of candidates) {
    const distance = editDistance(given, candidate.slice(0, 64).toLowerCase());
    if (distance < bestDistance) [best, bestDistance] = [candidate, distance];
  }
  return best;
}

/**
 * Counts the letters to insert, take out or exchange between two texts.
 *
 * @param a one text, short: the work grows with the product of both lengths.
 * @param b the other one.
 * @returns 0 or more.
 */
export function editDistance(a: string, b: string): number {
  let previous = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const cost = a[i - 1] === b[j - 1] ? 0 : 1;
      row.push(Math.min(previous[j]! + 1, row[j - 1]! + 1, previous[j - 1]! + cost));
    }
    previous = row;
  }
  return previous[b.length]!;
}

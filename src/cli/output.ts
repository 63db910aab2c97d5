/**
 * Lines for people: results to standard output, everything else to standard error.
 *
 * @module
 */

const encoder = new TextEncoder();

/**
 * Prints a line of a result.
 *
 * @param line the line without its newline.
 */
export function print(line: string): void {
  writeAll(Deno.stdout, line);
}

/**
 * Prints a line about what happens or went wrong.
 *
 * @param line the line without its newline.
 */
export function printError(line: string): void {
  writeAll(Deno.stderr, line);
}

function writeAll(stream: { writeSync(bytes: Uint8Array): number }, line: string): void {
  let rest = encoder.encode(`${line}\n`);
  while (rest.length > 0) rest = rest.subarray(stream.writeSync(rest));
}

/**
 * Reads V8's stack texts for the frames of guests. Names in them come from the module's name section
 * and are hostile: nothing but numbers is believed, names are escaped and cut.
 *
 * @module
 */

/** A frame of a guest as the engine printed it. */
export interface StackFrame {
  /** Byte in the module that ran. */
  readonly offset: number;
  /** Index as printed; Deno 2.9 prints 0 for every function, so offsets are to be preferred. */
  readonly printedIndex: number;
  /** Name as printed. */
  readonly name?: string;
}

const MAX_TEXT = 65_536;
const MAX_FRAMES = 64;
const MAX_NAME = 200;
/** At the end of a line; a name before it may hold anything, the same text included. */
const POSITION = /wasm-function\[(\d{1,8})\]:0x([0-9a-f]{1,8})\)?$/;
// deno-lint-ignore no-control-regex
const UNPRINTABLE = /[\u0000-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069\ufeff]/g;

/**
 * Reads frames.
 *
 * @param stack text of an error's stack; what is over 64 KiB is not looked at.
 * @returns frames of WebAssembly functions, the innermost first, at most 64.
 */
export function readStackFrames(stack: string): StackFrame[] {
  const frames: StackFrame[] = [];
  for (const line of stack.slice(0, MAX_TEXT).split("\n")) {
    const position = POSITION.exec(line);
    if (position === null) continue;
    const name = nameOf(line);
    frames.push({
      offset: parseInt(position[2]!, 16),
      printedIndex: Number(position[1]),
      ...(name === undefined ? {} : { name }),
    });
    if (frames.length === MAX_FRAMES) break;
  }
  return frames;
}

/**
 * Makes hostile text fit to be shown: control and direction characters are escaped, the rest cut.
 *
 * @param text of a guest.
 * @param maxCharacters what is kept.
 * @returns the text.
 */
export function shown(text: string, maxCharacters: number): string {
  const cut = text.length > maxCharacters ? `${text.slice(0, maxCharacters)}…` : text;
  return cut.toWellFormed().replace(
    UNPRINTABLE,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}

function nameOf(line: string): string | undefined {
  const start = line.indexOf("at ");
  const end = line.lastIndexOf(" (wasm://");
  if (start < 0 || end <= start + 3) return undefined;
  return shown(line.slice(start + 3, end), MAX_NAME);
}

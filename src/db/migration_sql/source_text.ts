/**
 * Positions in the text of a migration. The parser counts bytes of UTF-8 in its tree and characters
 * in its complaints; people count lines and columns.
 *
 * @module
 */

/** A line and a column, both from 1; columns count characters. */
export interface Position {
  readonly line: number;
  readonly column: number;
}

/** The text of one migration. */
export class SourceText {
  readonly #text: string;
  #bytes: Uint8Array | undefined;

  /**
   * Wraps text.
   *
   * @param text the whole file.
   */
  constructor(text: string) {
    this.#text = text;
  }

  /**
   * Finds the position of a byte.
   *
   * @param offset bytes of UTF-8 from the start; what lies outside is moved to the nearest end.
   * @returns line and column.
   */
  atByte(offset: number): Position {
    this.#bytes ??= new TextEncoder().encode(this.#text);
    return endOf(new TextDecoder().decode(this.#bytes.subarray(0, Math.max(0, offset))));
  }

  /**
   * Finds the position of a character.
   *
   * @param index characters (code points) from the start.
   * @returns line and column.
   */
  atCharacter(index: number): Position {
    let units = 0;
    for (let count = 0; count < index && units < this.#text.length; count++) {
      units += (this.#text.codePointAt(units) ?? 0) > 0xffff ? 2 : 1;
    }
    return endOf(this.#text.slice(0, units));
  }
}

function endOf(before: string): Position {
  const lineStart = before.lastIndexOf("\n") + 1;
  let line = 1;
  for (let at = before.indexOf("\n"); at !== -1; at = before.indexOf("\n", at + 1)) line++;
  return { line, column: [...before.slice(lineStart)].length + 1 };
}

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
  #lines: readonly Line[] | undefined;

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
    this.#lines ??= linesOf(this.#text);
    let line = this.#lines.findLastIndex((each) => each.startByte <= offset);
    if (line < 0) line = 0;
    const { text, startByte } = this.#lines[line] ?? { text: "", startByte: 0 };
    const before = new TextEncoder().encode(text).subarray(0, Math.max(0, offset - startByte));
    return { line: line + 1, column: [...new TextDecoder().decode(before)].length + 1 };
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
    const lines = this.#text.slice(0, units).split("\n");
    return { line: lines.length, column: [...lines.at(-1) ?? ""].length + 1 };
  }
}

interface Line {
  readonly text: string;
  readonly startByte: number;
}

function linesOf(text: string): readonly Line[] {
  const encoder = new TextEncoder();
  let startByte = 0;
  return text.split("\n").map((line) => {
    const here = { text: line, startByte };
    startByte += encoder.encode(line).length + 1;
    return here;
  });
}

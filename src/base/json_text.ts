/**
 * JSON that an engine has already written. Services hand it on as text, so that a list travels from
 * the database to the socket without being parsed and printed again.
 *
 * @module
 */

/** JSON text of a known shape. */
export class JsonText<T> {
  /** The text, valid JSON. */
  readonly text: string;

  /**
   * Wraps text.
   *
   * @param text valid JSON, trusted: it goes out as it is.
   */
  constructor(text: string) {
    this.text = text;
  }

  /**
   * Parses the text.
   *
   * @returns the value.
   */
  value(): T {
    return JSON.parse(this.text) as T;
  }
}

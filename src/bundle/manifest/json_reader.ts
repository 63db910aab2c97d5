/**
 * Strict JSON (RFC 8259) with bounds, for text that a stranger wrote. `JSON.parse` takes repeated keys
 * (the last wins), any depth and numbers it cannot hold, so two readers could see two documents; here
 * each of those is an error with line and column.
 *
 * @module
 */

import type { Json } from "../../base/json.ts";
import { badJson, badText, overLimit } from "../errors.ts";

/** Greatest size of a JSON text in bytes or UTF-16 units. */
export const MAX_JSON_BYTES: number = 1024 * 1024;
/** Greatest depth of nesting. */
export const MAX_JSON_DEPTH = 64;

/**
 * Reads a JSON text.
 *
 * @param source the text, or its bytes in UTF-8.
 * @param name what is read, for messages.
 * @returns the value; its objects never have a key `__proto__`.
 * @throws {KernelError} bundle.bad_json — a syntax error, a repeated key, a number that cannot be held
 *   exactly, NUL or half a surrogate pair in a text, too deep; bundle.bad_text — not UTF-8;
 *   bundle.entry_too_large — more than 1 MiB.
 */
export function readJson(source: string | Uint8Array, name = "manifest.json"): Json {
  if (source.length > MAX_JSON_BYTES) {
    throw overLimit(
      "bundle.entry_too_large",
      `${name} has more than ${MAX_JSON_BYTES} bytes.`,
      MAX_JSON_BYTES,
    );
  }
  return new JsonReader(typeof source === "string" ? source : decode(source, name), name).read();
}

function decode(bytes: Uint8Array, name: string): string {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw badText(name);
  }
}

const BLANKS = /[ \t\n\r]*/y;
const NUMBER = /-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?/y;
const WORD = /true|false|null/y;

class JsonReader {
  readonly #text: string;
  readonly #name: string;
  #at = 0;

  constructor(text: string, name: string) {
    this.#text = text;
    this.#name = name;
  }

  read(): Json {
    this.#skipBlanks();
    const value = this.#value(1);
    this.#skipBlanks();
    if (this.#at < this.#text.length) throw this.#fault("something follows the document");
    return value;
  }

  #value(depth: number): Json {
    const start = this.#text[this.#at];
    if (start === "{" || start === "[") {
      if (depth > MAX_JSON_DEPTH) throw this.#fault(`nested deeper than ${MAX_JSON_DEPTH} levels`);
      return start === "{" ? this.#object(depth) : this.#array(depth);
    }
    if (start === '"') return this.#string();
    const word = this.#match(WORD);
    if (word !== undefined) return word === "null" ? null : word === "true";
    return this.#number();
  }

  #object(depth: number): Json {
    const object: Record<string, Json> = {};
    if (this.#opensEmpty("}")) return object;
    do {
      this.#skipBlanks();
      const keyAt = this.#at;
      if (this.#text[keyAt] !== '"') throw this.#fault("a key in double quotes is expected");
      const key = this.#string();
      if (key === "__proto__") throw this.#fault('the key "__proto__" is not taken', keyAt);
      if (Object.hasOwn(object, key)) {
        throw this.#fault(`the key ${JSON.stringify(key.slice(0, 64))} is there twice`, keyAt);
      }
      this.#skipBlanks();
      if (this.#text[this.#at] !== ":") throw this.#fault('":" is expected');
      this.#at++;
      this.#skipBlanks();
      object[key] = this.#value(depth + 1);
    } while (this.#continues("}"));
    return object;
  }

  #array(depth: number): Json {
    const items: Json[] = [];
    if (this.#opensEmpty("]")) return items;
    do {
      this.#skipBlanks();
      items.push(this.#value(depth + 1));
    } while (this.#continues("]"));
    return items;
  }

  #opensEmpty(close: "}" | "]"): boolean {
    this.#at++;
    this.#skipBlanks();
    if (this.#text[this.#at] !== close) return false;
    this.#at++;
    return true;
  }

  #continues(close: "}" | "]"): boolean {
    this.#skipBlanks();
    const next = this.#text[this.#at];
    if (next !== "," && next !== close) throw this.#fault(`"," or "${close}" is expected`);
    this.#at++;
    return next === ",";
  }

  #string(): string {
    const start = this.#at;
    this.#at = this.#stringEnd(start);
    const text = this.#unescaped(this.#text.slice(start, this.#at), start);
    // Neither engine stores these: PostgreSQL refuses both in text and in JSON.
    if (text.includes("\0")) throw this.#fault("a text holds NUL", start);
    if (!text.isWellFormed()) throw this.#fault("a text holds half a surrogate pair", start);
    return text;
  }

  /** Only finds the end: escapes and control characters are judged by `JSON.parse` afterwards. */
  #stringEnd(start: number): number {
    let at = start + 1;
    while (at < this.#text.length) {
      const character = this.#text[at];
      if (character === '"') return at + 1;
      at += character === "\\" ? 2 : 1;
    }
    throw this.#fault("a text has no end", start);
  }

  #unescaped(literal: string, start: number): string {
    try {
      return JSON.parse(literal) as string;
    } catch {
      throw this.#fault("a text holds a bad escape or a raw control character", start);
    }
  }

  #number(): number {
    const start = this.#at;
    const literal = this.#match(NUMBER);
    if (literal === undefined) {
      throw this.#fault(
        start < this.#text.length ? "a value is expected" : "the document ends early",
      );
    }
    const number = Number(literal);
    const isInteger = /^-?[0-9]+$/.test(literal);
    if (!Number.isFinite(number) || (isInteger && !Number.isSafeInteger(number))) {
      throw this.#fault(`the number ${literal.slice(0, 40)} is out of range`, start);
    }
    return number;
  }

  #match(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.#at;
    const found = pattern.exec(this.#text)?.[0];
    if (found !== undefined) this.#at += found.length;
    return found;
  }

  #skipBlanks(): void {
    this.#match(BLANKS);
  }

  #fault(message: string, at = this.#at): Error {
    const before = this.#text.slice(0, at);
    const line = before.split("\n").length;
    return badJson(this.#name, message, line, at - before.lastIndexOf("\n"));
  }
}

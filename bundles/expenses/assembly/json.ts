/**
 * JSON for AssemblyScript. Numbers keep their text, so that `9007199254740993` and `12.50` come out
 * as they went in.
 */

/** What a value is. */
export enum JsonKind {
  Null,
  Boolean,
  Number,
  String,
  Array,
  Object,
}

/** A JSON value. */
export class Json {
  readonly kind: JsonKind;
  /** Text of a number or string; `true` or `false` of a boolean. */
  readonly text: string;
  private keys: string[] = [];
  private values: Json[] = [];

  constructor(kind: JsonKind, text: string) {
    this.kind = kind;
    this.text = text;
  }

  static null(): Json {
    return new Json(JsonKind.Null, "null");
  }

  static boolean(value: bool): Json {
    return new Json(JsonKind.Boolean, value ? "true" : "false");
  }

  static number(value: f64): Json {
    if (!isFinite(value)) return Json.null();
    const isWhole = value == Math.floor(value) && Math.abs(value) < 9007199254740992;
    return new Json(JsonKind.Number, isWhole ? (value as i64).toString() : value.toString());
  }

  static integer(value: i64): Json {
    return new Json(JsonKind.Number, value.toString());
  }

  static string(value: string): Json {
    return new Json(JsonKind.String, value);
  }

  static array(): Json {
    return new Json(JsonKind.Array, "");
  }

  static object(): Json {
    return new Json(JsonKind.Object, "");
  }

  /** Reads a text; traps where it is no JSON. */
  static parse(text: string): Json {
    const parser = new Parser(text);
    const value = parser.value(0);
    parser.end();
    return value;
  }

  get isNull(): bool {
    return this.kind == JsonKind.Null;
  }

  /** Number of elements or members. */
  get length(): i32 {
    return this.values.length;
  }

  /** A member; null where there is none. */
  get(key: string): Json {
    const at = this.keys.indexOf(key);
    return at < 0 ? Json.null() : this.values[at];
  }

  /** An element; null where there is none. */
  at(index: i32): Json {
    return index >= 0 && index < this.values.length ? this.values[index] : Json.null();
  }

  /** Adds or replaces a member. */
  set(key: string, value: Json): Json {
    const at = this.keys.indexOf(key);
    if (at >= 0) {
      this.values[at] = value;
      return this;
    }
    this.keys.push(key);
    this.values.push(value);
    return this;
  }

  /** Adds an element. */
  push(value: Json): Json {
    this.values.push(value);
    return this;
  }

  /** The text of a string or number; else the given text. */
  asString(otherwise: string = ""): string {
    return this.kind == JsonKind.String || this.kind == JsonKind.Number ? this.text : otherwise;
  }

  /** The value of a number, or of a string that holds one, as decimals do; else the given number. */
  asNumber(otherwise: f64 = 0): f64 {
    if (this.kind != JsonKind.String && this.kind != JsonKind.Number) return otherwise;
    const value = parseFloat(this.text);
    return isNaN(value) ? otherwise : value;
  }

  asBoolean(): bool {
    return this.kind == JsonKind.Boolean && this.text == "true";
  }

  toString(): string {
    if (this.kind == JsonKind.String) return quote(this.text);
    if (this.kind != JsonKind.Array && this.kind != JsonKind.Object) return this.text;
    const parts = new Array<string>(this.values.length);
    for (let i = 0; i < this.values.length; i++) {
      const value = this.values[i].toString();
      parts[i] = this.kind == JsonKind.Array ? value : `${quote(this.keys[i])}:${value}`;
    }
    const inside = parts.join(",");
    return this.kind == JsonKind.Array ? `[${inside}]` : `{${inside}}`;
  }
}

const MAX_DEPTH = 200;
const HEX = "0123456789abcdef";
const QUOTE: i32 = 0x22;
const BACKSLASH: i32 = 0x5c;

function quote(text: string): string {
  let quoted = '"';
  let from = 0;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (isPair(code, i + 1 < text.length ? text.charCodeAt(i + 1) : 0)) {
      i++;
      continue;
    }
    const isHalf = (code & 0xf800) == 0xd800;
    if (code >= 0x20 && code != QUOTE && code != BACKSLASH && !isHalf) continue;
    quoted += text.substring(from, i);
    quoted += code == QUOTE || code == BACKSLASH ? "\\" + String.fromCharCode(code) : escaped(code);
    from = i + 1;
  }
  return quoted + text.substring(from) + '"';
}

/** Half a surrogate pair has no form in UTF-8. */
function isPair(first: i32, second: i32): bool {
  return (first & 0xfc00) == 0xd800 && (second & 0xfc00) == 0xdc00;
}

function escaped(code: i32): string {
  return "\\u" + HEX.charAt(code >> 12) + HEX.charAt((code >> 8) & 15) +
    HEX.charAt((code >> 4) & 15) + HEX.charAt(code & 15);
}

class Parser {
  private at: i32 = 0;

  constructor(private readonly text: string) {}

  value(depth: i32): Json {
    if (depth > MAX_DEPTH) this.fail();
    this.skipSpace();
    const code = this.peek();
    if (code == 0x7b) return this.object(depth);
    if (code == 0x5b) return this.array(depth);
    if (code == QUOTE) return Json.string(this.string());
    if (code == 0x74) return this.word("true", JsonKind.Boolean);
    if (code == 0x66) return this.word("false", JsonKind.Boolean);
    if (code == 0x6e) return this.word("null", JsonKind.Null);
    return this.number();
  }

  end(): void {
    this.skipSpace();
    if (this.at < this.text.length) this.fail();
  }

  private object(depth: i32): Json {
    const object = Json.object();
    this.at++;
    if (this.take(0x7d)) return object;
    do {
      this.skipSpace();
      if (this.peek() != QUOTE) this.fail();
      const key = this.string();
      if (!this.take(0x3a)) this.fail();
      object.set(key, this.value(depth + 1));
    } while (this.take(0x2c));
    if (!this.take(0x7d)) this.fail();
    return object;
  }

  private array(depth: i32): Json {
    const array = Json.array();
    this.at++;
    if (this.take(0x5d)) return array;
    do {
      array.push(this.value(depth + 1));
    } while (this.take(0x2c));
    if (!this.take(0x5d)) this.fail();
    return array;
  }

  private string(): string {
    let value = "";
    let from = ++this.at;
    while (true) {
      const code = this.peek();
      if (code < 0x20) this.fail();
      if (code == QUOTE) break;
      if (code != BACKSLASH) {
        this.at++;
        continue;
      }
      value += this.text.substring(from, this.at) + this.escape();
      from = this.at;
    }
    return value + this.text.substring(from, this.at++);
  }

  private escape(): string {
    const code = this.text.charCodeAt(this.at + 1);
    this.at += 2;
    if (code == QUOTE || code == BACKSLASH || code == 0x2f) return String.fromCharCode(code);
    if (code == 0x6e) return "\n";
    if (code == 0x74) return "\t";
    if (code == 0x72) return "\r";
    if (code == 0x62) return "\b";
    if (code == 0x66) return "\f";
    if (code != 0x75 || this.at + 4 > this.text.length) this.fail();
    let unit = 0;
    for (const end = this.at + 4; this.at < end; this.at++) {
      const digit = HEX.indexOf(this.text.charAt(this.at).toLowerCase());
      if (digit < 0) this.fail();
      unit = (unit << 4) | digit;
    }
    return String.fromCharCode(unit);
  }

  private number(): Json {
    const from = this.at;
    if (this.peek() == 0x2d) this.at++;
    const isZero = this.peek() == 0x30;
    if (this.digits() > 1 && isZero) this.fail();
    if (this.peek() == 0x2e) {
      this.at++;
      this.digits();
    }
    if (this.peek() == 0x65 || this.peek() == 0x45) {
      this.at++;
      if (this.peek() == 0x2b || this.peek() == 0x2d) this.at++;
      this.digits();
    }
    return new Json(JsonKind.Number, this.text.substring(from, this.at));
  }

  /** Passes over digits, at least one. */
  private digits(): i32 {
    const from = this.at;
    while (this.peek() >= 0x30 && this.peek() <= 0x39) this.at++;
    if (this.at == from) this.fail();
    return this.at - from;
  }

  private word(word: string, kind: JsonKind): Json {
    if (this.text.substr(this.at, word.length) != word) this.fail();
    this.at += word.length;
    return new Json(kind, word);
  }

  private take(code: i32): bool {
    this.skipSpace();
    if (this.peek() != code) return false;
    this.at++;
    return true;
  }

  private skipSpace(): void {
    let code = this.peek();
    while (code == 0x20 || code == 0x0a || code == 0x0d || code == 0x09) {
      this.at++;
      code = this.peek();
    }
  }

  /** The code unit at hand; -1 at the end. */
  private peek(): i32 {
    return this.at < this.text.length ? this.text.charCodeAt(this.at) : -1;
  }

  private fail(): void {
    throw new Error(`no JSON at character ${this.at}`);
  }
}

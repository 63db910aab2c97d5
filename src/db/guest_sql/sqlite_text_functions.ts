/**
 * Functions on texts and numbers as Postgres has them, for SQLite, which lacks them or folds ASCII
 * letters only. None recurses or backtracks: the time of each grows with its arguments alone.
 *
 * @module
 */

import { sqlFailed } from "./errors.ts";
import { roundTo, type Stored, textOf } from "./sqlite_cast.ts";
import { partsOf, placeOf } from "./sqlite_text_search.ts";

/** What a function may ask while it runs. */
export interface FunctionContext {
  /** Pays for a text of that length before it is made. */
  spend(units: number): void;
  /** Unix time in milliseconds of the statement's start. */
  readonly nowMs: number;
}

/** A function over values of which none is null. */
export type GuestFunction = (
  context: FunctionContext,
  ...values: readonly NonNullable<Stored>[]
) => Stored;

const MAX_MADE_UNITS = 1_000_000;
/** Less than a millisecond of matching. */
const STEPS_BETWEEN_PAUSES = 10_000;

const text = (value: Stored | undefined): string => textOf(value ?? "");
const count = (value: Stored | undefined, otherwise = 0): number =>
  value === undefined ? otherwise : Number(value);
const characters = (value: Stored | undefined): string[] => [...text(value)];

function made(context: FunctionContext, units: number): void {
  if (units > MAX_MADE_UNITS) throw sqlFailed("A value would become too large", "54000");
  context.spend(Math.max(units, 0));
}

function substring(value: Stored | undefined, start: number, length?: number): string {
  if (length !== undefined && length < 0) {
    throw sqlFailed("negative substring length not allowed", "22011");
  }
  const end = length === undefined ? undefined : Math.max(start - 1 + length, 0);
  return characters(value).slice(Math.max(start - 1, 0), end).join("");
}

function pad(context: FunctionContext, values: readonly Stored[], side: "left" | "right"): string {
  const own = characters(values[0]);
  const width = Math.max(count(values[1]), 0);
  const filler = characters(values[2] ?? " ");
  made(context, width);
  if (own.length >= width || filler.length === 0) return own.slice(0, width).join("");
  const missing = width - own.length;
  const filled = Array.from({ length: missing }, (_, index) => filler[index % filler.length]);
  return side === "left" ? filled.join("") + own.join("") : own.join("") + filled.join("");
}

function trimmed(values: readonly Stored[], sides: "both" | "left" | "right"): string {
  const own = characters(values[0]);
  const set = new Set(characters(values[1] ?? " "));
  let [from, to] = [0, own.length];
  if (sides !== "right") { while (from < to && set.has(own[from]!)) from++; }
  if (sides !== "left") { while (to > from && set.has(own[to - 1]!)) to--; }
  return own.slice(from, to).join("");
}

function splitPart(value: string, separator: string, field: number): string {
  if (field === 0) throw sqlFailed("field position must not be zero", "22023");
  const parts = separator === "" ? [value] : partsOf(value, separator);
  return parts.at(field > 0 ? field - 1 : field) ?? "";
}

/**
 * Matches a LIKE pattern in time of text times pattern: after a mismatch only the last `%` is tried
 * again.
 *
 * @param value the text.
 * @param pattern with `%`, `_` and the escape.
 * @param options `escape`: one character, or empty for none; `pause`: called now and then, what it
 *   throws ends the match.
 * @returns whether it matches.
 * @throws {KernelError} guest_sql.failed — the pattern ends with the escape.
 */
function matchesLike(
  value: string,
  pattern: string,
  { escape = "\\", pause = () => {} }: {
    readonly escape?: string;
    readonly pause?: () => void;
  } = {},
): boolean {
  const tokens = likeTokens(pattern, escape);
  const own = [...value];
  let [at, token, retryAt, retryToken] = [0, 0, -1, -1];
  let steps = 0;
  while (at < own.length) {
    if (++steps % STEPS_BETWEEN_PAUSES === 0) pause();
    const wanted = tokens[token];
    if (wanted?.kind === "any") {
      [retryToken, retryAt] = [++token, at];
    } else if (wanted?.kind === "one" || wanted?.character === own[at]) {
      at++;
      token++;
    } else if (retryToken >= 0) {
      [token, at] = [retryToken, ++retryAt];
    } else return false;
  }
  while (tokens[token]?.kind === "any") token++;
  return token === tokens.length;
}

interface LikeToken {
  readonly kind: "any" | "one" | "character";
  readonly character?: string;
}

function likeTokens(pattern: string, escape: string): LikeToken[] {
  const tokens: LikeToken[] = [];
  const own = [...pattern];
  for (let i = 0; i < own.length; i++) {
    const character = own[i]!;
    if (character === escape) {
      if (++i >= own.length) {
        throw sqlFailed("LIKE pattern must not end with escape character", "22025");
      }
      tokens.push({ kind: "character", character: own[i]! });
    } else if (character === "%") tokens.push({ kind: "any" });
    else if (character === "_") tokens.push({ kind: "one" });
    else tokens.push({ kind: "character", character });
  }
  return tokens;
}

function like(
  context: FunctionContext,
  values: readonly NonNullable<Stored>[],
  fold: (value: string) => string,
): bigint {
  const [value, pattern] = [text(values[0]), text(values[1])];
  const options = { escape: text(values[2] ?? "\\"), pause: () => context.spend(0) };
  return matchesLike(fold(value), fold(pattern), options) ? 1n : 0n;
}

const same = (value: string): string => value;
const lower = (value: string): string => value.toLowerCase();

function power(base: number, exponent: number): number {
  const result = base ** exponent;
  if (Number.isFinite(result)) return result;
  throw sqlFailed("A number is out of range", "22003");
}

function real(value: number): number {
  if (Number.isFinite(value)) return value;
  throw sqlFailed("A number is out of range, or the function has no value there", "22003");
}

/** Functions by the name that the renderer writes after `guest_`; null gives null. */
export const TEXT_FUNCTIONS: Readonly<Record<string, GuestFunction>> = {
  like: (context, ...values) => like(context, values, same),
  ilike: (context, ...values) => like(context, values, lower),
  lower: (_, value) => lower(text(value)),
  // Letter by letter: one letter never becomes two.
  upper: (_, value) =>
    characters(value).map((each) => {
      const large = each.toUpperCase();
      return [...large].length === 1 ? large : each;
    }).join(""),
  initcap: (_, value) =>
    lower(text(value)).replace(
      /[\p{L}\p{N}]+/gu,
      (word) => word[0]!.toUpperCase() + word.slice(1),
    ),
  length: (_, value) =>
    BigInt(value instanceof Uint8Array ? value.length : characters(value).length),
  octet_length: (_, value) =>
    BigInt(
      value instanceof Uint8Array ? value.length : new TextEncoder().encode(text(value)).length,
    ),
  substr: (_, value, start, length) =>
    substring(value, count(start), length === undefined ? undefined : count(length)),
  left: (_, value, length) => characters(value).slice(0, count(length)).join(""),
  right: (_, value, length) => {
    const size = count(length);
    if (size === 0) return "";
    return characters(value).slice(size > 0 ? -size : -size).join("");
  },
  btrim: (_, ...values) => trimmed(values, "both"),
  ltrim: (_, ...values) => trimmed(values, "left"),
  rtrim: (_, ...values) => trimmed(values, "right"),
  lpad: (context, ...values) => pad(context, values, "left"),
  rpad: (context, ...values) => pad(context, values, "right"),
  repeat: (context, value, times) => {
    const size = Math.max(count(times), 0);
    made(context, text(value).length * size);
    return text(value).repeat(size);
  },
  replace: (context, value, from, to) => {
    const [own, old, fresh] = [text(value), text(from), text(to)];
    if (old === "") return own;
    const parts = partsOf(own, old);
    made(context, own.length + (parts.length - 1) * fresh.length);
    return parts.join(fresh);
  },
  translate: (_, value, from, to) => {
    const fresh = characters(to);
    const becomes = new Map<string, string>();
    characters(from).forEach((each, place) => {
      if (!becomes.has(each)) becomes.set(each, fresh[place] ?? "");
    });
    return characters(value).map((each) => becomes.get(each) ?? each).join("");
  },
  reverse: (_, value) => characters(value).reverse().join(""),
  split_part: (_, value, separator, field) => splitPart(text(value), text(separator), count(field)),
  strpos: (_, value, part) => {
    const found = placeOf(text(value), text(part));
    return BigInt(found < 0 ? 0 : [...text(value).slice(0, found)].length + 1);
  },
  starts_with: (_, value, start) => text(value).startsWith(text(start)) ? 1n : 0n,
  ascii: (_, value) => BigInt(text(value).codePointAt(0) ?? 0),
  chr: (_, code) => {
    const point = count(code);
    if (point < 1 || point > 0x10ffff) {
      throw sqlFailed("requested character is out of range", "54000");
    }
    return String.fromCodePoint(point);
  },
  to_hex: (_, value) => BigInt.asUintN(64, BigInt(value as bigint)).toString(16),
  encode: (_, bytes, format) => {
    const own = bytes instanceof Uint8Array ? bytes : new TextEncoder().encode(text(bytes));
    if (text(format) === "hex") return own.toHex();
    if (text(format) === "base64") return own.toBase64();
    throw sqlFailed("encode knows hex and base64 on SQLite", "22023");
  },
  decode: (_, value, format) => {
    try {
      if (text(format) === "hex") return Uint8Array.fromHex(text(value));
      if (text(format) === "base64") return Uint8Array.fromBase64(text(value));
    } catch {
      throw sqlFailed(`invalid ${text(format)} data`, "22023");
    }
    throw sqlFailed("decode knows hex and base64 on SQLite", "22023");
  },
  round: (_, value, digits) => roundTo(Number(value), count(digits)),
  trunc: (_, value, digits) => {
    const [number, places] = [Number(value), count(digits)];
    const shifted = Number(`${Math.abs(number)}e${places}`);
    return Number.isFinite(shifted)
      ? Math.sign(number) * Number(`${Math.trunc(shifted)}e${-places}`)
      : number;
  },
  ceil: (_, value) => Math.ceil(Number(value)),
  floor: (_, value) => Math.floor(Number(value)),
  power: (_, base, exponent) => power(Number(base), Number(exponent)),
  sqrt: (_, value) => real(Math.sqrt(Number(value))),
  exp: (_, value) => real(Math.exp(Number(value))),
  ln: (_, value) => real(Math.log(Number(value))),
  log10: (_, value) => real(Math.log10(Number(value))),
  mod: (_, value, divisor) => {
    if (Number(divisor) === 0) throw sqlFailed("division by zero", "22012");
    if (typeof value === "bigint" && typeof divisor === "bigint") return value % divisor;
    return Number(value) % Number(divisor);
  },
  div: (_, value, divisor) => {
    if (Number(divisor) === 0) throw sqlFailed("division by zero", "22012");
    if (typeof value === "bigint" && typeof divisor === "bigint") return value / divisor;
    return Number(value) / Number(divisor);
  },
};

/**
 * Numbers as clients send them: JSON numbers, or the text of an input field. What comes out is exact
 * for the column: a number where a number can hold it, text where it cannot.
 *
 * @module
 */

import { DECIMAL_DIGITS } from "./field_type.ts";
import { type Refusal, refusal } from "./refusal.ts";

const INTEGER_TEXT = /^[+-]?\d{1,40}$/;
const DECIMAL_TEXT = /^([+-]?)(\d{0,60})(?:\.(\d{0,60}))?(?:[eE]([+-]?\d{1,3}))?$/;
/** Decimals that need no exact arithmetic, which is nearly all of them. */
const SHORT_DECIMAL_TEXT = /^-?\d{1,10}(?:\.\d{1,4})?$/;
const INT4 = { min: -2147483648, max: 2147483647 } as const;
const INT8 = { min: -(2n ** 63n), max: 2n ** 63n - 1n } as const;
/** Units of a decimal's last place per whole. */
const SCALE_FACTOR = 10 ** DECIMAL_DIGITS.scale;
/** First magnitude a decimal column cannot hold. */
const DECIMAL_LIMIT = 10 ** (DECIMAL_DIGITS.precision - DECIMAL_DIGITS.scale);
/** A double keeps every decimal of this many digits. */
const EXACT_DIGITS = 15;

const NOT_INTEGER = refusal("integer", "must be a whole number");
const INT4_RANGE = refusal("integer", `must be between ${INT4.min} and ${INT4.max}`);
const INT8_RANGE = refusal("integer", `must be between ${INT8.min} and ${INT8.max}`);
const INEXACT = refusal("integer", "is too large for a JSON number: send it as text");
const NOT_NUMBER = refusal("numeric", "must be a number");
const DECIMAL_RANGE = refusal("numeric", `must be less than 10^14 in magnitude`);

/**
 * Reads a value of an `integer` column.
 *
 * @param value anything.
 * @returns a whole number from -2^31 to 2^31-1, or why not.
 */
export function coerceInteger(value: unknown): number | Refusal {
  const number = typeof value === "number" ? value : wholeNumber(value);
  if (number === undefined || !Number.isInteger(number)) return NOT_INTEGER;
  if (number < INT4.min || number > INT4.max) return INT4_RANGE;
  return number === 0 ? 0 : number;
}

function wholeNumber(value: unknown): number | undefined {
  if (typeof value === "bigint") return Number(value);
  if (typeof value !== "string") return undefined;
  const text = value.trim();
  return INTEGER_TEXT.test(text) ? Number(text) : undefined;
}

/**
 * Reads a value of a `bigint` column.
 *
 * @param value anything; whole numbers beyond 2^53 only as text or bigint, since a JSON number has
 *   lost digits by then.
 * @returns a safe integer, the digits as text beyond that, or why not.
 */
export function coerceBigint(value: unknown): number | string | Refusal {
  if (typeof value === "number") {
    if (Number.isSafeInteger(value)) return value === 0 ? 0 : value;
    return Number.isInteger(value) ? INEXACT : NOT_INTEGER;
  }
  const exact = exactInteger(value);
  if (exact === undefined) return NOT_INTEGER;
  if (exact < INT8.min || exact > INT8.max) return INT8_RANGE;
  const number = Number(exact);
  return Number.isSafeInteger(number) ? number : String(exact);
}

function exactInteger(value: unknown): bigint | undefined {
  if (typeof value === "bigint") return value;
  if (typeof value !== "string") return undefined;
  const text = value.trim();
  if (!INTEGER_TEXT.test(text)) return undefined;
  return text.startsWith("+") ? BigInt(text.slice(1)) : BigInt(text);
}

/**
 * Reads a value of a `decimal` column: at most 14 digits before the point, rounded half away from
 * zero to 4 after it, as `numeric(18,4)` of Postgres does, on both engines.
 *
 * @param value anything.
 * @returns a number where it holds every digit, else the digits as text, or why not.
 */
export function coerceDecimal(value: unknown): number | string | Refusal {
  if (typeof value === "number") {
    if (!Number.isFinite(value)) return NOT_NUMBER;
    if (Math.abs(value) >= DECIMAL_LIMIT) return DECIMAL_RANGE;
    if (Math.round(value * SCALE_FACTOR) / SCALE_FACTOR === value) return value === 0 ? 0 : value;
    return decimalFromText(String(value));
  }
  if (typeof value === "bigint") return decimalFromText(String(value));
  return typeof value === "string" ? decimalFromText(value.trim()) : NOT_NUMBER;
}

function decimalFromText(text: string): number | string | Refusal {
  if (SHORT_DECIMAL_TEXT.test(text)) return Number(text) + 0;
  const match = DECIMAL_TEXT.exec(text);
  if (match === null) return NOT_NUMBER;
  const [, sign, whole = "", fraction = "", exponent = "0"] = match;
  if (whole === "" && fraction === "") return NOT_NUMBER;
  const units = scaledUnits(whole + fraction, Number(exponent) - fraction.length);
  const digits = units.toString();
  if (digits.length > DECIMAL_DIGITS.precision) return DECIMAL_RANGE;
  return printUnits(units === 0n ? "" : sign === "-" ? "-" : "", digits);
}

/** The value `digits × 10^exponent` in units of the last place, rounded half away from zero. */
function scaledUnits(digits: string, exponent: number): bigint {
  const shift = exponent + DECIMAL_DIGITS.scale;
  if (shift >= 0) return BigInt(digits) * 10n ** BigInt(shift);
  const divisor = 10n ** BigInt(-shift);
  return (BigInt(digits) + divisor / 2n) / divisor;
}

function printUnits(sign: string, digits: string): number | string {
  const padded = digits.padStart(DECIMAL_DIGITS.scale + 1, "0");
  const whole = padded.slice(0, -DECIMAL_DIGITS.scale);
  const fraction = padded.slice(-DECIMAL_DIGITS.scale).replace(/0+$/, "");
  const text = `${sign}${whole}${fraction === "" ? "" : `.${fraction}`}`;
  return whole.length + fraction.length <= EXACT_DIGITS ? Number(text) : text;
}

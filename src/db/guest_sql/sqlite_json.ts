/**
 * JSON and arrays as texts in Postgres's notation. SQLite keeps both as JSON text.
 *
 * @module
 */

/** A number of a JSON text, with the digits it was written with. */
class JsonNumber {
  readonly source: string;

  constructor(source: string) {
    this.source = source;
  }
}

/** Named border: TypeScript does not know the third argument of a reviver yet. */
type SourceReviver = (
  this: unknown,
  key: string,
  value: unknown,
  context: { source: string },
) => unknown;
const parseWithSource: (text: string, reviver: SourceReviver) => unknown = JSON.parse as (
  text: string,
  reviver: SourceReviver,
) => unknown;

/**
 * A JSON text as `jsonb` prints it: one space after `:` and `,`, keys by length and then by bytes,
 * the last of equal keys, numbers with their digits.
 *
 * @param text JSON.
 * @returns the same value.
 * @throws {SyntaxError} it is no JSON.
 */
export function jsonbText(text: string): string {
  const value = parseWithSource(
    text,
    (_key, value, context) => typeof value === "number" ? new JsonNumber(context.source) : value,
  );
  return print(value);
}

function print(value: unknown): string {
  if (value instanceof JsonNumber) return printNumber(value.source);
  if (Array.isArray(value)) return `[${value.map(print).join(", ")}]`;
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  const members = Object.entries(value).map(([key, member]) =>
    [new TextEncoder().encode(key), key, member] as const
  );
  members.sort(([left], [right]) => left.length - right.length || compareBytes(left, right));
  return `{${
    members.map(([, key, member]) => `${JSON.stringify(key)}: ${print(member)}`).join(", ")
  }}`;
}

/** Postgres keeps numbers as `numeric`: digits after the point stay, exponents do not. */
function printNumber(source: string): string {
  if (!/e/i.test(source)) return source === "-0" ? "0" : source;
  return Number(source).toLocaleString("en-US", {
    useGrouping: false,
    maximumFractionDigits: 100,
  });
}

function compareBytes(left: Uint8Array, right: Uint8Array): number {
  for (let i = 0; i < left.length; i++) {
    const difference = left[i]! - right[i]!;
    if (difference !== 0) return difference;
  }
  return 0;
}

/**
 * Reads an array of one dimension in Postgres's notation.
 *
 * @param text such as `{a,"b c",NULL}`.
 * @returns its elements, undefined when the text is no such array.
 */
export function parseArrayLiteral(text: string): (string | null)[] | undefined {
  const own = text.trim();
  if (!own.startsWith("{") || !own.endsWith("}") || own.length < 2) return undefined;
  const inner = own.slice(1, -1).trim();
  if (inner === "") return [];
  const items: (string | null)[] = [];
  // Each part is read once, whatever follows it: the time grows with the text alone.
  const item = /"((?:[^"\\]|\\.)*)"|[^",{}\\]+/sy;
  for (let at = 0;; at++) {
    while (/\s/.test(inner.charAt(at))) at++;
    item.lastIndex = at;
    const found = item.exec(inner);
    if (found === null) return undefined;
    const [all, quoted] = found;
    const plain = all.trim();
    if (quoted !== undefined) items.push(quoted.replace(/\\(.)/gs, "$1"));
    else if (plain === "") return undefined;
    else items.push(/^null$/i.test(plain) ? null : plain);
    at += all.length;
    while (/\s/.test(inner.charAt(at))) at++;
    if (at >= inner.length) return items;
    if (inner.charAt(at) !== ",") return undefined;
  }
}

/**
 * A stored array in Postgres's notation.
 *
 * @param text JSON text of an array; anything else is given back as it is.
 * @returns such as `{1,2}`.
 */
export function arrayLiteral(text: string): string {
  let items: unknown;
  try {
    items = JSON.parse(text);
  } catch {
    return text;
  }
  return Array.isArray(items) ? `{${items.map(arrayItem).join(",")}}` : text;
}

function arrayItem(item: unknown): string {
  if (item === null) return "NULL";
  if (Array.isArray(item)) return `{${item.map(arrayItem).join(",")}}`;
  const text = typeof item === "string" ? item : JSON.stringify(item);
  const isPlain = text !== "" && !/[\s",{}\\]/.test(text) && !/^null$/i.test(text);
  return isPlain ? text : `"${text.replace(/["\\]/g, "\\$&")}"`;
}

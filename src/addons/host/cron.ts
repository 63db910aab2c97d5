/**
 * Tells whether a text is a cron expression of five fields: minute, hour, day of the month, month,
 * day of the week. Reckoning with one is not done here.
 *
 * @module
 */

const MAX_LENGTH = 128;
const WORDS: ReadonlySet<string> = new Set([
  "@yearly",
  "@annually",
  "@monthly",
  "@weekly",
  "@daily",
  "@midnight",
  "@hourly",
]);
const MONTHS = ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"];
const DAYS = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"];

interface Field {
  readonly min: number;
  readonly max: number;
  /** Names that stand for numbers from `min` on. */
  readonly names: readonly string[];
}

const FIELDS: readonly Field[] = [
  { min: 0, max: 59, names: [] },
  { min: 0, max: 23, names: [] },
  { min: 1, max: 31, names: [] },
  { min: 1, max: 12, names: MONTHS },
  { min: 0, max: 7, names: DAYS },
];

/**
 * Tells whether a text is a cron expression.
 *
 * @param text such as `0 * * * *` or `@daily`.
 * @returns true when it is one of at most 128 characters.
 */
export function isCronExpression(text: string): boolean {
  if (text.length > MAX_LENGTH) return false;
  if (WORDS.has(text)) return true;
  const parts = text.trim().split(/[ \t]+/);
  return parts.length === FIELDS.length &&
    parts.every((part, index) => isField(part, FIELDS[index]!));
}

function isField(text: string, field: Field): boolean {
  return text.split(",").every((item) => {
    const [range = "", step, ...rest] = item.split("/");
    if (rest.length > 0) return false;
    if (step !== undefined && !isWithin(step, { min: 1, max: field.max, names: [] })) return false;
    if (range === "*") return true;
    const [from = "", to, ...more] = range.split("-");
    if (more.length > 0 || !isWithin(from, field)) return false;
    return to === undefined || (isWithin(to, field) && valueOf(from, field) <= valueOf(to, field));
  });
}

function isWithin(text: string, field: Field): boolean {
  const value = valueOf(text, field);
  return value >= field.min && value <= field.max;
}

/** NaN where the text is neither a number nor a name. */
function valueOf(text: string, field: Field): number {
  const index = field.names.indexOf(text.toUpperCase());
  if (index >= 0) return field.min + index;
  return /^[0-9]{1,2}$/.test(text) ? Number(text) : NaN;
}

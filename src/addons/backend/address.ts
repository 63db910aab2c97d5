/**
 * From the address that a manifest writes to the one that is called: relative ones under
 * `backend.url`, `{{placeholders}}` filled. What fills a placeholder can change neither scheme, host,
 * nor the number of path segments and query parameters. Whether the host may be called is not decided
 * here.
 *
 * @module
 */

/** An address, or why it is none. */
export type FilledAddress =
  | { readonly url: URL; readonly from: "template" | "value" }
  | { readonly fault: string };

/** Values by the name of their placeholder. */
export type Placeholders = Pick<ReadonlyMap<string, string>, "has" | "get">;

const PLACEHOLDER = /\{\{\s*([A-Za-z_][A-Za-z0-9_.-]{0,127})\s*\}\}/g;
const WHOLE = /^\s*\{\{\s*([A-Za-z_][A-Za-z0-9_.-]{0,127})\s*\}\}\s*$/;
const ABSOLUTE = /^[a-z][a-z0-9+.-]*:/i;
/** Segments that lead elsewhere, as URL parsers read them. */
const DOT_SEGMENT = /^(?:\.|%2e){1,2}$/i;

/**
 * Makes the address that is called.
 *
 * @param template absolute, relative to `backendUrl`, or one placeholder alone, whose value is then
 *   the whole address.
 * @param backendUrl the manifest's `backend.url`, where it names one.
 * @param placeholders values by name.
 * @returns the address, and whether it is the template's own or a value's; or why there is none, in
 *   words that hold no value.
 */
export function fillAddress(
  template: string,
  backendUrl: string | undefined,
  placeholders: Placeholders,
): FilledAddress {
  const whole = WHOLE.exec(template)?.[1];
  if (whole !== undefined) return valueAddress(whole, placeholders.get(whole));
  const absolute = absoluteTemplate(template.trim(), backendUrl?.trim());
  if ("fault" in absolute) return absolute;
  const result = filled(absolute.text, placeholders);
  if (absolute.below === undefined || "fault" in result) return result;
  return result.url.href.startsWith(absolute.below)
    ? result
    : { fault: "its relative address leads out of backend.url" };
}

function valueAddress(name: string, value: string | undefined): FilledAddress {
  if (value === undefined || value.trim() === "") return unfilled(name);
  const url = URL.parse(value.trim());
  return isWeb(url)
    ? { url, from: "value" }
    : { fault: `the value of {{${name}}} is no http or https address` };
}

/** A template with a host. */
interface AbsoluteTemplate {
  readonly text: string;
  /** What the address of a relative one begins with. */
  readonly below?: string;
}

function absoluteTemplate(
  template: string,
  backendUrl: string | undefined,
): AbsoluteTemplate | { readonly fault: string } {
  if (template === "") return { fault: "it names no address" };
  if (ABSOLUTE.test(template)) return { text: template };
  if (/^[\\/]{2}|^\\/.test(template)) return { fault: "an address that is relative has no host" };
  if (backendUrl === undefined || backendUrl === "") {
    return { fault: "its address is relative, and the manifest names no backend.url" };
  }
  if (/[?#]/.test(backendUrl)) return { fault: "backend.url holds a query" };
  const base = `${backendUrl.replace(/\/+$/, "")}/`;
  // One that is none is complained about where it is filled.
  const below = URL.parse(base)?.href;
  const text = base + template.replace(/^\/+/, "");
  return { text, ...(below === undefined ? {} : { below }) };
}

function filled(template: string, placeholders: Placeholders): FilledAddress {
  const names = [...template.matchAll(PLACEHOLDER)].map(([, name]) => name ?? "");
  if (/\{\{|\}\}/.test(template.replace(PLACEHOLDER, ""))) {
    return { fault: "its address holds a placeholder that cannot be read" };
  }
  const missing = names.find((name) => !placeholders.has(name));
  if (missing !== undefined) return unfilled(missing);
  // Marks stand for the values while the address is taken apart: what it is made of cannot depend on
  // what fills it.
  const mark = unusedMark(template);
  let count = 0;
  const url = URL.parse(template.replace(PLACEHOLDER, () => `${mark}${count++}x`));
  if (!isWeb(url)) return { fault: "its address is no http or https address" };
  const values = names.map((name) => placeholders.get(name) ?? "");
  const marks = new RegExp(`${mark}(\\d+)x`, "g");
  const found = [...`${url.pathname}${url.search}`.matchAll(marks)].map(([, at]) => Number(at));
  if (found.length !== count || found.some((at, place) => at !== place)) {
    return { fault: "its address holds a placeholder outside of path and query" };
  }
  return put(url, marks, names, values);
}

function put(
  url: URL,
  marks: RegExp,
  names: readonly string[],
  values: readonly string[],
): FilledAddress {
  const broken = values.findIndex((value) => !value.isWellFormed());
  if (broken >= 0) return { fault: `the value of {{${names[broken]}}} is no well-formed text` };
  const fill = (text: string) =>
    text.replace(marks, (_, at: string) => encoded(values[Number(at)] ?? ""));
  for (const segment of url.pathname.split("/")) {
    const [, at] = new RegExp(marks.source).exec(segment) ?? [];
    if (at === undefined) continue;
    const text = fill(segment);
    if (text !== "" && !DOT_SEGMENT.test(text)) continue;
    const what = text === "" ? "empty" : "a path segment of dots";
    return { fault: `the value of {{${names[Number(at)]}}} would be ${what}` };
  }
  const text = `${url.origin}${fill(url.pathname)}${fill(url.search)}`;
  const result = URL.parse(text);
  // Should a parser see it differently after all, nothing is called.
  const isAsWritten = result !== null &&
    `${result.origin}${result.pathname}${result.search}` === text;
  return isAsWritten
    ? { url: result, from: "template" }
    : { fault: "its address is read in more than one way" };
}

/** Everything but letters, digits, `-`, `.`, `_` and `~`: none of it means anything in an address. */
function encoded(value: string): string {
  return encodeURIComponent(value)
    .replace(/[!'()*]/g, (sign) => `%${sign.charCodeAt(0).toString(16).toUpperCase()}`);
}

function unusedMark(template: string): string {
  const lower = template.toLowerCase();
  let mark = "mark";
  while (lower.includes(mark)) mark += "q";
  return mark;
}

function isWeb(url: URL | null): url is URL {
  return url !== null && /^https?:$/.test(url.protocol) && url.hostname !== "" &&
    url.username === "" && url.password === "";
}

function unfilled(name: string): { readonly fault: string } {
  return { fault: `nothing is given for the placeholder {{${name}}} of its address` };
}

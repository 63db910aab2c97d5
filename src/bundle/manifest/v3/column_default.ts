/**
 * Reads defaults of columns as the generation `asteby.com/v3` writes them: bare text (`open`), where
 * the flat generation wants quotes inside it. Names of functions mean functions in both.
 *
 * @module
 */

import { isKernelError } from "../../../base/error.ts";
import type { ColumnTypeName } from "../column_type.ts";
import { fitColumnDefault, parseColumnDefault } from "../default_value.ts";
import { type ManifestNode, shown } from "../node.ts";

const FUNCTIONS: ReadonlySet<string> = new Set([
  "now()",
  "current_timestamp",
  "gen_random_uuid()",
  "uuid_generate_v4()",
]);
/** The same under a name that the flat generation does not have. */
const ALIASES: ReadonlyMap<string, string> = new Map([
  ["current_date", "now()"],
  ["current_timestamp()", "now()"],
]);
/** Types whose texts are themselves; what looks like a number is a text in them. */
const TEXT_TYPES: ReadonlySet<ColumnTypeName> = new Set<ColumnTypeName>(["string", "text"]);
const BARE_TYPES: ReadonlySet<ColumnTypeName> = new Set<ColumnTypeName>([
  "integer",
  "bigint",
  "decimal",
  "boolean",
]);

/**
 * Reads a default.
 *
 * @param node the value.
 * @param type type of its column; undefined where that was complained about.
 * @returns the default in the form of the flat generation; undefined where there is none or it was
 *   complained about.
 */
export function readColumnDefault(
  node: ManifestNode,
  type: ColumnTypeName | undefined,
): string | number | boolean | undefined {
  const written = node.value;
  if (written === undefined || written === "" || type === undefined) return undefined;
  if (typeof written === "object") {
    return node.complain("must be a text, a number, true or false");
  }
  const value = typeof written === "string" ? translated(written, type) : written;
  try {
    const parsed = parseColumnDefault(value);
    if (parsed === undefined) return undefined;
    if (fitColumnDefault(type, parsed) !== undefined) return value;
  } catch (error) {
    if (!isKernelError(error)) throw error;
    return node.complain(
      `${shown(String(written))} is not a default: use a number, true, false, a text without ` +
        `' " ; \\, now() or gen_random_uuid()`,
    );
  }
  return node.complain(`${shown(String(written))} is not a value of type ${type}`);
}

function translated(written: string, type: ColumnTypeName): string {
  const text = written.trim();
  const word = text.toLowerCase();
  if (FUNCTIONS.has(word) || word === "null") return word;
  const alias = ALIASES.get(word);
  if (alias !== undefined) return alias;
  if (/^'[^']*'$/.test(text)) return text;
  if (BARE_TYPES.has(type)) return word;
  return `'${TEXT_TYPES.has(type) ? written : text}'`;
}

/**
 * Makes a default fit its column, so that both engines give the same value. It parses no text of
 * manifests: that is `bundle/manifest/default_value.ts`.
 *
 * @module
 */

import type { ColumnTypeName } from "../bundle/manifest/column_type.ts";
import type { ColumnDefaultValue } from "../bundle/manifest/default_value.ts";
import type { Json } from "../base/json.ts";
import { JsonText } from "../base/json_text.ts";
import { coerceJson } from "./coerce_json.ts";
import { COERCIONS } from "./coerce_value.ts";
import { invalidDefinition } from "./errors.ts";
import { Refusal, refusal } from "./refusal.ts";

const TAKES_NOW: ReadonlySet<ColumnTypeName> = new Set(["timestamp", "date"]);
const TAKES_UUID: ReadonlySet<ColumnTypeName> = new Set(["uuid", "string", "text"]);

/**
 * Converts a default to the type of its column: `0` of a text column becomes `"0"`.
 *
 * @param value the default as declared.
 * @param type type of the column.
 * @param path how errors name the default.
 * @returns the default that the column gets.
 * @throws {KernelError} model.invalid_definition — when the column cannot hold it.
 */
export function fitDefault(
  value: ColumnDefaultValue,
  type: ColumnTypeName,
  path: string,
): ColumnDefaultValue {
  switch (value.kind) {
    case "now":
      if (TAKES_NOW.has(type)) return value;
      throw invalidDefinition(path, `the current time is no default for a ${type} column`);
    case "uuid":
      if (TAKES_UUID.has(type)) return value;
      throw invalidDefinition(path, `a new UUID is no default for a ${type} column`);
    case "literal":
      return { kind: "literal", value: fitLiteral(value.value, type, path) };
  }
}

function fitLiteral(
  value: string | number | boolean,
  type: ColumnTypeName,
  path: string,
): string | number | boolean {
  const fitted = type === "json" ? jsonLiteral(value) : COERCIONS[type](asWritten(value, type));
  if (fitted instanceof JsonText) return fitted.text;
  if (!(fitted instanceof Refusal)) return fitted;
  throw invalidDefinition(path, `${JSON.stringify(value)} ${fitted.error.message}`);
}

function asWritten(
  value: string | number | boolean,
  type: ColumnTypeName,
): string | number | boolean {
  return type === "string" || type === "text" ? String(value) : value;
}

/** The text of a JSON default is JSON itself: `'[]'` is an empty list, `'5'` a number. */
function jsonLiteral(value: string | number | boolean): JsonText<Json> | Refusal {
  if (typeof value !== "string") return coerceJson(value);
  try {
    return coerceJson(JSON.parse(value));
  } catch {
    return refusal("invalid_type", "must be JSON");
  }
}

/**
 * Reads columns of model definitions and extensions (contract/metacore.md §3.4). Beyond the original
 * it refuses unknown types, defaults that their column cannot hold, and implicit columns declared with
 * another type: all of these would fail later, with the tables half made (G37).
 *
 * @module
 */

import { isKernelError } from "../../base/error.ts";
import { COLUMN_NAME } from "../../base/ids.ts";
import { nearest } from "../../base/nearest.ts";
import {
  COLUMN_TYPES,
  type ColumnTypeName,
  columnTypeOf,
  IMPLICIT_COLUMNS,
} from "./column_type.ts";
import { fitColumnDefault, parseColumnDefault } from "./default_value.ts";
import {
  COLUMN_REFERENCE,
  ORGANIZATION_REFERENCE,
  readName,
  UniqueNames,
  VALIDATOR_NAME,
} from "./identifier.ts";
import { MAX_COLUMNS, MAX_STRING_SIZE } from "./limits.ts";
import type { ColumnDefinition, ValidationDefinition } from "./manifest.ts";
import { type ManifestNode, shown } from "./node.ts";
import { defined } from "./optional.ts";
import type { PatternReader } from "./pattern.ts";

const VISIBILITIES = ["all", "table", "modal", "list"] as const;
/** Widgets that a column may name, which the kernel's own metadata knows. */
export const WIDGETS = [
  "text",
  "textarea",
  "select",
  "multi_select",
  "search",
  "number",
  "date",
  "datetime",
  "email",
  "url",
  "boolean",
  "image",
  "file",
  "richtext",
  "json",
  "relation",
  "password",
  "slider",
  "rating",
] as const;

/**
 * Reads a list of columns.
 *
 * @param node the list.
 * @param patterns reads patterns within the manifest's bounds.
 * @returns its columns; incomplete where it complained.
 */
export function readColumns(node: ManifestNode, patterns: PatternReader): ColumnDefinition[] {
  const names = new UniqueNames("column");
  return node.objects(MAX_COLUMNS).map((item) => {
    const column = readColumn(item, patterns);
    names.add(item.field("name"), column.name || undefined);
    return column;
  });
}

function readColumn(node: ManifestNode, patterns: PatternReader): ColumnDefinition {
  const name = readName(node.field("name"), COLUMN_NAME, "column name") ?? "";
  const type = readType(node.field("type"), name);
  return {
    name,
    type: node.field("type").text() ?? "",
    ...defined({
      // Zero is the decoder's "absent".
      size: node.field("size").integer({ min: 0, max: MAX_STRING_SIZE }) || undefined,
      required: node.field("required").flag(),
      index: node.field("index").flag(),
      unique: node.field("unique").flag(),
      default: readDefault(node.field("default"), type),
      ref: readReference(node.field("ref")),
      visibility: node.field("visibility").word(VISIBILITIES, "visibility"),
      searchable: node.field("searchable").flag(),
      widget: node.field("widget").word(WIDGETS, "widget"),
      validation: readValidation(node.field("validation"), patterns),
    }),
  };
}

function readType(node: ManifestNode, column: string): ColumnTypeName | undefined {
  const text = node.requiredText();
  if (text === undefined) return undefined;
  const type = columnTypeOf(text);
  if (type === undefined) {
    const near = nearest(text, COLUMN_TYPES.keys());
    const hint = near === undefined
      ? `use ${[...COLUMN_TYPES.keys()].join(", ")}`
      : `did you mean "${near}"?`;
    return node.complain(`${shown(text)} is not a column type; ${hint}`);
  }
  const implicit = IMPLICIT_COLUMNS.get(column);
  if (implicit !== undefined && implicit !== type) {
    return node.complain(
      `every table has a column "${column}" of type ${implicit}; leave it out or declare it so`,
    );
  }
  return type;
}

function readDefault(
  node: ManifestNode,
  type: ColumnTypeName | undefined,
): string | number | boolean | undefined {
  const value = node.value;
  if (value === undefined || value === "") return undefined;
  if (typeof value === "object") {
    return node.complain("must be a text, a number, true, false or null");
  }
  try {
    const parsed = parseColumnDefault(value);
    if (
      parsed !== undefined && type !== undefined && fitColumnDefault(type, parsed) === undefined
    ) {
      return node.complain(`${shown(String(value))} is not a value of type ${type}`);
    }
  } catch (error) {
    if (!isKernelError(error)) throw error;
    return node.complain(error.message);
  }
  return value;
}

function readReference(node: ManifestNode): string | undefined {
  return node.filledText() === undefined ? undefined : node.matching(COLUMN_REFERENCE, "reference");
}

function readValidation(
  node: ManifestNode,
  patterns: PatternReader,
): ValidationDefinition | undefined {
  if (node.object() === undefined) return undefined;
  const min = node.field("min").number();
  const max = node.field("max").number();
  if (min !== undefined && max !== undefined && min > max) {
    node.field("min").complain(`min ${min} is above max ${max}`);
  }
  return defined({
    regex: patterns.read(node.field("regex")),
    min,
    max,
    custom: readValidator(node.field("custom")),
  });
}

function readValidator(node: ManifestNode): string | undefined {
  const name = node.filledText();
  if (name === undefined || VALIDATOR_NAME.test(name) || ORGANIZATION_REFERENCE.test(name)) {
    return name;
  }
  return node.complain(
    `${
      shown(name)
    } is not a validator: use a dotted name such as "email.deliverable" or "$org.<name>"`,
  );
}

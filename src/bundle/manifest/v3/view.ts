/**
 * Makes the UI specifications of a model of the generation `asteby.com/v3` out of what its author
 * says about columns and stages, in the shape that the flat generation writes by hand. A model about
 * which nothing is said has none, and its metadata are derived.
 *
 * @module
 */

import type { Json, JsonObject } from "../../../base/json.ts";
import type { ColumnDefinition } from "../manifest.ts";
import type { ManifestNode } from "../node.ts";
import type { ReadColumns } from "./column.ts";
import { noteUnheeded } from "./strict.ts";

/** Properties of a model that are about its look. */
export const MODEL_LOOKS: readonly string[] = ["form_layout", "import", "stages", "transitions"];

const NARROW_TYPES: ReadonlySet<string> = new Set(["boolean", "date", "timestamp"]);

/** UI specifications of a model. */
export interface ModelViews {
  readonly table?: JsonObject;
  readonly modal?: JsonObject;
}

/**
 * Makes the specifications.
 *
 * @param node the model.
 * @param read its columns.
 * @param stageField column that holds the stage of a record, where there are stages.
 * @returns the specifications that the author gave cause for.
 */
export function viewsOf(
  node: ManifestNode,
  read: ReadColumns,
  stageField: string | undefined,
): ModelViews {
  noteUnheeded(node, ["import"], "records are not imported from files");
  noteUnheeded(node, ["transitions"], "shown to clients; the kernel does not hold records to them");
  const stages = node.field("stages").value;
  const transitions = node.field("transitions").value;
  const board: Record<string, Json> = {};
  if (stageField !== undefined) board.group_by = stageField;
  if (stages !== undefined) board.stages = stages;
  if (transitions !== undefined) board.transitions = transitions;
  const layout = node.field("form_layout").value;
  const hasLooks = read.looks.size > 0;
  const table: JsonObject = { ...board, ...(hasLooks ? { columns: tableColumns(read) } : {}) };
  const modal: JsonObject = {
    ...(layout === undefined ? {} : { form_layout: layout }),
    ...(hasLooks ? { fields: modalFields(read) } : {}),
  };
  return {
    ...(Object.keys(table).length === 0 ? {} : { table }),
    ...(Object.keys(modal).length === 0 ? {} : { modal }),
  };
}

/** Every column, because a specification that lists columns hides the others. */
function tableColumns(read: ReadColumns): JsonObject[] {
  const own = read.columns.filter((column) =>
    column.widget !== "password" && !isHidden(column, read)
  ).map((column) => ({
    key: column.name,
    sortable: column.type !== "json" && column.type !== "uuid",
    filterable: isFilterable(column, read),
    ...read.looks.get(column.name)?.table,
  }));
  const made = { key: "created_at", sortable: true, filterable: true };
  return [...own, { ...made, ...read.looks.get("created_at")?.table }];
}

function modalFields(read: ReadColumns): JsonObject[] {
  return read.columns.map((column) => ({
    key: column.name,
    ...read.looks.get(column.name)?.modal,
  }));
}

/** An identifier that points nowhere says nothing to people. */
function isHidden(column: ColumnDefinition, read: ReadColumns): boolean {
  return column.type === "uuid" && column.ref === undefined && !read.looks.has(column.name);
}

function isFilterable(column: ColumnDefinition, read: ReadColumns): boolean {
  const look = read.looks.get(column.name)?.table;
  const hasChoices = look?.options !== undefined || look?.source !== undefined ||
    column.ref !== undefined;
  return hasChoices || NARROW_TYPES.has(column.type);
}

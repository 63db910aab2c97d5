/**
 * What the record engine knows of a model: its columns with the types they store, in the order of
 * the JSON, and the names by which clients may call them. Built once per model.
 *
 * @module
 */

import type { ColumnType } from "../db/schema/spec.ts";
import { columnTypeOf } from "../models/field_type.ts";
import type { Model, ModelColumn } from "../models/model.ts";
import { searchColumns } from "../models/table_metadata.ts";
import { type ViewNames, viewNamesOf } from "./view_names.ts";

/** A stored column. */
export interface ShapeColumn {
  readonly name: string;
  readonly type: ColumnType;
  /** The declaration; system columns have none. */
  readonly declared?: ModelColumn;
}

/** A model as the record engine sees it. */
export interface ModelShape {
  readonly model: Model;
  /** Columns of the JSON in their order: `id`, the declared ones, the other system columns. */
  readonly columns: ReadonlyMap<string, ShapeColumn>;
  /** Keys that the model's views use, whether or not a column has that name. */
  readonly viewKeys: ReadonlySet<string>;
  /** Columns that a search looks into when the client names none. */
  readonly searchColumns: readonly ShapeColumn[];
  readonly view: ViewNames;
  /** Finds the column a client means: by name, by view key, or by name without `_id`. */
  resolve(name: string): ShapeColumn | undefined;
  /** Every name that {@link ModelShape.resolve} finds by itself. */
  names(): Iterable<string>;
}

const UUID: ColumnType = { kind: "uuid" };
const TIMESTAMP: ColumnType = { kind: "timestamp" };

const LEADING: readonly ShapeColumn[] = [{ name: "id", type: UUID }];
const TRAILING: readonly ShapeColumn[] = [
  { name: "organization_id", type: UUID },
  { name: "created_by_id", type: UUID },
  { name: "created_at", type: TIMESTAMP },
  { name: "updated_at", type: TIMESTAMP },
];

/**
 * Describes a model for the record engine.
 *
 * @param model the model.
 * @returns its shape.
 */
export function shapeOf(model: Model): ModelShape {
  const declared = model.columns.map((column): ShapeColumn => ({
    name: column.name,
    type: columnTypeOf(column),
    declared: column,
  }));
  const columns = new Map<string, ShapeColumn>(
    [...LEADING, ...declared, ...TRAILING].map((column) => [column.name, column]),
  );
  const view = viewNamesOf(model);
  const resolve = (name: string): ShapeColumn | undefined => {
    const alias = view.aliases.get(name);
    return columns.get(name) ?? (alias === undefined ? undefined : columns.get(alias)) ??
      columns.get(`${name}_id`);
  };
  return {
    model,
    columns,
    view,
    viewKeys: view.keys,
    searchColumns: searchColumns(model).map((name) => columns.get(name)!)
      .filter((column) => SEARCHABLE_KINDS.has(column.type.kind)),
    resolve,
    names: () => columns.keys(),
  };
}

/** Kinds of columns a text can be looked for in: numbers and ids are compared as text. */
export const SEARCHABLE_KINDS: ReadonlySet<ColumnType["kind"]> = new Set<ColumnType["kind"]>([
  "text",
  "uuid",
  "smallint",
  "integer",
  "bigint",
]);

/**
 * The table that a model needs: its columns, those every model has, and indexes that begin with the
 * tenant. Names are logical; shortening them for an engine is the database room's business.
 *
 * @module
 */

import type {
  ColumnSpec,
  Expression,
  ForeignKeySpec,
  IndexSpec,
  TableSpec,
} from "../db/schema/spec.ts";
import { columnTypeOf } from "./field_type.ts";
import type { Model, ModelColumn, ModelForeignKey } from "./model.ts";

const TIMESTAMP = { kind: "timestamp" } as const;
const UUID = { kind: "uuid" } as const;

/**
 * Makes the table of a model. Unique indexes hold per organization; where the model deletes softly
 * they pass over deleted rows, so that a deleted code can be given again.
 *
 * @param model the model.
 * @returns the table, protected by the tenant policy.
 */
export function tableSpecOf(model: Model): TableSpec {
  return tableSpecsOf([model])[0]!;
}

/**
 * Makes the tables of models that share one schema. Index names are unique in it: where two tables
 * would give the same name (`a_b` with `c`, `a` with `b_c`), the later one is written `idx_a$b_c`.
 *
 * @param models models of one addon, or those of the host application.
 * @returns the tables in the same order.
 */
export function tableSpecsOf(models: readonly Model[]): TableSpec[] {
  // Names that authors chose stand; those that are made give way to them.
  const taken = new Set(
    models.flatMap(({ indexes = [] }) => indexes.flatMap(({ name }) => name ?? [])),
  );
  return models.map((model) => specOf(model, taken));
}

function specOf(model: Model, takenIndexNames: Set<string>): TableSpec {
  return {
    name: model.table,
    columns: [
      { name: "id", type: UUID, nullable: false, default: { kind: "uuid" } },
      { name: "organization_id", type: UUID, nullable: false, default: { kind: "tenant" } },
      ...model.columns.map(columnSpecOf),
      { name: "created_by_id", type: UUID, nullable: true },
      { name: "created_at", type: TIMESTAMP, nullable: false, default: { kind: "now" } },
      { name: "updated_at", type: TIMESTAMP, nullable: false, default: { kind: "now" } },
      ...(model.softDelete
        ? [{ name: "deleted_at", type: TIMESTAMP, nullable: true } satisfies ColumnSpec]
        : []),
    ],
    primaryKey: ["organization_id", "id"],
    indexes: indexesOf(model, takenIndexNames),
    foreignKeys: (model.foreignKeys ?? []).map((key) => foreignKeySpecOf(model, key)),
    checks: [],
    tenantPolicy: true,
  };
}

function columnSpecOf(column: ModelColumn): ColumnSpec {
  return {
    name: column.name,
    type: columnTypeOf(column),
    // Rows of others who share the table know nothing of a column that an addon has put there.
    nullable: !column.required || column.extendedBy !== undefined,
    ...(column.default === undefined ? {} : { default: column.default }),
  };
}

function indexesOf(model: Model, taken: Set<string>): IndexSpec[] {
  const { table } = model.table;
  const live: Expression = {
    kind: "isNull",
    operand: { kind: "column", name: "deleted_at" },
  };
  const indexes: IndexSpec[] = [{
    name: freeName("idx", table, "org", taken),
    keys: keysOf("organization_id", "created_at", "id"),
    unique: false,
  }];
  for (const column of model.columns) {
    if (column.unique) {
      indexes.push({
        name: freeName("uidx", table, column.name, taken),
        keys: keysOf("organization_id", column.name),
        unique: true,
        ...(model.softDelete ? { where: live } : {}),
      });
    } else if (column.index) {
      indexes.push({
        name: freeName("idx", table, column.name, taken),
        // Lists of one value stand in the default order, so that a page is read without sorting.
        keys: keysOf("organization_id", column.name, ...orderOf(column)),
        unique: false,
      });
    }
  }
  for (const { name, columns, unique } of model.indexes ?? []) {
    indexes.push({
      name: name ?? freeName(unique ? "uidx" : "idx", table, columns.join("_"), taken),
      keys: keysOf("organization_id", ...columns),
      unique,
      ...(unique && model.softDelete ? { where: live } : {}),
    });
  }
  return indexes;
}

/** Starts with the organization, as the key that it points at does. */
function foreignKeySpecOf(model: Model, key: ModelForeignKey): ForeignKeySpec {
  return {
    name: `fk_${model.table.table}_${key.columns.join("_")}`,
    columns: ["organization_id", ...key.columns],
    target: key.table,
    targetColumns: ["organization_id", ...key.references],
    onDelete: key.onDelete,
  };
}

function orderOf(column: ModelColumn): string[] {
  // A json value is too long for an index of several keys to be worth it.
  return column.type === "json" ? [] : ["created_at", "id"];
}

function keysOf(...names: string[]): IndexSpec["keys"] {
  return names.map((name) => ({ expression: { kind: "column", name } }));
}

/** `$` is outside the alphabet of names, so the second form belongs to one table and column only. */
function freeName(prefix: string, table: string, column: string, taken: Set<string>): string {
  const plain = `${prefix}_${table}_${column}`;
  const name = taken.has(plain) ? `${prefix}_${table}$${column}` : plain;
  taken.add(name);
  return name;
}

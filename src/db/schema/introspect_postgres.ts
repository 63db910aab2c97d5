/**
 * Reads what a Postgres schema holds, as the values that {@link "./render_postgres.ts"} renders.
 * Objects of others are passed over where they cannot be said in these values.
 *
 * @module
 */

import { isJsonObject } from "../../base/json.ts";
import type { StatementRunner } from "../statement.ts";
import { parseExpression, parseIndexKeys } from "./expression_json.ts";
import { column } from "./expression.ts";
import { physicalName } from "./names.ts";
import {
  type Catalog,
  type CatalogConstraint,
  type CatalogIndex,
  type CatalogTable,
  readCatalog,
} from "./postgres_catalog.ts";
import { readPostgresColumn } from "./postgres_column_reading.ts";
import { hasExactPolicies } from "./postgres_policy.ts";
import type {
  CheckSpec,
  ForeignKeyAction,
  ForeignKeySpec,
  IndexSpec,
  SchemaState,
  TableSpec,
} from "./spec.ts";

const ACTIONS: Readonly<Record<string, ForeignKeyAction>> = {
  a: "no action",
  r: "restrict",
  c: "cascade",
  n: "set null",
};

/**
 * Reads a schema.
 *
 * @param tx any transaction.
 * @param schema physical schema of the tables.
 * @returns the tables by logical name, in order of creation; empty when there is no such schema.
 */
export async function introspectPostgres(
  tx: StatementRunner,
  schema: string,
): Promise<SchemaState> {
  const catalog = await readCatalog(tx, schema);
  const names = new Map(catalog.tables.map((table) => [table.id, logicalName(table)]));
  const state = new Map<string, TableSpec>();
  for (const table of catalog.tables) {
    const spec = readTable(table, catalog, schema, names);
    state.set(spec.name.table, spec);
  }
  return state;
}

function readTable(
  table: CatalogTable,
  catalog: Catalog,
  schema: string,
  names: ReadonlyMap<number, string>,
): TableSpec {
  const name = logicalName(table);
  const isOwn = (part: { readonly table: number }) => part.table === table.id;
  const constraints = catalog.constraints.filter(isOwn);
  return {
    name: { schema, table: name },
    columns: catalog.columns.filter(isOwn).map((each) => readPostgresColumn(each, name)),
    primaryKey: constraints.find((each) => each.kind === "p")?.columns ?? [],
    indexes: catalog.indexes.filter(isOwn).flatMap(readIndex),
    foreignKeys: constraints.flatMap((each) => readForeignKey(each, names)),
    checks: constraints.flatMap(readCheck),
    tenantPolicy: table.forced && hasExactPolicies(table.policies, schema),
  };
}

function readIndex(index: CatalogIndex): IndexSpec[] {
  const comment = commentOf(index);
  const plain = index.keys.flatMap((key) =>
    key.column === null ? [] : [{
      expression: column(key.column),
      ...(key.descending ? { descending: true } : {}),
    }]
  );
  const keys = plain.length === index.keys.length ? plain : parseIndexKeys(comment.keys);
  const where = index.partial ? parseExpression(comment.where) : undefined;
  if (keys === undefined || index.method !== "btree") return [];
  if (index.partial && where === undefined) return [];
  return [{
    name: logicalName(index),
    keys,
    unique: index.unique,
    ...(where === undefined ? {} : { where }),
  }];
}

function readForeignKey(
  constraint: CatalogConstraint,
  names: ReadonlyMap<number, string>,
): ForeignKeySpec[] {
  const target = constraint.target === null ? undefined : names.get(constraint.target);
  if (constraint.kind !== "f" || target === undefined) return [];
  return [{
    name: logicalName(constraint),
    columns: constraint.columns ?? [],
    target,
    targetColumns: constraint.targetColumns ?? [],
    onDelete: ACTIONS[constraint.onDelete] ?? "no action",
  }];
}

function readCheck(constraint: CatalogConstraint): CheckSpec[] {
  if (constraint.kind !== "c") return [];
  const expression = parseExpression(commentOf(constraint).expression);
  return expression === undefined ? [] : [{ name: logicalName(constraint), expression }];
}

interface Named {
  readonly name: string;
  readonly comment: string | null;
}

/** The name in the comment, where it is the long form of the physical one. */
function logicalName(object: Named): string {
  const { name } = commentOf(object);
  return typeof name === "string" && physicalName(name) === object.name ? name : object.name;
}

function commentOf(object: Named): Readonly<Record<string, unknown>> {
  if (object.comment === null) return {};
  try {
    const parsed: unknown = JSON.parse(object.comment);
    return isJsonObject(parsed) && isJsonObject(parsed.metacore) ? parsed.metacore : {};
  } catch {
    return {};
  }
}

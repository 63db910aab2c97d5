/**
 * Shapes of the tables that a guest's statement names, read from the definitions that SQLite keeps
 * and remembered as long as these stay the same.
 *
 * @module
 */

import type { DatabaseSync } from "node:sqlite";
import { readSqliteTable } from "../schema/sqlite_table_reading.ts";
import type { ColumnSpec } from "../schema/spec.ts";
import { TENANT_COLUMN } from "../schema/tenant_rules.ts";
import { forbiddenSql } from "./errors.ts";
import { columnSqlType, type SqlType } from "./sqlite_type.ts";

/** Tables remembered. */
const MAX_TABLES = 500;

/** A column as statements see it. */
export interface ColumnShape {
  readonly name: string;
  readonly type: SqlType;
  readonly spec: ColumnSpec;
}

/** A table as statements see it. */
export interface TableShape {
  readonly schema: string;
  readonly table: string;
  /** Name in SQLite. */
  readonly physicalName: string;
  readonly columns: readonly ColumnShape[];
  readonly primaryKey: readonly string[];
  /** The definition it was read from. */
  readonly definition: string;
}

/** Shapes of the tables of one connection. */
export class SqliteTables {
  readonly #database: DatabaseSync;
  readonly #shapes = new Map<string, TableShape>();

  /** @param database an open connection. */
  constructor(database: DatabaseSync) {
    this.#database = database;
  }

  /**
   * Finds a table as it is now, in the transaction that runs.
   *
   * @param schema prefix as stored.
   * @param table as stored.
   * @returns its shape.
   * @throws {KernelError} guest_sql.forbidden — it is not there, or holds no tenant's rows.
   */
  shape(schema: string, table: string): TableShape {
    const physicalName = `${schema}.${table}`;
    const row = this.#database.prepare(
      "select sql from main.sqlite_master where type = 'table' and name = ?",
    ).get(physicalName);
    const definition = row?.sql;
    if (typeof definition !== "string") throw forbiddenSql(`There is no table ${table}`);
    const known = this.#shapes.get(physicalName);
    if (known?.definition === definition) return known;
    const spec = readSqliteTable(definition, { schema, table });
    if (!spec.columns.some((column) => column.name === TENANT_COLUMN)) {
      throw forbiddenSql(`Table ${table} does not belong to organizations`);
    }
    const shape: TableShape = {
      schema,
      table,
      physicalName,
      columns: spec.columns.map((column) => ({
        name: column.name,
        type: columnSqlType(column.type),
        spec: column,
      })),
      primaryKey: spec.primaryKey,
      definition,
    };
    this.#shapes.set(physicalName, shape);
    if (this.#shapes.size > MAX_TABLES) this.#shapes.delete(this.#shapes.keys().next().value!);
    return shape;
  }
}

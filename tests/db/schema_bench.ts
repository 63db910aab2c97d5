/**
 * A schema with rows on an engine, for tests that change it.
 *
 * @module
 */

import type { Row, Transaction } from "../../src/db/database.ts";
import { applyChange } from "../../src/db/schema/apply.ts";
import { completeChange, completeTable } from "../../src/db/schema/complete.ts";
import { postgresTable, sqliteTable } from "../../src/db/schema/names.ts";
import type {
  ColumnSpec,
  ForeignKeyAction,
  SchemaChange,
  SchemaState,
  TableName,
  TableSpec,
} from "../../src/db/schema/spec.ts";
import type { TestDatabase } from "../_support/engines.ts";

/** Physical schema of the bench. */
export const SCHEMA = "addon_rows";
/** An organization. */
export const A = "0b8c2c1e-0000-4000-8000-00000000000a";
/** Another organization. */
export const B = "0b8c2c1e-0000-4000-8000-00000000000b";

/** A UUID that ends with a number. */
export const id = (number: number): string =>
  `00000000-0000-4000-8000-${String(number).padStart(12, "0")}`;
/** A table of the bench. */
export const name = (table: string): TableName => ({ schema: SCHEMA, table });
/** A column `varchar(50)`. */
export const text = (column: string, need: "optional" | "required" = "optional"): ColumnSpec => ({
  name: column,
  type: { kind: "text", maxLength: 50 },
  nullable: need === "optional",
});

/** A tenant table with an id. */
export function tableSpec(table: string, columns: readonly ColumnSpec[] = []): TableSpec {
  return completeTable({
    name: name(table),
    columns: [
      { name: "id", type: { kind: "uuid" }, nullable: false, default: { kind: "uuid" } },
      ...columns,
    ],
    primaryKey: ["id"],
    indexes: [],
    foreignKeys: [],
    checks: [],
    tenantPolicy: true,
  });
}

/** The changes that make a table point at another by `<target>_id`. */
export function pointer(
  table: string,
  target: string,
  onDelete: ForeignKeyAction,
): readonly SchemaChange[] {
  const column = `${target}_id`;
  return [
    {
      kind: "addColumn",
      table: name(table),
      column: { name: column, type: { kind: "uuid" }, nullable: true },
    },
    completeChange({
      kind: "addForeignKey",
      table: name(table),
      key: {
        name: `${table}_${target}_key`,
        columns: [column],
        target,
        targetColumns: ["id"],
        onDelete,
      },
    }),
  ];
}

/** A schema on an engine, with the means to change it and to look into it. */
export class Bench {
  state: SchemaState = new Map();

  constructor(readonly t: TestDatabase) {}

  /** Runs work under an organization, in a transaction in which foreign keys are enforced. */
  as<T>(organization: string, work: (tx: Transaction) => Promise<T>): Promise<T> {
    return this.t.database.transaction(organization, work);
  }

  /** Makes changes under organization A. */
  async make(...changes: readonly SchemaChange[]): Promise<void> {
    await this.as(A, async (tx) => {
      for (const change of changes) {
        for (const statement of tx.profile.render(change, this.state)) await tx.execute(statement);
        this.state = applyChange(this.state, change);
      }
    });
  }

  sql(table: string): string {
    return this.t.engine === "postgres" ? postgresTable(name(table)) : sqliteTable(name(table));
  }

  /** Inserts a row with text values. */
  insert(organization: string, table: string, values: Record<string, string>): Promise<Row[]> {
    const all = { organization_id: organization, ...values };
    const list = Object.entries(all);
    return this.run(
      organization,
      `insert into ${this.sql(table)} (${list.map(([column]) => `"${column}"`).join(", ")}) ` +
        `values (${list.map(([, value]) => `'${value.replaceAll("'", "''")}'`).join(", ")})`,
    );
  }

  async run(organization: string, sql: string): Promise<Row[]> {
    const result = await this.as(organization, (tx) => tx.execute({ sql, parameters: [] }));
    return [...result.rows];
  }

  /** A column of a table as texts, in order of ids; on SQLite of every organization. */
  async column(table: string, column: string, organization = A): Promise<(string | null)[]> {
    const rows = await this.run(
      organization,
      `select cast("${column}" as text) as value from ${this.sql(table)} ` +
        `where organization_id = '${organization}' order by id`,
    );
    return rows.map((row) => row.value === null ? null : String(row.value));
  }
}

/** A bench with tables made. */
export async function bench(t: TestDatabase, ...tables: readonly TableSpec[]): Promise<Bench> {
  const made = new Bench(t);
  await made.make(
    { kind: "createSchema", schema: SCHEMA },
    ...tables.map((table) => ({ kind: "createTable", table } as const)),
  );
  return made;
}

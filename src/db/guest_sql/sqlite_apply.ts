/**
 * Carries out a write that was taken apart: reads what the guest's text computes through the wall,
 * then stores it with statements of the kernel that name the organization themselves.
 *
 * @module
 */

import type { SQLInputValue, SQLOutputValue } from "node:sqlite";
import { quoteIdentifier } from "../schema/names.ts";
import { TENANT_COLUMN } from "../schema/tenant_rules.ts";
import type { RawResult, SqliteConnection } from "../sqlite_connection.ts";
import { forbiddenSql, rowLimit, sqlFailed } from "./errors.ts";
import type { GuestColumn, GuestSqlLimits, GuestSqlResult } from "./guest_sql.ts";
import { castValue, type Stored } from "./sqlite_cast.ts";
import { ResultRows } from "./sqlite_encode.ts";
import { guestSqlError } from "./sqlite_failure.ts";
import type { NamedColumn } from "./sqlite_scope.ts";
import type { ColumnShape, TableShape } from "./sqlite_tables.ts";
import { columnSqlType } from "./sqlite_type.ts";
import type { GuestRun, SqliteWall } from "./sqlite_wall.ts";
import type { Assignment, Conflict, WritePlan } from "./sqlite_write.ts";

/** Most units of text and bytes of the rows that one statement may hold before it stores them. */
const MAX_STAGED_UNITS = 32_000_000;

/** What a write needs. */
export interface WriteRun {
  readonly connection: SqliteConnection;
  readonly wall: SqliteWall;
  readonly run: GuestRun;
  readonly arguments: readonly SQLInputValue[];
  readonly limits: GuestSqlLimits;
}

/**
 * Carries out a write inside the transaction that runs.
 *
 * @param plan the write, taken apart.
 * @param options where and for whom.
 * @returns what RETURNING gave and how many rows were changed.
 * @throws {KernelError} guest_sql.*
 */
export function applyWrite(plan: WritePlan, options: WriteRun): GuestSqlResult {
  const write = new Write(plan, options);
  try {
    return write.apply();
  } catch (thrown) {
    throw guestSqlError(thrown);
  }
}

class Write {
  readonly #plan: WritePlan;
  readonly #options: WriteRun;
  readonly #organizationId: string;
  readonly #result: ResultRows;
  readonly #touched = new Set<string>();
  #changes = 0;

  constructor(plan: WritePlan, options: WriteRun) {
    this.#plan = plan;
    this.#options = options;
    this.#organizationId = options.run.organizationId;
    this.#result = new ResultRows(returnedColumns(plan).map(({ type }) => type), options.limits);
  }

  apply(): GuestSqlResult {
    const rows = this.#stage();
    rows.forEach((row, position) => {
      this.#options.run.budget.check();
      this.#store(row, position);
    });
    return {
      columns: returnedColumns(this.#plan).map(guestColumn),
      rows: this.#result.rows,
      changes: this.#changes,
    };
  }

  /** Everything is read before anything is stored: no row meets what the statement itself wrote. */
  #stage(): SQLOutputValue[][] {
    const rows: SQLOutputValue[][] = [];
    let units = 0;
    this.#select(this.#plan.source.sql, [], (row) => {
      units += row.reduce((sum: number, value) => sum + unitsOf(value), 0);
      if (units > MAX_STAGED_UNITS) throw rowLimit("The statement writes too much at once");
      rows.push(row);
    });
    return rows;
  }

  #select(
    sql: string,
    given: readonly SQLInputValue[],
    each: (row: SQLOutputValue[]) => void,
  ): void {
    const parameters = [...this.#options.arguments, ...given];
    this.#options.wall.select({ sql, parameters }, this.#options.run, each);
  }

  #store(row: readonly SQLOutputValue[], position: number): void {
    const plan = this.#plan;
    switch (plan.kind) {
      case "insert":
        return this.#insert(row, plan.rows[plan.rows.length === 1 ? 0 : position]!, plan.conflict);
      case "update":
        return this.#update(row, plan.assignments);
      case "delete":
        return this.#delete(row);
    }
  }

  #insert(
    row: readonly SQLOutputValue[],
    assignments: readonly Assignment[],
    conflict: Conflict | undefined,
  ): void {
    const { target } = this.#plan;
    const given = new Map<string, SQLInputValue>([[TENANT_COLUMN, this.#organizationId]]);
    for (const { column, source } of assignments) {
      if (source.kind === "default") continue;
      given.set(column.name, this.#valueFor(column, row[source.place] ?? null));
    }
    const names = [...given.keys()].map(quoteIdentifier);
    const columns = conflict?.columns.map(quoteIdentifier).join(", ") ?? "";
    const unless = conflict === undefined
      ? ""
      : ` on conflict${columns === "" ? "" : ` (${columns})`} do nothing`;
    const stored = this.#execute(
      `insert into ${tableSql(target)} (${names.join(", ")}) ` +
        `values (${names.map(() => "?").join(", ")})${unless} ` +
        `returning ${target.primaryKey.map(quoteIdentifier).join(", ")}`,
      [...given.values()],
    );
    const [key] = stored.rows;
    if (key !== undefined) this.#count(key);
    else if (conflict?.update !== undefined) this.#updateExisting(given, conflict.update);
  }

  #updateExisting(
    given: ReadonlyMap<string, SQLInputValue>,
    update: NonNullable<Conflict["update"]>,
  ): void {
    const excluded = this.#plan.target.columns.map((column) =>
      given.has(column.name) ? given.get(column.name)! : this.#defaultOf(column)
    );
    const found: SQLOutputValue[][] = [];
    this.#select(update.query.sql, excluded, (row) => found.push(row));
    const [row] = found;
    if (row === undefined) return;
    if (this.#touched.has(keyText(row, this.#plan.target))) {
      throw sqlFailed("ON CONFLICT DO UPDATE command cannot affect row a second time", "21000");
    }
    this.#update(row, update.assignments);
  }

  #update(row: readonly SQLOutputValue[], assignments: readonly Assignment[]): void {
    const { target } = this.#plan;
    const key = row.slice(0, target.primaryKey.length);
    // A row that a join found twice is changed once.
    if (this.#touched.has(keyText(key, target))) return;
    const values = assignments.map(({ column, source }) =>
      source.kind === "default"
        ? this.#defaultOf(column)
        : this.#valueFor(column, row[source.place] ?? null)
    );
    const sets = assignments.map(({ column }) => `${quoteIdentifier(column.name)} = ?`);
    const stored = this.#execute(
      `update ${tableSql(target)} set ${sets.join(", ")} where ${this.#oneRow()}`,
      [...values, this.#organizationId, ...key],
    );
    if (stored.changes === 0) return;
    const after = target.primaryKey.map((name, i) => {
      const at = assignments.findIndex(({ column }) => column.name === name);
      return at < 0 ? key[i]! : values[at]!;
    });
    this.#touched.add(keyText(key, target));
    this.#count(after);
  }

  #delete(row: readonly SQLOutputValue[]): void {
    const { target } = this.#plan;
    const width = target.primaryKey.length;
    const stored = this.#execute(
      `delete from ${tableSql(target)} where ${this.#oneRow()}`,
      [this.#organizationId, ...row.slice(0, width)],
    );
    if (stored.changes === 0) return;
    this.#changes++;
    if (this.#plan.kind === "delete" && this.#plan.returned) this.#result.add(row.slice(width));
  }

  /** The organization is in every statement, whatever the key is made of. */
  #oneRow(): string {
    const key = this.#plan.target.primaryKey.map((name) => `${quoteIdentifier(name)} = ?`);
    return [`${quoteIdentifier(TENANT_COLUMN)} = ?`, ...key].join(" and ");
  }

  #count(key: readonly (SQLInputValue | SQLOutputValue)[]): void {
    this.#changes++;
    this.#touched.add(keyText(key, this.#plan.target));
    const returning = this.#plan.kind === "delete" ? undefined : this.#plan.returning;
    if (returning === undefined) return;
    this.#select(returning.sql, key, (row) => this.#result.add(row));
  }

  #execute(sql: string, parameters: readonly SQLInputValue[]): RawResult {
    return this.#options.connection.run({ sql, parameters });
  }

  #valueFor(column: ColumnShape, value: SQLOutputValue): SQLInputValue {
    const stored = castValue(column.type, value, "assign");
    if (column.name === TENANT_COLUMN && stored !== this.#organizationId) {
      throw forbiddenSql("The row would belong to another organization");
    }
    return stored;
  }

  #defaultOf(column: ColumnShape): Stored {
    const { spec } = column;
    if (column.name === TENANT_COLUMN) return this.#organizationId;
    switch (spec.default?.kind) {
      case "uuid":
        return crypto.randomUUID();
      case "now":
        return castValue(column.type, new Date(this.#options.run.nowMs).toISOString());
      case "literal": {
        const { value } = spec.default;
        return castValue(
          columnSqlType(spec.type),
          typeof value === "boolean" ? String(value) : value,
        );
      }
      default:
        return null;
    }
  }
}

function returnedColumns(plan: WritePlan): readonly NamedColumn[] {
  return (plan.kind === "delete" ? plan.returned : plan.returning?.columns) ?? [];
}

/** A column as guests get it. */
export function guestColumn({ name, type }: NamedColumn): GuestColumn {
  return type === undefined ? { name } : { name, type: type.name };
}

function tableSql(target: TableShape): string {
  return `main.${quoteIdentifier(target.physicalName)}`;
}

function keyText(key: readonly unknown[], target: TableShape): string {
  return key.slice(0, target.primaryKey.length).map((part) => `${typeof part} ${part}`).join("\0");
}

function unitsOf(value: SQLOutputValue): number {
  return typeof value === "string" || value instanceof Uint8Array ? value.length + 16 : 16;
}

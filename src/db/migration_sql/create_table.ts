/**
 * CREATE TABLE.
 *
 * @module
 */

import type { CreateStmt } from "libpg-query";
import type { ColumnSpec, TableSpec } from "../schema/spec.ts";
import type { Admission } from "./admission.ts";
import { readColumn } from "./column.ts";
import { readConstraint, type WrittenConstraint } from "./constraint.ts";
import { checkSpec, foreignKeySpec, primaryKeyColumns, uniqueIndex } from "./constraint_spec.ts";
import { MAX_COLUMNS, MAX_TABLE_INDEXES, MAX_TABLE_RULES } from "./limits.ts";
import { ownTable } from "./own_names.ts";
import { kindOf, onlyFields } from "./syntax_tree.ts";

const FIELDS = ["relation", "tableElts", "oncommit", "if_not_exists"] as const;

/**
 * Admits CREATE TABLE; nothing happens where IF NOT EXISTS meets a table that is there.
 *
 * @param admission the migration at hand.
 * @param statement the statement.
 * @throws {KernelError} schema.migration_refused
 */
export function createTable(admission: Admission, statement: CreateStmt): void {
  const name = ownTable(admission, statement.relation);
  onlyFields(admission, "CREATE TABLE", statement, FIELDS);
  if (statement.oncommit !== "ONCOMMIT_NOOP") {
    throw admission.refuse("CREATE TABLE with ON COMMIT is not allowed");
  }
  const elements = readElements(admission, name, statement);
  // Read first: what is not allowed is refused whether or not the table is there.
  if (admission.state.has(name) && statement.if_not_exists) return;
  admission.admit({ kind: "createTable", table: tableOf(admission, name, elements) });
}

interface Elements {
  readonly columns: readonly ColumnSpec[];
  readonly constraints: readonly WrittenConstraint[];
}

function readElements(admission: Admission, name: string, statement: CreateStmt): Elements {
  const columns: ColumnSpec[] = [];
  const constraints: WrittenConstraint[] = [];
  const names = new Set<string>();
  for (const node of statement.tableElts ?? []) {
    if ("ColumnDef" in node) {
      const written = readColumn(admission, name, node.ColumnDef);
      if (names.has(written.column.name)) {
        throw admission.refuse(`${name}.${written.column.name} is there twice`, written.offset);
      }
      names.add(written.column.name);
      columns.push(written.column);
      constraints.push(...written.constraints);
    } else if ("Constraint" in node) {
      constraints.push(readConstraint(admission, node.Constraint));
    } else {
      const what = kindOf(node) === "TableLikeClause" ? "LIKE" : "this element";
      throw admission.refuse(`CREATE TABLE with ${what} is not allowed`);
    }
  }
  // Before they are named: giving names costs more with every name.
  const most = MAX_TABLE_INDEXES + MAX_TABLE_RULES;
  if (constraints.length > most) {
    throw admission.refuse(`table ${name} may have at most ${most} constraints`);
  }
  if (columns.length > 0 && columns.length <= MAX_COLUMNS) return { columns, constraints };
  throw admission.refuse(`table ${name} must have 1 to ${MAX_COLUMNS} columns`);
}

function tableOf(admission: Admission, name: string, elements: Elements): TableSpec {
  const empty: TableSpec = {
    name: admission.tableName(name),
    columns: elements.columns,
    primaryKey: [],
    indexes: [],
    foreignKeys: [],
    checks: [],
    tenantPolicy: true,
  };
  // Keys first: a foreign key may point at the table itself.
  const isKey = (each: WrittenConstraint) => each.kind === "primary" || each.kind === "unique";
  const keys = elements.constraints.filter(isKey);
  const others = elements.constraints.filter((each) => !isKey(each));
  return [...keys, ...others].reduce((table, each) => constrain(admission, table, each), empty);
}

function constrain(
  admission: Admission,
  table: TableSpec,
  written: WrittenConstraint,
): TableSpec {
  switch (written.kind) {
    case "primary":
      if (table.primaryKey.length > 0) {
        throw admission.refuse(
          `table ${table.name.table} has two primary keys`,
          written.offset,
        );
      }
      return { ...table, primaryKey: primaryKeyColumns(admission, table, written) };
    case "unique":
      return { ...table, indexes: [...table.indexes, uniqueIndex(admission, table, written)] };
    case "check":
      return { ...table, checks: [...table.checks, checkSpec(admission, table, written)] };
    case "foreign": {
      const key = foreignKeySpec(admission, table, written);
      if (key === undefined) return table;
      return { ...table, foreignKeys: [...table.foreignKeys, key] };
    }
  }
}

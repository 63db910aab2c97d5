/**
 * Reads a table from its SQLite definition: columns, keys and constraints. Indexes and triggers are
 * read by `introspect_sqlite.ts`.
 *
 * @module
 */

import { readSqliteColumn } from "./sqlite_column_reading.ts";
import { readExpression } from "./sqlite_expression_reading.ts";
import { inParentheses, isToken, splitAtCommas, type Token, tokenize } from "./sqlite_tokens.ts";
import { TENANT_COLUMN } from "./tenant_rules.ts";
import type {
  CheckSpec,
  ColumnSpec,
  ForeignKeyAction,
  ForeignKeySpec,
  TableName,
  TableSpec,
} from "./spec.ts";

const CONSTRAINT_WORDS: ReadonlySet<string> = new Set([
  "constraint",
  "primary",
  "unique",
  "check",
  "foreign",
]);
const ACTIONS: ReadonlySet<string> = new Set<ForeignKeyAction>([
  "no action",
  "restrict",
  "cascade",
  "set null",
]);

/**
 * Reads a table.
 *
 * @param sql its `create table` statement as SQLite keeps it.
 * @param name schema and logical name.
 * @returns the table without indexes; what this room never writes is passed over.
 */
export function readSqliteTable(sql: string, name: TableName): TableSpec {
  const tokens = tokenize(sql);
  const open = tokens.findIndex((token) => isToken(token, "("));
  const columns: ColumnSpec[] = [];
  const checks: CheckSpec[] = [];
  const foreignKeys: ForeignKeySpec[] = [];
  let primaryKey: readonly string[] = [];
  for (const part of open < 0 ? [] : splitAtCommas(inParentheses(tokens, open))) {
    const [first] = part;
    if (first === undefined) continue;
    if (first.kind === "word" && CONSTRAINT_WORDS.has(first.value)) {
      const constraint = readConstraint(part, name.schema);
      if (constraint?.kind === "key") primaryKey = constraint.columns;
      if (constraint?.kind === "check") checks.push(constraint.check);
      if (constraint?.kind === "foreign") foreignKeys.push(constraint.key);
      continue;
    }
    const read = readSqliteColumn(part, sql, name.table);
    columns.push(read.column);
    if (read.isKey) primaryKey = [read.column.name];
  }
  return {
    name,
    columns,
    primaryKey,
    indexes: [],
    foreignKeys,
    checks,
    tenantPolicy: columns.some((column) =>
      column.name === TENANT_COLUMN && column.default?.kind === "tenant"
    ),
  };
}

type Constraint =
  | { readonly kind: "key"; readonly columns: readonly string[] }
  | { readonly kind: "check"; readonly check: CheckSpec }
  | { readonly kind: "foreign"; readonly key: ForeignKeySpec };

function readConstraint(tokens: readonly Token[], schema: string): Constraint | undefined {
  const isNamed = isToken(tokens[0], "constraint");
  const name = isNamed ? tokens[1]?.value ?? "" : "";
  const body = isNamed ? tokens.slice(2) : tokens;
  const open = body.findIndex((token) => isToken(token, "("));
  if (open < 0) return undefined;
  const inner = inParentheses(body, open);
  switch (body[0]?.value) {
    case "primary":
      return { kind: "key", columns: readNames(inner) };
    case "check": {
      const expression = readExpression(inner);
      return expression && { kind: "check", check: { name, expression } };
    }
    case "foreign": {
      const rest = body.slice(open + inner.length + 2);
      const key = readForeignKey(name, readNames(inner), rest, schema);
      return key && { kind: "foreign", key };
    }
    default:
      return undefined;
  }
}

/** Reads from the word `references` on. */
function readForeignKey(
  name: string,
  columns: readonly string[],
  tokens: readonly Token[],
  schema: string,
): ForeignKeySpec | undefined {
  const target = tokens[1]?.value;
  if (!isToken(tokens[0], "references") || target?.startsWith(`${schema}.`) !== true) {
    return undefined;
  }
  const targets = isToken(tokens[2], "(") ? inParentheses(tokens, 2) : [];
  const words = tokens.slice(targets.length + 4).map((token) => token.value).join(" ");
  const action = /\bon delete (no action|restrict|cascade|set null)/.exec(words)?.[1];
  return {
    name,
    columns,
    target: target.slice(schema.length + 1),
    targetColumns: readNames(targets),
    onDelete: isAction(action) ? action : "no action",
  };
}

function readNames(tokens: readonly Token[]): readonly string[] {
  return splitAtCommas(tokens).flatMap((part) => part[0] === undefined ? [] : [part[0].value]);
}

function isAction(words: string | undefined): words is ForeignKeyAction {
  return words !== undefined && ACTIONS.has(words);
}

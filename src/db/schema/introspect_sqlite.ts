/**
 * Reads what a SQLite database holds under one prefix, from the definitions that SQLite keeps, as
 * the values that {@link "./render_sqlite.ts"} renders. The tenant policy is not stored there: a
 * table with the tenant column counts as protected, since scope is in every generated statement.
 *
 * @module
 */

import type { StatementRunner } from "../statement.ts";
import { column } from "./expression.ts";
import { readExpression } from "./sqlite_expression_reading.ts";
import { setNullTriggerName } from "./sqlite_objects.ts";
import { readSqliteTable } from "./sqlite_table_reading.ts";
import { findOutside, inParentheses, isToken, splitAtCommas, tokenize } from "./sqlite_tokens.ts";
import type { Token } from "./sqlite_tokens.ts";
import type { IndexKey, IndexSpec, SchemaState, TableSpec } from "./spec.ts";

const DEFINITIONS_SQL = "select type, name, tbl_name as table_name, sql from sqlite_master " +
  "where sql is not null and substr(name, 1, length(?)) = ? order by rowid";

interface Definition {
  readonly type: string;
  /** Name without the prefix. */
  readonly name: string;
  readonly table: string;
  readonly sql: string;
}

/**
 * Reads the tables under a prefix.
 *
 * @param tx any transaction.
 * @param schema prefix of the tables, without the point.
 * @returns the tables by logical name, in order of creation; empty when there are none.
 */
export async function introspectSqlite(tx: StatementRunner, schema: string): Promise<SchemaState> {
  const definitions = await readDefinitions(tx, schema);
  const triggers = new Set(
    definitions.filter((each) => each.type === "trigger").map((each) => `${schema}.${each.name}`),
  );
  const state = new Map<string, TableSpec>();
  for (const definition of definitions) {
    if (definition.type !== "table") continue;
    const table = readSqliteTable(definition.sql, { schema, table: definition.name });
    state.set(definition.name, {
      ...table,
      indexes: definitions.filter((each) => each.type === "index" && each.table === definition.name)
        .flatMap(readIndex),
      foreignKeys: table.foreignKeys.map((key) =>
        triggers.has(setNullTriggerName(schema, definition.name, key.name))
          ? { ...key, onDelete: "set null" }
          : key
      ),
    });
  }
  return state;
}

async function readDefinitions(
  tx: StatementRunner,
  schema: string,
): Promise<readonly Definition[]> {
  const prefix = `${schema}.`;
  const { rows } = await tx.execute({ sql: DEFINITIONS_SQL, parameters: [prefix, prefix] });
  return rows.map((row) => ({
    type: String(row.type),
    name: String(row.name).slice(prefix.length),
    table: String(row.table_name).slice(prefix.length),
    sql: String(row.sql),
  }));
}

function readIndex(definition: Definition): IndexSpec[] {
  const tokens = tokenize(definition.sql);
  const open = tokens.findIndex((token) => isToken(token, "("));
  if (open < 0) return [];
  const inner = inParentheses(tokens, open);
  const rest = tokens.slice(open + inner.length + 2);
  const keys = splitAtCommas(inner).map(readKey);
  const isPartial = findOutside(rest, "where") === 0;
  const where = isPartial ? readExpression(rest.slice(1)) : undefined;
  if (!keys.every((key) => key !== undefined) || (isPartial && where === undefined)) return [];
  return [{
    name: definition.name,
    keys,
    unique: isToken(tokens[1], "unique"),
    ...(where === undefined ? {} : { where }),
  }];
}

/** An expression stands in parentheses of its own, a column does not. */
function readKey(tokens: readonly Token[]): IndexKey | undefined {
  const descending = isToken(tokens.at(-1), "desc");
  const key = descending || isToken(tokens.at(-1), "asc") ? tokens.slice(0, -1) : tokens;
  const [first] = key;
  const isColumn = key.length === 1 && (first?.kind === "name" || first?.kind === "word");
  const expression = isColumn && first !== undefined
    ? column(first.value)
    : readExpression(isToken(first, "(") ? key.slice(1, -1) : key);
  return expression && { expression, ...(descending ? { descending: true } : {}) };
}

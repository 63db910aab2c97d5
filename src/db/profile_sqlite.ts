/**
 * What SQLite does its own way.
 *
 * @module
 */

import { type RawBuilder, sql } from "kysely";
import type { Statement, StatementRunner } from "./statement.ts";
import { dayText, instantText, jsonText } from "./column_value.ts";
import { invalidValue } from "./errors.ts";
import { sqliteKysely } from "./kernel_kysely.ts";
import type { DialectProfile, Isolation } from "./profile.ts";
import { introspectSqlite } from "./schema/introspect_sqlite.ts";
import { addonSchemaName, sqliteTable } from "./schema/names.ts";
import { renderSqlite } from "./schema/render_sqlite.ts";
import type { ColumnType, SchemaChange, SchemaState, TableName } from "./schema/spec.ts";

const compiler = sqliteKysely();

/** Pairs of one `json_object` call; SQLite takes 1000 arguments at most. */
const MAX_PAIRS = 400;

type Sql = RawBuilder<unknown>;

/** Profile of SQLite. */
export class SqliteProfile implements DialectProfile {
  readonly name = "sqlite";
  /** The one writer is locked already. */
  readonly lockRows: Sql = sql``;

  compile(query: Sql): Statement {
    return query.compile(compiler);
  }

  addonSchema(addonKey: string, isolation: Isolation, organizationId: string): string {
    return addonSchemaName(addonKey, isolation, organizationId);
  }

  table(name: TableName): Sql {
    return sql.raw(sqliteTable(name));
  }

  kernelTable(name: string): Sql {
    return sql.table(`metacore_${name}`);
  }

  value(value: unknown, type: ColumnType): Sql {
    return sql`${value === null || value === undefined ? null : encode(value, type)}`;
  }

  jsonValue(column: Sql, type: ColumnType): Sql {
    switch (type.kind) {
      case "boolean":
        return sql`json(case ${column} when 1 then 'true' when 0 then 'false' end)`;
      case "date":
        return sql`${column} || 'T00:00:00Z'`;
      case "json":
      case "array":
        return sql`json(${column})`;
      case "bytes":
        return sql`case when ${column} is not null then lower(hex(${column})) end`;
      default:
        return column;
    }
  }

  jsonObject(entries: readonly (readonly [string, Sql])[]): Sql {
    if (entries.length <= MAX_PAIRS) return object(entries);
    const parts: Sql[] = [];
    for (let i = 0; i < entries.length; i += MAX_PAIRS) {
      const part = object(entries.slice(i, i + MAX_PAIRS));
      parts.push(sql`substr(${part}, 2, length(${part}) - 2)`);
    }
    return sql`json('{' || ${sql.join(parts, sql` || ',' || `)} || '}')`;
  }

  jsonArray(element: Sql): Sql {
    return sql`json_group_array(${element})`;
  }

  containsText(column: Sql, pattern: string): Sql {
    // LIKE folds ASCII letters by itself; any other letter needs Unicode's rules, at a call per row.
    // deno-lint-ignore no-control-regex -- the ASCII range
    if (/^[\x00-\x7f]*$/.test(pattern)) return sql`${column} like ${`%${pattern}%`} escape '\\'`;
    return sql`metacore_fold(${column}) like ${`%${pattern.toLowerCase()}%`} escape '\\'`;
  }

  now(): Sql {
    return sql`strftime('%Y-%m-%dT%H:%M:%fZ', 'now')`;
  }

  changeToken(organizationId: string, table: string): Sql {
    return sql`(select cast(coalesce(max(sequence), 0) as text) from metacore_events
      where organization_id = ${organizationId} and table_name = ${table})`;
  }

  unchangedSince(organizationId: string, table: string, token: string): Sql {
    return sql`(select case when coalesce(max(sequence), 0) <= ${
      Number(token)
    } then '1' else '0' end
      from metacore_events where organization_id = ${organizationId} and table_name = ${table})`;
  }

  runningWriters(_kernelTable: string): Sql {
    return sql`select '' as writer where false`;
  }

  introspect(tx: StatementRunner, schema: string): Promise<SchemaState> {
    return introspectSqlite(tx, schema);
  }

  render(change: SchemaChange, state: SchemaState): readonly Statement[] {
    return renderSqlite(change, state);
  }
}

function object(entries: readonly (readonly [string, Sql])[]): Sql {
  return sql`json_object(${
    sql.join(entries.map(([name, value]) => sql`${sql.lit(name)}, ${value}`))
  })`;
}

function encode(value: unknown, type: ColumnType): unknown {
  switch (type.kind) {
    case "uuid":
      return String(value).toLowerCase();
    case "text":
    case "time":
      return String(value);
    case "timestamp":
      return instantText(value);
    case "date":
      return dayText(value);
    case "json":
    case "array":
      return jsonText(value);
    case "bigint":
      return typeof value === "string" ? integer(value) : value;
    case "smallint":
    case "integer":
    case "numeric":
    case "real":
    case "double":
      return typeof value === "string" ? number(value) : value;
    case "boolean":
    case "bytes":
      return value;
  }
}

function integer(text: string): bigint {
  if (!/^[+-]?\d{1,19}$/.test(text)) throw invalidValue("A value is no whole number");
  return BigInt(text);
}

function number(text: string): number {
  const value = Number(text);
  if (text.trim() === "" || !Number.isFinite(value)) throw invalidValue("A value is no number");
  return value;
}

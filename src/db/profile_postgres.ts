/**
 * What Postgres does its own way.
 *
 * @module
 */

import { type RawBuilder, sql } from "kysely";
import type { Statement, StatementRunner } from "./statement.ts";
import { dayText, instantText, jsonText } from "./column_value.ts";
import { postgresKysely } from "./kernel_kysely.ts";
import type { DialectProfile, Isolation } from "./profile.ts";
import { introspectPostgres } from "./schema/introspect_postgres.ts";
import { addonSchemaName, postgresTable } from "./schema/names.ts";
import { renderPostgres } from "./schema/render_postgres.ts";
import type { ColumnType, SchemaChange, SchemaState, TableName } from "./schema/spec.ts";

const compiler = postgresKysely();

/** Type names for casts of parameters; none has a length, for a cast would cut silently. */
const CASTS: Readonly<Record<Exclude<ColumnType["kind"], "array">, string>> = {
  text: "text",
  uuid: "uuid",
  smallint: "smallint",
  integer: "integer",
  bigint: "bigint",
  numeric: "numeric",
  real: "real",
  double: "double precision",
  boolean: "boolean",
  timestamp: "timestamptz",
  date: "date",
  time: "time",
  json: "jsonb",
  bytes: "bytea",
};

type Sql = RawBuilder<unknown>;

/** Profile of Postgres. */
export class PostgresProfile implements DialectProfile {
  readonly name = "postgres";
  readonly lockRows: Sql = sql`for update`;

  compile(query: Sql): Statement {
    return query.compile(compiler);
  }

  addonSchema(addonKey: string, isolation: Isolation, organizationId: string): string {
    return addonSchemaName(addonKey, isolation, organizationId);
  }

  table(name: TableName): Sql {
    return sql.raw(postgresTable(name));
  }

  kernelTable(name: string): Sql {
    return sql.table(`metacore.${name}`);
  }

  value(value: unknown, type: ColumnType): Sql {
    const cast = type.kind === "array" ? `${type.element}[]` : CASTS[type.kind];
    const bound = value === null || value === undefined ? null : encode(value, type);
    return sql`${bound}::${sql.raw(cast)}`;
  }

  jsonValue(column: Sql, type: ColumnType): Sql {
    switch (type.kind) {
      case "timestamp":
        // Sessions run in UTC, so the text is `2026-11-21 08:50:59.123+00`.
        return sql`replace(replace(${column}::text, ' ', 'T'), '+00', 'Z')`;
      case "date":
        return sql`${column}::text || 'T00:00:00Z'`;
      case "bytes":
        return sql`encode(${column}, 'hex')`;
      default:
        return column;
    }
  }

  jsonObject(entries: readonly (readonly [string, Sql])[]): Sql {
    // A row of a subselect has no limit of 100 arguments, and its JSON is compact.
    const columns = entries.map(([name, value]) => sql`${value} as ${sql.id(name)}`);
    return sql`(select to_json(o) from (select ${sql.join(columns)}) o)`;
  }

  jsonArray(element: Sql): Sql {
    return sql`coalesce(json_agg(${element}), '[]'::json)`;
  }

  containsText(column: Sql, pattern: string): Sql {
    return sql`${column}::text ilike ${`%${pattern}%`} escape '\\'`;
  }

  now(): Sql {
    return sql`now()`;
  }

  changeToken(_organizationId: string, _table: string): Sql {
    return sql`pg_current_snapshot()::text`;
  }

  unchangedSince(organizationId: string, table: string, token: string): Sql {
    // Every event that the snapshot does not see was written by a transaction at or after its xmin.
    return sql`(select case when exists (select from metacore.events
      where organization_id = ${organizationId}::uuid and table_name = ${table}
        and xid >= pg_snapshot_xmin(${token}::pg_snapshot)
        and not pg_visible_in_snapshot(xid, ${token}::pg_snapshot)
      ) then '0' else '1' end)`;
  }

  runningWriters(kernelTable: string): Sql {
    // Whoever inserts takes this lock before it takes a number, and keeps it until it can be seen.
    return sql`select virtualtransaction as writer from pg_locks
      where locktype = 'relation' and mode = 'RowExclusiveLock' and granted
        and relation = ${`metacore.${kernelTable}`}::text::regclass
        and database = (select oid from pg_database where datname = current_database())
        and pid <> pg_backend_pid()`;
  }

  introspect(tx: StatementRunner, schema: string): Promise<SchemaState> {
    return introspectPostgres(tx, schema);
  }

  render(change: SchemaChange, state: SchemaState): readonly Statement[] {
    return renderPostgres(change, state);
  }
}

function encode(value: unknown, type: ColumnType): unknown {
  switch (type.kind) {
    case "json":
      return jsonText(value);
    case "date":
      return dayText(value);
    case "array":
      return Array.isArray(value) ? arrayText(value) : value;
    case "bytes":
    case "boolean":
      return value;
    case "timestamp":
      return exactInstant(value);
    default:
      return String(value);
  }
}

/** Text keeps its microseconds, once it is known to name an instant: Postgres takes words too. */
function exactInstant(value: unknown): string {
  const text = instantText(value);
  return typeof value === "string" ? value : text;
}

function arrayText(values: readonly unknown[]): string {
  const elements = values.map((value) =>
    value === null ? "NULL" : `"${String(value).replace(/["\\]/g, "\\$&")}"`
  );
  return `{${elements.join(",")}}`;
}

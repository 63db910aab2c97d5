/**
 * Everything that a database holds, as lines of text: schemas, tables, columns, constraints, indexes,
 * policies, functions and every row. Two of these before and after something tell what it left behind.
 *
 * @module
 */

import { DatabaseSync } from "node:sqlite";
import pg from "pg";

/** A line for each thing in the database. */
export type Dump = ReadonlySet<string>;

/** Where a database is. */
export interface DumpedDatabase {
  readonly databaseUrl: string;
  /** Postgres: as the superuser, whom row policies hide nothing from. */
  readonly adminUrl?: string;
}

const CATALOG = `
  select 'schema ' || nspname as line from pg_namespace
    where nspname !~ '^pg_' and nspname <> 'information_schema'
  union all
  select format('relation %s.%s %s rls=%s force=%s', n.nspname, c.relname, c.relkind,
      c.relrowsecurity, c.relforcerowsecurity)
    from pg_class c join pg_namespace n on n.oid = c.relnamespace
    where n.nspname !~ '^pg_' and n.nspname <> 'information_schema' and c.relkind <> 'i'
  union all
  select format('column %s.%s.%s %s null=%s default=%s', n.nspname, c.relname, a.attname,
      format_type(a.atttypid, a.atttypmod), not a.attnotnull, pg_get_expr(d.adbin, d.adrelid))
    from pg_attribute a join pg_class c on c.oid = a.attrelid
    join pg_namespace n on n.oid = c.relnamespace
    left join pg_attrdef d on d.adrelid = a.attrelid and d.adnum = a.attnum
    where n.nspname !~ '^pg_' and n.nspname <> 'information_schema' and c.relkind = 'r'
      and a.attnum > 0 and not a.attisdropped
  union all
  select format('constraint %s.%s %s', n.nspname, k.conname, pg_get_constraintdef(k.oid))
    from pg_constraint k join pg_namespace n on n.oid = k.connamespace
    where n.nspname !~ '^pg_' and n.nspname <> 'information_schema'
  union all
  select 'index ' || indexdef from pg_indexes
    where schemaname !~ '^pg_' and schemaname <> 'information_schema'
  union all
  select format('policy %s.%s %s %s %s', schemaname, tablename, policyname, qual, with_check)
    from pg_policies
  union all
  select format('function %s.%s', n.nspname, p.proname)
    from pg_proc p join pg_namespace n on n.oid = p.pronamespace
    where n.nspname !~ '^pg_' and n.nspname <> 'information_schema'`;

const TABLES = `
  select format('%I.%I', schemaname, tablename) as name from pg_tables
    where schemaname !~ '^pg_' and schemaname <> 'information_schema'`;

/**
 * Reads everything.
 *
 * @param place the database: a file of SQLite, or a server of Postgres with its superuser.
 * @returns its lines.
 */
export async function dumpDatabase(place: DumpedDatabase): Promise<Dump> {
  if (place.databaseUrl.startsWith("sqlite:")) return dumpSqlite(place.databaseUrl.slice(7));
  if (place.adminUrl === undefined) throw new Error("only its superuser sees every row");
  return await dumpPostgres(place.adminUrl);
}

/** Whether a database can be read whole from beside its kernel: not the stand-in of Postgres. */
export function isDumpable(place: DumpedDatabase): boolean {
  return place.databaseUrl.startsWith("sqlite:") || place.adminUrl !== undefined;
}

/**
 * Says what one dump has and another has not.
 *
 * @param before the earlier one.
 * @param after the later one.
 * @param history tables whose rows are meant to stay: what was done is on record there.
 * @returns lines that came, with `+`, and that went, with `-`.
 */
export function leftovers(before: Dump, after: Dump, history: readonly string[] = []): string[] {
  const isHistory = (line: string) => history.some((table) => line.startsWith(`row ${table} `));
  const came = [...after].filter((line) => !before.has(line)).map((line) => `+ ${line}`);
  const went = [...before].filter((line) => !after.has(line)).map((line) => `- ${line}`);
  return [...came, ...went].filter((line) => !isHistory(line.slice(2))).sort();
}

function dumpSqlite(path: string): Dump {
  const database = new DatabaseSync(path, { readOnly: true });
  try {
    const lines = new Set<string>();
    const objects = database.prepare("select type, name, sql from sqlite_master").all();
    for (const { type, name, sql } of objects) {
      lines.add(`${type} ${name} ${sql}`);
      if (type !== "table") continue;
      const quoted = `"${String(name).replaceAll('"', '""')}"`;
      const statement = database.prepare(`select * from ${quoted}`);
      statement.setReadBigInts(true);
      for (const row of statement.all()) lines.add(`row ${name} ${rowText(row)}`);
    }
    return lines;
  } finally {
    database.close();
  }
}

function rowText(row: Record<string, unknown>): string {
  return JSON.stringify(
    row,
    (_key, value) =>
      typeof value === "bigint" ? `${value}` : value instanceof Uint8Array ? value.toHex() : value,
  );
}

async function dumpPostgres(url: string): Promise<Dump> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    const lines = new Set<string>();
    for (const { line } of (await client.query(CATALOG)).rows) lines.add(line);
    for (const { name } of (await client.query(TABLES)).rows) {
      const short = String(name).replace(/^public\./, "").replaceAll('"', "");
      const { rows } = await client.query(`select to_jsonb(t)::text as line from ${name} t`);
      for (const { line } of rows) lines.add(`row ${short} ${line}`);
    }
    return lines;
  } finally {
    await client.end();
  }
}

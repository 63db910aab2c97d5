/**
 * What the Postgres catalogs say about one schema, read by one query as one JSON text. Nothing is
 * interpreted here.
 *
 * @module
 */

import type { Statement, StatementRunner } from "../statement.ts";
import { schemaError } from "./errors.ts";
import { physicalName } from "./names.ts";
import type { PrintedPolicy } from "./postgres_policy.ts";

/** A table as the catalogs have it. */
export interface CatalogTable {
  readonly id: number;
  readonly name: string;
  readonly comment: string | null;
  /** Row-level security is enabled and forced. */
  readonly forced: boolean;
  readonly policies: readonly PrintedPolicy[];
}

/** A column. */
export interface CatalogColumn {
  readonly table: number;
  readonly name: string;
  readonly type: string;
  readonly required: boolean;
  readonly default: string | null;
}

/** An index other than the primary key's. */
export interface CatalogIndex {
  readonly table: number;
  readonly name: string;
  readonly comment: string | null;
  readonly unique: boolean;
  readonly partial: boolean;
  readonly method: string;
  /** Column per key, null where it is an expression. */
  readonly keys: readonly { readonly column: string | null; readonly descending: boolean }[];
}

/** A constraint. */
export interface CatalogConstraint {
  readonly table: number;
  readonly name: string;
  readonly comment: string | null;
  /** `p` primary key, `f` foreign key, `c` check. */
  readonly kind: string;
  readonly columns: readonly string[] | null;
  readonly target: number | null;
  readonly targetColumns: readonly string[] | null;
  /** `a` no action, `r` restrict, `c` cascade, `n` set null. */
  readonly onDelete: string;
}

/** Everything read about a schema, in order of creation. */
export interface Catalog {
  readonly tables: readonly CatalogTable[];
  readonly columns: readonly CatalogColumn[];
  readonly indexes: readonly CatalogIndex[];
  readonly constraints: readonly CatalogConstraint[];
}

const CATALOG_SQL = `
with n as (select oid from pg_namespace where nspname = $1),
t as (select c.* from pg_class c join n on c.relnamespace = n.oid where c.relkind = 'r')
select json_build_object(
  'tables', coalesce((select json_agg(json_build_object(
    'id', t.oid::bigint, 'name', t.relname, 'comment', obj_description(t.oid, 'pg_class'),
    'forced', t.relrowsecurity and t.relforcerowsecurity,
    'policies', coalesce((select json_agg(json_build_object(
      'name', p.polname, 'permissive', p.polpermissive, 'command', p.polcmd,
      'everybody', p.polroles = '{0}'::oid[],
      'using', pg_get_expr(p.polqual, p.polrelid),
      'check', pg_get_expr(p.polwithcheck, p.polrelid)))
      from pg_policy p where p.polrelid = t.oid), '[]'::json)) order by t.oid) from t), '[]'::json),
  'columns', coalesce((select json_agg(json_build_object(
    'table', a.attrelid::bigint, 'name', a.attname, 'required', a.attnotnull,
    'type', format_type(a.atttypid, a.atttypmod),
    'default', case when a.attgenerated = '' then pg_get_expr(d.adbin, d.adrelid) end)
    order by a.attrelid, a.attnum)
    from t join pg_attribute a on a.attrelid = t.oid and a.attnum > 0 and not a.attisdropped
    left join pg_attrdef d on d.adrelid = a.attrelid and d.adnum = a.attnum), '[]'::json),
  'indexes', coalesce((select json_agg(json_build_object(
    'table', i.indrelid::bigint, 'name', c.relname, 'unique', i.indisunique,
    'comment', obj_description(c.oid, 'pg_class'), 'partial', i.indpred is not null,
    'method', m.amname,
    'keys', (select json_agg(json_build_object('column', a.attname,
      'descending', (i.indoption[k - 1] & 1) = 1) order by k)
      from generate_series(1, i.indnkeyatts) k
      left join pg_attribute a on a.attrelid = i.indrelid and a.attnum = i.indkey[k - 1]))
    order by c.oid)
    from t join pg_index i on i.indrelid = t.oid and not i.indisprimary
    join pg_class c on c.oid = i.indexrelid join pg_am m on m.oid = c.relam), '[]'::json),
  'constraints', coalesce((select json_agg(json_build_object(
    'table', c.conrelid::bigint, 'name', c.conname, 'kind', c.contype,
    'comment', obj_description(c.oid, 'pg_constraint'),
    'columns', (select json_agg(a.attname order by k.place)
      from unnest(c.conkey) with ordinality k(number, place)
      join pg_attribute a on a.attrelid = c.conrelid and a.attnum = k.number),
    'target', nullif(c.confrelid, 0)::bigint,
    'targetColumns', (select json_agg(a.attname order by k.place)
      from unnest(c.confkey) with ordinality k(number, place)
      join pg_attribute a on a.attrelid = c.confrelid and a.attnum = k.number),
    'onDelete', c.confdeltype) order by c.oid)
    from t join pg_constraint c on c.conrelid = t.oid and c.contype in ('p', 'f', 'c')), '[]'::json)
)::text as catalog`;

/**
 * Reads the catalogs.
 *
 * @param tx any transaction.
 * @param schema physical or long name of the schema.
 * @returns tables, columns, indexes and constraints; all empty when there is no such schema.
 */
export async function readCatalog(tx: StatementRunner, schema: string): Promise<Catalog> {
  const statement: Statement = { sql: CATALOG_SQL, parameters: [physicalName(schema)] };
  const { rows } = await tx.execute(statement);
  const text = rows[0]?.catalog;
  if (typeof text !== "string") {
    throw schemaError("schema.unreadable", `Schema ${schema} could not be read.`, {}, "internal");
  }
  // The query above gives exactly this shape.
  return JSON.parse(text) as Catalog;
}

/**
 * The first wall of guests' SQL: what is admitted, what is refused and why, and that no mutation of
 * a statement slips through it.
 *
 * @module
 */

import assert from "node:assert/strict";
import fc from "fast-check";
import { isKernelError } from "../../src/base/error.ts";
import { checkGuestSql } from "../../src/db/guest_sql/check.ts";
import type { GuestRelations, GuestSqlRequest } from "../../src/db/guest_sql/guest_sql.ts";
import { renderGuestSql } from "../../src/db/guest_sql/render.ts";
import { loadSqlParser } from "../../src/db/migration_sql/sql_parser.ts";
import { mutations } from "./guest_sql_mutations.ts";

const TABLES: readonly string[] = ["t", "u", "Odd name"];

/** The addon's own tables, under another name in the database, and one table of another addon. */
const RELATIONS: GuestRelations = {
  ownSchema: "addon_x$1",
  readable: ["addon_x$1", "addon_y"],
  writable: ["addon_x$1"],
  find: (schema, table, access) => {
    if ((schema === undefined || schema === "addon_x") && TABLES.includes(table)) {
      return { schema: "addon_x$1", table: `${table}$` };
    }
    if (schema === "addon_y" && table === "shared" && access === "read") {
      return { schema: "addon_y", table };
    }
    return { refused: `no right to ${access} ${schema}.${table}` };
  },
};

function request(
  access: "read" | "write",
  sql: string,
  values: GuestSqlRequest["arguments"] = [],
): GuestSqlRequest {
  return {
    organizationId: "0190a5d0-0000-7000-8000-00000000000a",
    access,
    sql,
    arguments: values,
    relations: RELATIONS,
    limits: {
      textBytes: 16_384,
      arguments: 64,
      rows: 10_000,
      responseBytes: 8_388_608,
      timeoutMs: 5_000,
    },
  };
}

/** What the check says: the text that would run, or the code and message of the refusal. */
async function verdict(
  access: "read" | "write",
  sql: string,
  values?: GuestSqlRequest["arguments"],
): Promise<string> {
  try {
    const checked = await checkGuestSql(request(access, sql, values));
    return (await renderGuestSql(checked)).replaceAll(/\s+/g, " ");
  } catch (thrown) {
    if (isKernelError(thrown)) return `${thrown.code}: ${thrown.message}`;
    throw thrown;
  }
}

async function expectAll(
  access: "read" | "write",
  vectors: readonly (readonly [string, string | RegExp])[],
): Promise<void> {
  for (const [sql, expected] of vectors) {
    const found = await verdict(access, sql);
    if (typeof expected === "string") assert.equal(found, expected, sql);
    else assert.match(found, expected, sql);
  }
}

/** As {@link expectAll}; a pattern that the rendered text would match too proves nothing here. */
async function refuseAll(
  access: "read" | "write",
  vectors: readonly (readonly [string, RegExp])[],
): Promise<void> {
  for (const [sql] of vectors) assert.match(await verdict(access, sql), REFUSED, sql);
  await expectAll(access, vectors);
}

const REFUSED = /^guest_sql\.(?:invalid|forbidden): /;
const TABLE = '"addon_x$1"."t$" AS t';

const ORIGINAL_READS: readonly (readonly [string, string | RegExp])[] = [
  ["SELECT 1", "SELECT 1"],
  ["WITH t AS (SELECT 1) SELECT * FROM t", "WITH t AS (SELECT 1) SELECT * FROM t"],
  ["SELECT id FROM t WHERE title = 'DELETE me'", /title = 'DELETE me'$/],
  ["SELECT 1;", "SELECT 1"],
  ["SELECT 1;;", "SELECT 1"],
  ["SELECT ';' ", "SELECT ';'"],
  // Refused by the original, which took a semicolon anywhere for a second statement.
  ["SELECT $$a;b$$", "SELECT 'a;b'"],
  ['SELECT 1 AS "a;b"', 'SELECT 1 AS "a;b"'],
  ["SELECT E'\\'; DROP TABLE t; --'", "SELECT '''; DROP TABLE t; --'"],
  // Accepted by the original, which did not understand dollar quotes.
  ["SELECT $$'$$; DELETE FROM t; --'", /more than one statement/],
  ["/* x */ SELECT 1", "SELECT 1"],
  ["SELECT /* DELETE */ 1", "SELECT 1"],
  ["(SELECT 1)", "SELECT 1"],
  ["select(1)", "SELECT 1"],
  ["VALUES (1)", "VALUES (1)"],
  ["TABLE t", `SELECT * FROM ${TABLE}`],
  ["SELECT\t1", "SELECT 1"],
  ["EXPLAIN SELECT 1", /EXPLAIN where SELECT/],
  ["SHOW role", /SHOW where SELECT/],
  ["SELECT * FROM t FOR UPDATE", /FOR UPDATE and FOR SHARE/],
  ['SELECT "do", "call", "copy", "insert", "drop" FROM t', /FROM "addon_x\$1"/],
  ["SELECT update_at FROM t", `SELECT update_at FROM ${TABLE}`],
  ["SELECT * INTO x FROM t", /SELECT INTO/],
  ["SELECT set_config('a', 'b', false)", /the function set_config/],
  ["SELECT nextval('x')", /the function nextval/],
  ["SELECT version()", /the function version/],
  ["SELECT * FROM dblink('x', 'y') AS d(a int)", /the function dblink/],
  ["SELECT lo_import('/etc/passwd')", /the function lo_import/],
  ["SELECT query_to_xml('select 1', true, true, '')", /the function query_to_xml/],
  ["SELECT pg_sleep(1)", /the function pg_sleep/],
  ['SELECT "pg_sleep"(1)', /the function pg_sleep/],
  ["SELECT * FROM pg_shadow", /^guest_sql\.forbidden/],
  ["SELECT 'pg_class'::regclass", /the type regclass/],
  ["SELECT * FROM public.users", /^guest_sql\.forbidden/],
  ["WITH x AS (DELETE FROM t RETURNING *) SELECT * FROM x", /WITH that changes rows/],
  ["WITH x AS (SELECT 1) UPDATE t SET a = 1", /UPDATE where SELECT/],
  ["LOCK TABLE t", REFUSED],
  ["REPLACE INTO t VALUES (1)", REFUSED],
  ["COPY t TO STDOUT", REFUSED],
  ["TRUNCATE t", REFUSED],
  ["SET search_path TO x", REFUSED],
  ["BEGIN", REFUSED],
  ["COMMIT", REFUSED],
  ["SAVEPOINT x", REFUSED],
  ["", /it is empty/],
  [";", /it is empty/],
  ["SELECT 1; SELECT 2", /more than one statement/],
  ["SELECT * FROM information_schema.tables", /^guest_sql\.forbidden/],
  ["SELECT * FROM pg_catalog.pg_class", /^guest_sql\.forbidden/],
];

Deno.test("the vectors of the original's gate, with this gate's verdict (contract §5.4)", async () => {
  await expectAll("read", ORIGINAL_READS);
});

Deno.test("the same of statements that write (contract §5.4)", async () => {
  await expectAll("write", [
    ["INSERT INTO t DEFAULT VALUES", `INSERT INTO ${TABLE} DEFAULT VALUES`],
    ["insert into t (a) values ('a'';b')", `INSERT INTO ${TABLE} ( a ) VALUES ('a'';b')`],
    // The first columns would be the kernel's.
    ["insert into t values ('a'';b')", /INSERT without its list of columns/],
    ["UPDATE t SET a = 1 WHERE id = 2", `UPDATE ${TABLE} SET a = 1 WHERE id = 2`],
    ["DELETE FROM t WHERE id = 2", `DELETE FROM ${TABLE} WHERE id = 2`],
    ["MERGE INTO t USING u ON t.id = u.id WHEN MATCHED THEN UPDATE SET a = u.a", /^MERGE INTO/],
    ["INSERT INTO t (a) VALUES ('DROP me')", /VALUES \('DROP me'\)$/],
    ["INSERT INTO t (a) SELECT a FROM u", /SELECT a FROM "addon_x\$1"."u\$" AS u$/],
    // Impossible in the original.
    ["INSERT INTO t (a) VALUES (1) ON CONFLICT DO NOTHING", /ON CONFLICT DO NOTHING$/],
    [
      "INSERT INTO t (a) VALUES (1) ON CONFLICT (a) DO UPDATE SET a = 2",
      /ON CONFLICT \( ?organization_id, a ?\) DO UPDATE SET a = 2$/,
    ],
    ["WITH x AS (SELECT 1 AS a) INSERT INTO t (a) SELECT a FROM x", /^WITH x AS/],
    ['UPDATE t SET release = true, "call" = 1', /SET release = true, (?:"call"|call) = 1$/],
    ["UPDATE public.users SET role = 'owner'", /^guest_sql\.forbidden/],
    ["INSERT INTO metacore_installations (id) VALUES (1)", /^guest_sql\.forbidden/],
    ["INSERT INTO t(a) VALUES ($$'$$); DROP TABLE t; --')", /more than one statement/],
    ["SELECT 1", /SELECT where INSERT/],
    ["WITH d AS (DELETE FROM u RETURNING *) INSERT INTO t (a) SELECT 1 FROM d", /changes rows/],
    ...["LOCK TABLE t", "COPY t FROM STDIN", "TRUNCATE t", "CALL p()", "DO $$ begin end $$"]
      .map((sql) => [sql, REFUSED] as const),
  ]);
});

Deno.test("every part of a query that is on the list runs", async () => {
  await expectAll("read", [
    [
      `select t.a, addon_x.u.b, s.* from t left join addon_x.u using (id)
        cross join lateral (select 1 where t.a > 0) s natural join addon_y.shared`,
      /FROM "addon_x\$1"."t\$" AS t LEFT JOIN "addon_x\$1"."u\$" AS u USING .*addon_y.shared/,
    ],
    [
      `with recursive x(n) as (select 1 union all select n + 1 from x where n < 10),
        y as materialized (select max(n) from x)
        select distinct on (a) a, count(*) filter (where b) over w, rank() over (order by a desc
          nulls last rows between unbounded preceding and 1 following exclude ties)
        from t, x, y, generate_series(1, 3) with ordinality as g(i, o)
        where (a, b) in (select 1, 2) and exists (select from u) and a = any (array[1, 2])
        group by rollup (a), grouping sets ((b), ()) having count(*) > 1
        window w as (partition by a) order by a limit 5 offset 1`,
      /^WITH RECURSIVE/,
    ],
    [
      `select case when a then 1 else 2 end, coalesce(a, b), nullif(a, b), greatest(a, b),
        a::numeric(10, 2), cast(b as text[]), a between 1 and 2, b is not true, c is null,
        extract(year from now()), interval '1 day', current_date, date '2026-01-01',
        position('a' in b), substring(b from 1 for 2), trim(both 'x' from b), b like 'a%' escape '!',
        c -> 'k' ->> 0, c @> '{}', c ? 'k', b collate "C", a at time zone 'utc', a[1:2],
        percentile_cont(0.5) within group (order by a), string_agg(distinct b, ',' order by b),
        row(1, 2), make_interval(days => 1), lpad(b, 5, '0'), b similar to 'x', b ~* 'y',
        array(select 1), (select a from u), not a, - a, json_build_object('k', a)
        from t`,
      /^SELECT CASE/,
    ],
    [
      "select 1 union all (select 2 except select 3 order by 1 limit 1) intersect select 4",
      /UNION/,
    ],
    ["select * from json_to_recordset('[]') as r(a int, b text)", /json_to_recordset/],
    ["select f.a from rows from (unnest(array[1]), unnest(array[2])) as f(a, b)", /ROWS FROM/],
    [
      'select "Odd name".x from "Odd name"',
      'SELECT "Odd name".x FROM "addon_x$1"."Odd name$" AS "Odd name"',
    ],
    ["select organization_id from t", `SELECT organization_id FROM ${TABLE}`],
    ["select a operator(pg_catalog.+) b from t", /^SELECT a .*\+.* b FROM/],
  ]);
  await expectAll("write", [
    [
      "update t as v set (a, b) = (select 1, 2), c[1] = default from u where u.id = v.id returning v.*",
      /^UPDATE/,
    ],
    ["delete from only t using u where u.id = t.id returning *", /^DELETE FROM ONLY/],
    [
      `insert into t as v (a) values (1), (default) on conflict (organization_id, a) where b > 1
        do update set a = excluded.a where v.a <> 2 returning id`,
      /^INSERT/,
    ],
    [
      `merge into t using (select 1 as id) s on t.id = s.id when matched and t.a > 1 then delete
        when matched then do nothing when not matched then insert (a) values (s.id)`,
      /^MERGE/,
    ],
  ]);
});

Deno.test("what is not on the list is refused by its name", async () => {
  await refuseAll("read", [
    ["select a from t\0 where true", /the character NUL/],
    ["select '\ud800'", /not well-formed/],
    [`select '${"x".repeat(16_384)}'`, /longer than 16384 bytes/],
    [`select ${"(select ".repeat(400)}1${")".repeat(400)}`, /nested too deeply/],
    [`select ${"1+".repeat(2_000)}1`, /nested too deeply/],
    ...["ctid", "t.xmin", "tableoid", "t.cmax"].map((column) =>
      [`select ${column} from t`, /the system column/] as const
    ),
    ...["current_user", "session_user", "user", "current_schema", "current_role", "current_catalog"]
      .map((word) => [`select ${word}`, /tells about the session/] as const),
    ...["regclass", "regproc", "regrole", "oid", "xml", "name", "pg_lsn", "evil.type", "t"]
      .map((type) => [`select 'x'::${type}`, /the type/] as const),
    ["select a operator(public.+) b from t", /the operator public\.\+/],
    ['select a collate "evil" from t', /the collation evil/],
    ["select public.lower('x')", /the function public\.lower/],
    ["select * from other.pg_catalog.pg_class", /another database/],
    ["select * from pg_temp.t", /^guest_sql\.forbidden/],
    ["select * from METACORE.users", /^guest_sql\.forbidden/],
    ["select other.t.a from t", /other\.t is no table/],
    ["select * from t tablesample system (1)", /RangeTableSample/],
    ["select * from xmltable('/a' passing '<a/>' columns x int)", /RangeTableFunc/],
    ["select * from json_table('{}', '$' columns (a int))", REFUSED],
    ["select xmlelement(name a)", REFUSED],
    ["with recursive x as (select 1) search depth first by a set b select 1", REFUSED],
    ["with pg_class as (select 1) select 1", /WITH pg_class/],
    ['with "metacore_users" as (select 1) select 1', /WITH metacore_users/],
    ["select $0", /start with \$1|syntax/],
    ["select repeat('x', 100000)", /repeat with a length/],
    ["select lpad('x', $1)", /lpad with a length/],
    ["select collation for ('x')", /the function/],
    ["select * from t order by a using operator(pg_catalog.<)", REFUSED],
    ["select * from generate_series(1, 2) fetch first 1 rows with ties", /WITH TIES/],
  ]);
  await refuseAll("write", [
    ...[
      'insert into t ("ORGANIZATION_ID") values (null)',
      "update t set organization_id = null",
      "update t set (a, organization_id) = (1, null)",
      "insert into t (a) values (1) on conflict (a) do update set organization_id = null",
      "merge into t using u on true when matched then update set organization_id = null",
      "merge into t using u on true when not matched then insert (organization_id) values (null)",
    ].map((sql) => [sql, /^guest_sql\.forbidden: The column organization_id/] as const),
    ...[
      "insert into t (organization_id) values (null)",
      "insert into t (a, organization_id) values (1, default), (1, lower('x'))",
      "insert into t (organization_id, a) select * from u",
      "insert into t (a, organization_id) select u.*, 'x' from u",
      "insert into t (organization_id) select max(organization_id::text)::uuid from u",
      "insert into t (organization_id) select organization_id from u union select '0190a5d0-0000-7000-8000-00000000000b'",
      "insert into t (organization_id) values ('0190a5d0-0000-7000-8000-00000000000b')",
    ].map((sql) => [sql, /^guest_sql\.forbidden: .* own organization only/] as const),
    ["merge into t using u on true when not matched then insert values (1)", /list of columns/],
    ["insert into addon_y.shared (a) values (1)", /no right to write addon_y\.shared/],
    ["delete from t where current of c", /CurrentOfExpr/],
    ["insert into t (a) overriding system value values (1)", /OVERRIDING/],
    ["insert into t (a) values (1) on conflict on constraint c do nothing", /ON CONSTRAINT/],
    ["update t set a.b = 1", REFUSED],
  ]);
});

Deno.test("attribute notation does not call functions", async () => {
  // `x.f` and `(x).f` are calls of f where x is a single value without a column of that name.
  await refuseAll("read", [
    ["select (1.0::float8).pg_sleep", /a field of an expression/],
    ["select ('app.current_org'::text).current_setting", /a field of an expression/],
    ["select x.pg_sleep from generate_series(1, 2) as x", /x\.pg_sleep/],
    ["select x.pg_sleep from generate_series(1, 2) as x(n)", /x\.pg_sleep/],
    ["select pg_sleep.pg_sleep from generate_series(1, 2) as pg_sleep(n)", /pg_sleep\.pg_sleep/],
    ["select generate_series.pg_sleep from generate_series(1, 2)", /generate_series\.pg_sleep/],
    [
      `select (select x.pg_sleep from generate_series(1, 2) as x(pg_sleep)),
        (select x.pg_sleep from generate_series(1, 2) as x(n))`,
      /x\.pg_sleep/,
    ],
    ["select x.nextval from unnest(array['s']) x", /x\.nextval/],
  ]);
  await expectAll("read", [
    ["select x.n, x.ordinality from generate_series(1, 2) with ordinality as x(n)", /^SELECT x\.n/],
    ["select e.key, e.value from jsonb_each('{}') e", /^SELECT e\.key/],
  ]);
});

Deno.test("a part of WITH hides a table only where Postgres sees it", async () => {
  const scopes: readonly (readonly [string, RegExp])[] = [
    [
      "with t as (select 1) select * from t, addon_x.t as own",
      /FROM t, "addon_x\$1"\."t\$" AS own$/,
    ],
    [
      "with u as (select * from t), t as (select 1) select * from u",
      /FROM "addon_x\$1"\."t\$" AS t\), t AS/,
    ],
    ["with t as (select * from t) select * from t", /AS \(SELECT \* FROM "addon_x\$1".* FROM t$/],
    [
      "with recursive t as (select * from t) select * from t",
      /AS \(SELECT \* FROM t\) SELECT \* FROM t$/,
    ],
    ["select * from (with t as (select 1) select * from t) s, t", /FROM t \) AS s, "addon_x\$1"/],
    ["select * from users, (with users as (select 1) select 1) s", /^guest_sql\.forbidden/],
    ["(with users as (select 1) select 1) union select * from users", /^guest_sql\.forbidden/],
  ];
  await expectAll("read", scopes);
  await expectAll("write", [
    // What is written is never a part of WITH.
    ["with t as (select 1) delete from t", /DELETE FROM "addon_x\$1"/],
    ["with users as (select 1) delete from users", /^guest_sql\.forbidden/],
  ]);
});

Deno.test("placeholders and arguments match", async () => {
  assert.equal(await verdict("read", "select $1, $2", [1, null]), "SELECT $1, $2");
  for (const [sql, values] of [["select $1", []], ["select 1", [1]], ["select $3", [1]]] as const) {
    assert.match(await verdict("read", sql, values), /^guest_sql\.argument_count/);
  }
  const many = Array.from({ length: 65 }, () => 1);
  assert.match(await verdict("read", "select 1", many), /more than 64 arguments/);
});

Deno.test("a kept verdict belongs to its text, its kind and what may be touched", async () => {
  const asked = request("read", "select * from t");
  const first = await checkGuestSql(asked);
  assert.equal(await checkGuestSql({ ...asked }), first);
  const narrower = { ...RELATIONS, find: () => ({ refused: "nothing" }) };
  await assert.rejects(checkGuestSql({ ...asked, relations: narrower }), /nothing/);
  // Withdrawn and given back while the verdict is kept: each time one decision, none from memory.
  let asks = 0;
  let isAllowed = false;
  const switched: GuestRelations = {
    ...RELATIONS,
    find: (...table) => {
      asks++;
      return isAllowed ? RELATIONS.find(...table) : { refused: "withdrawn" };
    },
  };
  await assert.rejects(checkGuestSql({ ...asked, relations: switched }), /withdrawn/);
  isAllowed = true;
  assert.equal(await checkGuestSql({ ...asked, relations: switched }), first);
  isAllowed = false;
  await assert.rejects(checkGuestSql({ ...asked, relations: switched }), /withdrawn/);
  assert.equal(asks, 3);
  await assert.rejects(checkGuestSql({ ...asked, access: "write" }), /SELECT where/);
  assert.deepEqual(
    first.relations.map(({ schema, table, access }) => ({ schema, table, access })),
    [{ schema: "addon_x$1", table: "t$", access: "read" }],
  );
});

/** Every object of a tree, whatever it is: nothing of the check's own walk is used here. */
function* objects(node: unknown): Generator<Record<string, unknown>> {
  if (typeof node !== "object" || node === null) return;
  // Named border: any object of the parser's JSON.
  if (!Array.isArray(node)) yield node as Record<string, unknown>;
  for (const each of Object.values(node)) yield* objects(each);
}

const HARMFUL = /^(?:pg_|lo_|set_config|current_setting|nextval|query_to|dblink|version)/;

Deno.test("no mutation of a statement reaches what it may not", async () => {
  let admitted = 0;
  await fc.assert(
    fc.asyncProperty(mutations, async ({ sql, access }) => {
      let text: string;
      try {
        const placeholders = sql.includes("$1") ? [1] : [];
        text = await renderGuestSql(await checkGuestSql(request(access, sql, placeholders)));
      } catch (thrown) {
        assert.ok(isKernelError(thrown) && thrown.code.startsWith("guest_sql."), String(thrown));
        return;
      }
      admitted++;
      const outcome = (await loadSqlParser()).parse(text);
      assert.equal(outcome.kind, "statements");
      const statements = outcome.kind === "statements" ? outcome.statements : [];
      assert.equal(statements.length, 1);
      assert.match(
        Object.keys(statements[0]!.stmt ?? {}).join(),
        access === "read" ? /^SelectStmt$/ : /^(?:Insert|Update|Delete|Merge)Stmt$/,
      );
      const parts = new Set<unknown>();
      for (const { ctename } of objects(statements)) {
        if (ctename !== undefined) {
          parts.add(ctename);
        }
      }
      for (const object of objects(statements)) {
        const { relname, schemaname, funcname, sval } = object;
        if (relname !== undefined && schemaname === undefined) {
          assert.ok(parts.has(relname) && !/^pg_/.test(String(relname)), text);
        }
        if (schemaname !== undefined) {
          assert.match(
            String(schemaname),
            /^(?:addon_x\$1|addon_y)$/,
          );
        }
        for (const name of objects(funcname)) assert.doesNotMatch(String(name.sval), HARMFUL);
        if (access === "read") {
          for (
            const kind of ["InsertStmt", "UpdateStmt", "DeleteStmt", "MergeStmt", "intoClause"]
          ) {
            assert.ok(!(kind in object), text);
          }
        }
        assert.ok(!["ctid", "xmin"].includes(String(sval)) || !text.includes(`.${sval}`), text);
      }
    }),
    { numRuns: 1_000, seed: 20_261_121 },
  );
  // The property says nothing when everything is refused.
  assert.ok(admitted > 100, `${admitted} admitted`);
});

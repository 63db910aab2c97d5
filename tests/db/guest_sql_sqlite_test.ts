/**
 * Guests' SQL on SQLite: the engine's wall with the parser taken away, statements that would run for
 * ever, and what the kernel's own statements notice of it.
 *
 * @module
 */

import assert from "node:assert/strict";
import { DatabaseSync, type SQLInputValue } from "node:sqlite";
import { isKernelError } from "../../src/base/error.ts";
import type { Database } from "../../src/db/database.ts";
import { StatementBudget } from "../../src/db/guest_sql/sqlite_budget.ts";
import { SqliteTables } from "../../src/db/guest_sql/sqlite_tables.ts";
import { SqliteWall } from "../../src/db/guest_sql/sqlite_wall.ts";
import { openTestDatabase } from "../_support/engines.ts";
import { fillShop, guestRequest, makeShop, ORG_A, ORG_B, refusal, rowId } from "./guest_tables.ts";

async function withShop(
  work: (database: Database, path: string) => Promise<void>,
): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    const path = `${folder}/shop.db`;
    await using test = await openTestDatabase("sqlite", { path });
    await fillShop(test.database);
    await work(test.database, path);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** The second wall by itself, on a connection that may write: any text goes straight to it. */
async function withBareWall(
  work: (
    run: (sql: string, ...parameters: SQLInputValue[]) => unknown[][],
    view: string,
    database: DatabaseSync,
  ) => void,
): Promise<void> {
  await withShop((_database, path) => {
    const connection = new DatabaseSync(path, { enableDoubleQuotedStringLiterals: false });
    const wall = new SqliteWall(connection);
    const view = wall.view(new SqliteTables(connection).shape("addon_shop", "items"));
    work(
      (sql, ...parameters) => {
        const rows: unknown[][] = [];
        const budget = new StatementBudget({ limitMs: 500, sorts: false });
        wall.select({ sql, parameters }, { organizationId: ORG_A, budget, nowMs: 0 }, (row) => {
          rows.push(row);
        });
        return rows;
      },
      view,
      connection,
    );
    connection.close();
    return Promise.resolve();
  });
}

Deno.test("SqliteWall: any text sees the organization's rows only", () =>
  withBareWall((run, view) => {
    const codes = `select title from ${view} order by title`;
    assert.deepEqual(run(codes), [[null], ["Ink Größe"], ["Pen"]]);
    assert.deepEqual(run(`select title from ${view} where organization_id = '${ORG_B}'`), []);
    assert.deepEqual(run(`select count(*) from ${view} where 1 or title = 'Theirs'`), [[3n]]);
  }));

const ATTACKS: readonly string[] = [
  // Other organizations, other tables, the kernel's tables.
  `select * from "addon_shop.items"`,
  `select * from main."addon_shop.items"`,
  `select count(*) from main."addon_shop.items"`,
  `select 1 from main."addon_shop.items"`,
  `select (select title from main."addon_shop.items" limit 1) from VIEW`,
  `select * from VIEW union all select * from main."addon_shop.items"`,
  `with VIEW as (select * from main."addon_shop.items") select * from VIEW`,
  `with "addon_shop.items" as (select * from main."addon_shop.items") select * from "addon_shop.items"`,
  `select * from VIEW v join main."addon_shop.orders" o on o.item_id = v.id`,
  `select * from metacore_events`,
  `select * from metacore_organizations`,
  `select * from sqlite_master`,
  `select * from sqlite_schema`,
  `select * from sqlite_temp_master`,
  `select * from temp.sqlite_master`,
  `select * from sqlite_sequence`,
  `select * from dbstat`,
  `select * from pragma_table_list`,
  `select * from pragma_database_list`,
  `select * from json_tree('{}')`,
  // Writing.
  `insert into main."addon_shop.items" (organization_id, id, code) values ('${ORG_A}', 'x', 'x')`,
  `insert into main."addon_shop.items" select * from main."addon_shop.items" where true returning *`,
  `update main."addon_shop.items" set title = 'x'`,
  `update VIEW set title = 'x'`,
  `delete from main."addon_shop.items" returning *`,
  `delete from VIEW`,
  `replace into main."addon_shop.items" (organization_id, id, code) values ('${ORG_B}', 'x', 'x')`,
  `insert into sqlite_master values (1,1,1,1,1)`,
  `update sqlite_master set sql = ''`,
  // Everything else a text can ask of the engine.
  `pragma writable_schema = on`,
  `pragma table_info('addon_shop.items')`,
  `pragma query_only = off`,
  `pragma journal_mode = delete`,
  `attach ':memory:' as other`,
  `attach '/tmp/other.db' as other`,
  `detach main`,
  `begin`,
  `commit`,
  `rollback`,
  `savepoint x`,
  `create table x (a)`,
  `create temp table x as select * from main."addon_shop.items"`,
  `create temp view x as select * from main."addon_shop.items"`,
  `create temp trigger x after insert on main."addon_shop.items" begin select 1; end`,
  `create virtual table x using fts5(a)`,
  `create virtual table temp.x using dbstat`,
  `drop table main."addon_shop.items"`,
  `drop view VIEW`,
  `alter table main."addon_shop.items" rename to x`,
  `create index x on "addon_shop.items" (title)`,
  `analyze`,
  `reindex`,
  `vacuum`,
  `vacuum into '/tmp/copy.db'`,
  `explain select * from main."addon_shop.items"`,
  `select load_extension('x')`,
  `select fts3_tokenizer('x')`,
  `select sqlite_version()`,
  `select zeroblob(1000000)`,
  `select randomblob(1000000)`,
  `select printf('%1000000d', 1)`,
  `select metacore_fold('x')`,
  `select last_insert_rowid()`,
];

Deno.test("SqliteWall: with the parser taken away every attack fails", () =>
  withBareWall((run, view, database) => {
    const content = () =>
      JSON.stringify([
        database.prepare(`select * from "addon_shop.items" order by id`).all().map((row) => ({
          ...row,
        })),
        database.prepare("select count(*) n from sqlite_master").get()?.n,
        database.prepare("select count(*) n from temp.sqlite_master").get()?.n,
      ]);
    const before = content();
    for (const attack of ATTACKS) {
      let given: unknown;
      try {
        given = run(attack.replaceAll("VIEW", view));
      } catch (thrown) {
        // What a guest reads names neither other rows nor the hidden views.
        assert.ok(isKernelError(thrown), `${attack}: ${thrown}`);
        assert.ok(thrown.code.startsWith("guest_sql.") || thrown.code.startsWith("db."), attack);
        assert.ok(
          !/Theirs|guest_[0-9a-f]{32}/.test(thrown.message),
          `${attack}: ${thrown.message}`,
        );
        continue;
      }
      assert.fail(`${attack} gave ${JSON.stringify(given, (_, v) => String(v)).slice(0, 200)}`);
    }
    assert.equal(content(), before);
    // The kernel's own statements are free again.
    database.exec("create table free (a)");
  }));

Deno.test("SqliteWall: views follow tables that are built anew", () =>
  withShop(async (database) => {
    const { guestSql } = database;
    const read = () => guestSql.run(guestRequest("read", "select * from items where code = 'pen'"));
    const before = (await read()).columns.length;
    await database.schemaTransaction(null, async (tx) => {
      await tx.execute({
        sql: `alter table "addon_shop.items" add column extra text default 'new'`,
        parameters: [],
      });
    });
    const after = await read();
    assert.equal(after.columns.length, before + 1);
    assert.equal(after.rows[0]!.at(-1), "new");
    // A view made inside a transaction that is undone is made again.
    await database.transaction(ORG_A, async (tx) => {
      await guestSql.runIn(tx, guestRequest("write", "update items set stock = 1"));
      throw new Error("undone");
    }).catch(() => {});
    const written = await guestSql.run(guestRequest("write", "update items set stock = 1"));
    assert.equal(written.changes, 3);
  }));

const BIG = 200_000;

/** Statements that would hold the thread; `BIG` rows are there. */
const RUNAWAYS: readonly (readonly [name: string, sql: string])[] = [
  [
    "endless recursion",
    "with recursive n (i) as (select 1 union all select i + 1 from n) select count(*) from n",
  ],
  [
    "endless recursion, last member only",
    "with recursive n (i) as (select 1 union select i + 1 from n) select max(i) from n",
  ],
  ["cross join", "select count(*) from items a, items b"],
  [
    "cross join, impossible predicate first",
    "select count(*) from items a, items b where a.code = 'none' and b.code = 'none' or a.stock + b.stock < 0",
  ],
  [
    "three tables",
    "select count(*) from items a join items b on a.stock < b.stock join items c on true where c.code = 'none'",
  ],
  [
    "materialised",
    "with c as materialized (select * from items) select count(*) from c a, c b where a.code = 'x' or b.code = 'y' and a.stock = b.stock",
  ],
  [
    "left join on false",
    "select count(*) from items a left join items b on a.code = 'none' and b.code = 'none'",
  ],
  [
    "left join of materialised",
    "with c as materialized (select * from items) select count(*) from c a left join c b on a.code = 'none' and b.title = a.title || 'x'",
  ],
  ["right join", "select count(*) from items a right join items b on a.title = b.title || 'x'"],
  [
    "full join",
    "with c as materialized (select * from items) select count(*) from c a full join c b on a.title = b.title || 'x'",
  ],
  [
    "using",
    "with c as materialized (select * from items) select count(*) from c a join c b using (weight)",
  ],
  [
    "distinct left join",
    "select distinct a.code from items a left join items b on a.weight = b.weight and b.title = 'x'",
  ],
  [
    "correlated",
    "select count(*) from items a where (select count(*) from items b where b.title < a.title) < 0",
  ],
  [
    "not in",
    "with c as materialized (select title from items) select count(*) from items a where not exists (select 1 from c where c.title = a.title || 'x')",
  ],
  ["sort of a join", "select a.code from items a, items b order by a.title || b.title limit 1"],
  ["sort", "select title || code, * from items order by title || code desc limit 1"],
  ["sort of wide rows", "select repeat(code, 500) r from items order by r desc limit 1"],
  ["group", "select a.code, b.code, count(*) from items a, items b group by 1, 2"],
  ["distinct", "select count(*) from (select distinct a.code, b.code from items a, items b) x"],
  ["union", "select a.code || b.code from items a, items b union select 'x' limit 1"],
  [
    "window",
    "select sum(stock) over (order by a.title rows between unbounded preceding and current row) from items a order by 1 limit 1",
  ],
  [
    "window over join",
    "select count(*) from (select row_number() over (order by a.title) from items a, items b) x",
  ],
  [
    "min of sliding frame",
    "select count(*) from (select max(title) over (order by code rows between 5000 preceding and 5000 following) m from items) x where m = 'x'",
  ],
  ["like", `select count(*) from items where repeat(code, 3000) like '${"%1%e%".repeat(200)}x'`],
  [
    "replace",
    "select count(*) from items where length(replace(repeat('a', 9999), 'a', repeat('b', 99))) = 1",
  ],
  [
    "many texts",
    `select ${
      Array.from({ length: 250 }, () => "replace(repeat('a',9999),'a',repeat('b',90))").join(",")
    } from items`,
  ],
  ["aggregate of texts", "select length(string_agg(repeat(code, 1000), '')) from items"],
  [
    "aggregate of JSON",
    "select count(*) from (select jsonb_agg(repeat(a.code, 1000)) j from items a, items b group by a.code) x",
  ],
  ["series", "select count(*) from generate_series(1, 1000000000) a"],
  [
    "series of series",
    "select count(*) from generate_series(1, 100000) a, generate_series(1, 100000) b",
  ],
  [
    "concatenation",
    `select count(*) from items where repeat('a', 9999)${" || repeat('a', 9999)".repeat(90)} = 'x'`,
  ],
  ["write of everything", "update items set title = title || 'x'"],
  [
    "write of a join",
    "update items set title = 'x' from items b, items c where b.title = c.title || 'y'",
  ],
  ["insert of a join", "insert into items (code) select a.code || b.code from items a, items b"],
];

Deno.test("guest SQL on SQLite: no statement runs away", async () => {
  const folder = await Deno.makeTempDir();
  try {
    await using test = await openTestDatabase("sqlite", { path: `${folder}/big.db` });
    const { database } = test;
    await makeShop(database);
    await database.transaction(null, async (tx) => {
      await tx.execute({
        sql: `with recursive n (i) as (select 1 union all select i + 1 from n where i < ${BIG})
          insert into "addon_shop.items" (organization_id, id, code, title, stock, weight, is_sold)
          select '${ORG_A}', printf('0190a5d0-0000-7000-8000-%012d', i), 'code' || i,
            'title' || (i * 7919 % 100003), i % 100, i % 10, 0 from n`,
        parameters: [],
      });
    });
    const slow: string[] = [];
    for (const [name, sql] of RUNAWAYS) {
      const access = /^(?:update|insert)/.test(sql) ? "write" : "read";
      const startedMs = performance.now();
      let outcome: string;
      try {
        await database.guestSql.run(guestRequest(access, sql));
        outcome = "ran";
      } catch (thrown) {
        outcome = isKernelError(thrown) ? thrown.code : String(thrown);
        assert.ok(/^guest_sql\./.test(outcome), `${name}: ${outcome} ${thrown}`);
      }
      const tookMs = performance.now() - startedMs;
      // 500 ms are the bound; the machine may have other work.
      if (tookMs > 1_500) slow.push(`${name}: ${outcome} after ${tookMs.toFixed(0)} ms`);
    }
    assert.equal(slow.join("\n"), "");
    // A page of a list still has time.
    const page = await database.guestSql.run(
      guestRequest("read", "select code from items where id = $1", [rowId(7)]),
    );
    assert.deepEqual(page.rows, [["code7"]]);
    assert.deepEqual(
      (await database.guestSql.run(guestRequest("read", "select count(*) from items"))).rows,
      [[BIG]],
    );
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("guest SQL on SQLite: says what it cannot express", () =>
  withShop(async (database) => {
    for (
      const [sql, named] of [
        ["select * from items i, lateral (select 1 where i.stock = 1) x", "LATERAL"],
        ["select distinct on (code) code from items", "DISTINCT ON"],
        ["select data @> '{}' from items", "@>"],
        ["select code ~ 'x' from items", "~"],
        ["select code from items group by rollup (code)", "ROLLUP"],
        ["select sqrt(2) from items natural join orders", "NATURAL"],
        ["select to_tsvector('x')", "to_tsvector"],
      ] as const
    ) {
      const error = await refusal(
        database.guestSql.run(guestRequest("read", sql)),
        "guest_sql.invalid",
      );
      assert.ok(error.message.includes(named), `${sql}: ${error.message}`);
    }
    for (const text of ["{1,x}", "{1.5}", "{Infinity}"]) {
      const read = guestRequest("read", `select '${text}'::int[]`);
      await refusal(database.guestSql.run(read), "guest_sql.failed");
    }
    const merge = `merge into items i using orders o on o.item_id = i.id
      when matched then update set stock = 1`;
    const error = await refusal(
      database.guestSql.run(guestRequest("write", merge)),
      "guest_sql.invalid",
    );
    assert.ok(error.message.includes("ON CONFLICT"), error.message);
  }));

Deno.test("guest SQL on SQLite: the epilogue is part of the write", () =>
  withShop(async (database) => {
    const { guestSql } = database;
    const seen: unknown[] = [];
    const epilogue = (tables: unknown, changes: number) => {
      seen.push([tables, changes]);
      return [{ sql: "insert into nowhere values (1)", parameters: [] }];
    };
    await guestSql.run(
      guestRequest("write", "delete from orders where quantity = 99", [], { epilogue }),
    );
    assert.deepEqual(seen, []);
    await assert.rejects(
      guestSql.run(guestRequest("write", "delete from orders", [], { epilogue })),
    );
    assert.deepEqual(seen, [[[{ schema: "addon_shop", table: "orders" }], 2]]);
    const { rows } = await guestSql.run(guestRequest("read", "select count(*) from orders"));
    assert.deepEqual(rows, [[2]]);
  }));

Deno.test("guest SQL on SQLite: an aborted caller ends the statement", () =>
  withShop(async (database) => {
    const error = await refusal(
      database.guestSql.run(
        guestRequest("read", "select count(*) from items", [], { signal: AbortSignal.abort() }),
      ),
      "guest_sql.timeout",
    );
    assert.equal(error.details?.reason, "aborted");
  }));

/** Longer texts than a statement can hold, from many parts. */
function long(part: string, count = 90): string {
  return Array.from({ length: count }, () => `repeat('${part}', 9999)`).join(" || ");
}

/** One value each: no row is counted while a function works. */
const LONG_VALUES: readonly (readonly [name: string, sql: string])[] = [
  ["translate", `select translate(${long("x", 40)}, ${long("y", 40)}, '')`],
  ["strpos", `select strpos(${long("a")}, ${long("a", 20)} || 'b' || ${long("a", 20)})`],
  ["replace", `select replace(${long("a")}, ${long("a", 20)} || 'b' || ${long("a", 20)}, '')`],
  ["like", `select ${long("a", 10)} like '%' || repeat('a', 9900) || 'b%'`],
  ["array", `select ('{' || ${long(" ")} || '"}')::text[]`],
  ["interval", `select (${long(" ")} || 'x')::interval`],
  ["number", `select (${long("1")} || 'x')::numeric`],
  ["other branch", `select case when true then ${long("0")} || 'x' else now() end`],
  ["nesting", `select (${long("[", 20)} || ${long("]", 20)})::int[]`],
];

Deno.test("guest SQL on SQLite: no function takes the square of a text", () =>
  withShop(async (database) => {
    for (const [name, sql] of LONG_VALUES) {
      const startedMs = performance.now();
      await database.guestSql.run(guestRequest("read", sql)).catch((thrown) => {
        assert.ok(
          isKernelError(thrown) && thrown.code.startsWith("guest_sql."),
          `${name}: ${thrown}`,
        );
      });
      const tookMs = performance.now() - startedMs;
      assert.ok(tookMs < 2_000, `${name} took ${tookMs.toFixed(0)} ms`);
    }
  }));

Deno.test("guest SQL on SQLite: an error of the engine is not taken for the end of the rows", () =>
  withShop(async (database) => {
    const { guestSql } = database;
    const least = "select abs(case when code = 'pen' then '-9223372036854775808'::int8 else 1 end)";
    for (let i = 0; i < 2; i++) {
      await refusal(
        guestSql.run(guestRequest("read", `${least} from items`)),
        "guest_sql.failed",
      );
    }
    await refusal(
      guestSql.run(guestRequest(
        "write",
        `insert into items (code, stock) select code || '2', n
        from (select code, abs(case when code = 'pen' then '-9223372036854775808'::int8 else 1 end) n
          from items) x`,
      )),
      "guest_sql.failed",
    );
    const { rows } = await guestSql.run(guestRequest("read", "select count(*) from items"));
    assert.deepEqual(rows, [[3]]);
    // What failed once says nothing about the next time.
    const all = (most: number) =>
      guestSql.run(guestRequest("read", "select code from items", [], { limits: { rows: most } }));
    for (let i = 0; i < 2; i++) await refusal(all(2), "guest_sql.row_limit");
    assert.equal((await all(3)).rows.length, 3);
  }));

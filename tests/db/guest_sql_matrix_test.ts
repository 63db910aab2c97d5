/**
 * An author's SQL gives the same on both engines.
 *
 * @module
 */

import assert from "node:assert/strict";
import type { Database } from "../../src/db/database.ts";
import type { GuestArgument } from "../../src/db/guest_sql/guest_sql.ts";
import { engineTest } from "../_support/engines.ts";
import {
  type Case,
  DATES_AND_JSON,
  EXPRESSIONS,
  QUERIES,
  TEXTS_AND_NUMBERS,
} from "./guest_sql_cases.ts";
import { fillShop, guestRequest, ORG_A, ORG_B, refusal, rowId } from "./guest_tables.ts";

async function reads(database: Database, cases: readonly Case[]): Promise<void> {
  const problems: string[] = [];
  for (const [sql, rows, given = []] of cases) {
    try {
      const result = await database.guestSql.run(guestRequest("read", sql, given));
      // As the guest gets it: JSON.
      assert.deepEqual(JSON.parse(JSON.stringify(result.rows)), rows);
    } catch (thrown) {
      problems.push(`${sql}\n  ${thrown instanceof Error ? thrown.message : thrown}`);
    }
  }
  assert.equal(problems.join("\n"), "");
}

engineTest("guest SQL: filters, expressions and order", async ({ database }) => {
  await fillShop(database);
  await reads(database, EXPRESSIONS);
});

engineTest("guest SQL: texts, numbers and casts", async ({ database }) => {
  await fillShop(database);
  await reads(database, TEXTS_AND_NUMBERS);
});

engineTest("guest SQL: aggregates, joins, sub-queries and windows", async ({ database }) => {
  await fillShop(database);
  await reads(database, QUERIES);
});

engineTest("guest SQL: dates, JSON, arrays and typed arguments", async ({ database }) => {
  await fillShop(database);
  await reads(database, DATES_AND_JSON);
});

engineTest("guest SQL: columns are named and typed alike", async ({ database }) => {
  await fillShop(database);
  const { columns } = await database.guestSql.run(guestRequest(
    "read",
    `select id, code, title as name, price, stock, is_sold, weight, data, due, created_at, photo,
      count(*) over (), lower(code), 'x'::text, coalesce(stock, 1), tags, 1 + 1, max(stock) over ()
      from items`,
  ));
  assert.deepEqual(columns, [
    { name: "id", type: "uuid" },
    { name: "code", type: "varchar" },
    { name: "name", type: "text" },
    { name: "price", type: "numeric" },
    { name: "stock", type: "int4" },
    { name: "is_sold", type: "bool" },
    { name: "weight", type: "float8" },
    { name: "data", type: "jsonb" },
    { name: "due", type: "date" },
    { name: "created_at", type: "timestamptz" },
    { name: "photo", type: "bytea" },
    { name: "count", type: "int8" },
    { name: "lower", type: "text" },
    { name: "text", type: "text" },
    { name: "coalesce", type: "int4" },
    { name: "tags", type: "_text" },
    { name: "?column?", type: "int4" },
    { name: "max", type: "int4" },
  ]);
});

function writer(database: Database) {
  return async (sql: string, given: readonly GuestArgument[] = []) => {
    const { rows, changes } = await database.guestSql.run(guestRequest("write", sql, given));
    return [JSON.parse(JSON.stringify(rows)), changes];
  };
}

engineTest("guest SQL: writes, RETURNING and upserts", async ({ database }) => {
  await fillShop(database);
  const write = writer(database);
  assert.deepEqual(
    await write(
      `insert into items (code, price, is_sold, due, photo) values ('cup', 3, 'true', '2026-05-05', $1),
        ('jug', default, default, null, null) returning code, price, stock, is_sold, due, photo`,
      [{ kind: "bytes", bytes: new Uint8Array([1, 2]) }],
    ),
    [[
      ["cup", "3.00", 0, true, "2026-05-05T00:00:00Z", "\\x0102"],
      ["jug", null, 0, false, null, null],
    ], 2],
  );
  const made = await database.guestSql.run(guestRequest(
    "read",
    "select id is not null, organization_id, created_at > now() - interval '1 hour' from items where code = 'cup'",
  ));
  assert.deepEqual(made.rows, [[true, ORG_A, true]]);
  assert.deepEqual(
    await write(
      "update items set stock = stock + 5, price = price * 2 where code = 'pen' returning *, 1 as one",
    )
      .then(([rows, changes]) => [rows[0].at(-1), rows[0].length, changes]),
    [1, 14, 1],
  );
  assert.deepEqual(
    await write(
      `insert into items (code, stock) values ('pen', 1), ('new', 2)
        on conflict (organization_id, code) do update set stock = items.stock + excluded.stock
        where items.stock > 0 returning code, stock, price`,
    ),
    [[["pen", 16, "3.00"], ["new", 2, null]], 2],
  );
  assert.deepEqual(
    await write("insert into items (code) values ('pen') on conflict do nothing"),
    [[], 0],
  );
});

engineTest("guest SQL: writes that read other rows", async ({ database }) => {
  await fillShop(database);
  const write = writer(database);
  assert.deepEqual(
    await write(
      `update items i set title = 'Sold ' || o.n from (select item_id, sum(quantity) n from orders group by item_id) o
        where o.item_id = i.id returning i.title`,
    ),
    [[["Sold 7"]], 1],
  );
  assert.deepEqual(
    await write(
      "insert into items (code, stock) select 'copy-' || code, stock from items where stock > 9 returning code",
    ),
    [[["copy-pen"]], 1],
  );
  assert.deepEqual(
    await write(
      "delete from orders using items i where i.id = item_id and i.code = 'pen' returning quantity",
    ),
    [
      [[3], [4]],
      2,
    ],
  );
  assert.deepEqual(
    await write(
      "update items set stock = default, data = '{\"a\": [1]}', created_at = '2026-01-01' where code = 'pad' returning stock, data->'a', created_at",
    ),
    [
      [[0, "[1]", "2026-01-01T00:00:00Z"]],
      1,
    ],
  );
  assert.deepEqual(
    await write(
      "update items set (title, stock) = ('T', 9) where code = 'pad' returning title, stock",
    ),
    [[["T", 9]], 1],
  );
  assert.deepEqual(await write("delete from items where code = 'nothing'"), [[], 0]);
});

engineTest("guest SQL: errors have the same codes", async ({ database }) => {
  await fillShop(database);
  const { guestSql } = database;
  const write = (sql: string, given: readonly GuestArgument[] = []) =>
    guestSql.run(guestRequest("write", sql, given));
  const read = (sql: string, given: readonly GuestArgument[] = []) =>
    guestSql.run(guestRequest("read", sql, given));
  const kind = async (running: Promise<unknown>) =>
    (await refusal(running, "guest_sql.constraint")).details?.kind;
  assert.equal(await kind(write("insert into items (code) values ('pen')")), "unique");
  assert.equal(await kind(write("insert into items (title) values ('x')")), "not_null");
  assert.equal(await kind(write("update items set stock = -1")), "check");
  assert.equal(
    await kind(write("insert into orders (item_id, quantity) values ($1, 1)", [rowId(77)])),
    "foreign_key",
  );
  // A row of another organization is none.
  assert.equal(
    await kind(write("insert into orders (item_id, quantity) values ($1, 1)", [rowId(9)])),
    "foreign_key",
  );
  assert.equal(await kind(write("delete from items where code = 'pen'")), "foreign_key");
  await refusal(read("select nothing from items"), "guest_sql.failed");
  await refusal(read("select 1 / 0"), "guest_sql.failed");
  await refusal(read("select * from items where id = 'x'"), "guest_sql.failed");
  await refusal(write("update items set stock = 'many'"), "guest_sql.failed");
  await refusal(write("update items set due = '2026-02-31'"), "guest_sql.failed");
  await refusal(write("update items set code = repeat('x', 30)"), "guest_sql.failed");
  await refusal(read("select $1", []), "guest_sql.argument_count");
  await refusal(read("select 1; select 2"), "guest_sql.invalid");
  await refusal(read("select pg_sleep(1)"), "guest_sql.invalid");
  await refusal(read("select * from metacore_events"), "guest_sql.forbidden");
  await refusal(
    guestSql.run(guestRequest("read", "select * from items", [], { limits: { rows: 2 } })),
    "guest_sql.row_limit",
  );
  await refusal(
    guestSql.run(
      guestRequest("read", "select * from items", [], { limits: { responseBytes: 50 } }),
    ),
    "guest_sql.row_limit",
  );
  await refusal(
    guestSql.run(guestRequest(
      "read",
      "with recursive n (i) as (select 1 union all select i + 1 from n) select count(*) from n",
      [],
      { limits: { timeoutMs: 200 } },
    )),
    "guest_sql.timeout",
  );
  assert.deepEqual((await read("select count(*) from items")).rows, [[3]]);
});

engineTest("guest SQL: a failure leaves the transaction as it was", async ({ database }) => {
  await fillShop(database);
  const { guestSql } = database;
  await database.transaction(ORG_A, async (tx) => {
    const write = (sql: string) => guestSql.runIn(tx, guestRequest("write", sql));
    const count = async () =>
      (await guestSql.runIn(tx, guestRequest("read", "select count(*) from items"))).rows[0]![0];
    await write("insert into items (code) values ('one')");
    assert.equal(await count(), 4);
    await refusal(
      write("insert into items (code) values ('two'), ('one')"),
      "guest_sql.constraint",
    );
    assert.equal(await count(), 4);
    await write("insert into items (code) values ('three')");
    assert.equal(await count(), 5);
  });
  const after = await guestSql.run(
    guestRequest("read", "select code from items where length(code) <> 3 order by 1"),
  );
  assert.deepEqual(after.rows, [["three"]]);
  await database.transaction(ORG_A, async (tx) => {
    await guestSql.runIn(tx, guestRequest("write", "delete from orders"));
    throw new Error("changed its mind");
  }).catch(() => {});
  const { rows } = await guestSql.run(guestRequest("read", "select count(*) from orders"));
  assert.deepEqual(rows, [[2]]);
});

engineTest("guest SQL: no statement reaches another organization", async ({ database }) => {
  await fillShop(database);
  const { guestSql } = database;
  const seen = async (sql: string) => (await guestSql.run(guestRequest("read", sql))).rows;
  assert.deepEqual(await seen("select count(*) from items where title = 'Theirs'"), [[0]]);
  assert.deepEqual(await seen(`select count(*) from items where organization_id = '${ORG_B}'`), [[
    0,
  ]]);
  const write = (sql: string) => guestSql.run(guestRequest("write", sql));
  assert.equal((await write("update items set title = 'X' where title = 'Theirs'")).changes, 0);
  assert.equal((await write("delete from orders where quantity = 1")).changes, 0);
  await refusal(
    write(`insert into items (organization_id, code) values ('${ORG_B}', 'spy')`),
    "guest_sql.forbidden",
  );
  await refusal(
    write(`update items set organization_id = '${ORG_B}' where code = 'pad'`),
    "guest_sql.forbidden",
  );
  const theirs = await guestSql.run(
    guestRequest("read", "select code, title from items", [], { organizationId: ORG_B }),
  );
  assert.deepEqual(theirs.rows, [["pen", "Theirs"]]);
});

engineTest("guest SQL: authors may write the organization themselves", async ({ database }) => {
  await fillShop(database);
  const write = writer(database);
  const upper = ORG_A.toUpperCase();
  for (
    const [sql, given] of [
      [`insert into items (organization_id, code) values ('${ORG_A}', 'a1'), (default, 'a2')`, []],
      [`insert into items (code, organization_id) values ('b1', $1)`, [ORG_A]],
      ["insert into items (code, organization_id) values ('b2', $1)", [{
        kind: "uuid",
        text: upper,
      }]],
      [
        "insert into items (organization_id, code) select organization_id, 'c' || code from items where code = 'pen'",
        [],
      ],
      [`insert into items (organization_id, code) select '${ORG_A}', 'd1'`, []],
    ] satisfies [string, GuestArgument[]][]
  ) await write(sql, given);
  const mine = await database.guestSql.run(
    guestRequest("read", "select count(*) from items where organization_id = $1", [ORG_A]),
  );
  assert.deepEqual(mine.rows, [[9]]);
  for (
    const [sql, given] of [
      [`insert into items (organization_id, code) values ('${ORG_B}', 'x')`, []],
      [`insert into items (organization_id, code) values ($1, 'x')`, [ORG_B]],
      [`insert into items (organization_id, code) values ($1, 'x')`, [null]],
      [`insert into items (organization_id, code) select $1::uuid, 'x'`, [ORG_B]],
      // The first wall lets it pass, as it lets pass a table's column: the engine does not.
      [
        `insert into items (organization_id, code)
          select organization_id, 'x' from (select '${ORG_B}'::uuid as organization_id) s`,
        [],
      ],
      [
        `insert into items (code) values ('pen') on conflict (code) do update
          set organization_id = '${ORG_A}'`,
        [],
      ],
      [`update items set organization_id = '${ORG_A}'`, []],
    ] satisfies [string, GuestArgument[]][]
  ) await refusal(write(sql, given), "guest_sql.forbidden");
  for (const target of ["code", "organization_id, code", "code, organization_id"]) {
    const upsert = `insert into items (code, stock) values ('pen', 1) on conflict (${target})
      do update set stock = items.stock + 1 returning code`;
    assert.deepEqual(await write(upsert), [[["pen"]], 1]);
    assert.deepEqual(
      await write(`insert into items (code) values ('pen') on conflict (${target}) do nothing`),
      [[], 0],
    );
  }
});

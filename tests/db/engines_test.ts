/**
 * What both engines promise behind the database port.
 *
 * @module
 */

import assert from "node:assert/strict";
import { systemClock } from "../../src/base/clock.ts";
import { isKernelError } from "../../src/base/error.ts";
import type { Database } from "../../src/db/database.ts";
import { migrate } from "../../src/db/migrate.ts";
import { openDatabase } from "../../src/db/open.ts";
import { silentLogger } from "../../src/telemetry/log.ts";
import { migrations } from "../../migrations/mod.ts";
import { engines, engineTest, hasPostgresServer, openTestDatabase } from "../_support/engines.ts";
import { withClient } from "../_support/postgres_server.ts";
import {
  allNotes,
  insertNote,
  makeNotes,
  noteId,
  notesTable,
  ORG_A,
  ORG_B,
  statement,
} from "./tenant_table.ts";

async function idsOf(database: Database, organizationId: string | null): Promise<unknown[]> {
  const [result] = await database.batch(organizationId, [allNotes(database)]);
  return result!.rows.map(([id]) => id);
}

function hasCode(code: string): (thrown: unknown) => boolean {
  return (thrown) => {
    assert.ok(isKernelError(thrown), `not a KernelError: ${thrown}`);
    assert.equal(thrown.code, code);
    return true;
  };
}

Deno.test("openDatabase() names the accepted URLs when given another", async () => {
  for (const url of ["mysql://x/y", "sqlite:", "", "x", "postgres:", "http://127.0.0.1/"]) {
    await assert.rejects(openDatabase({ url, logger: silentLogger }), (thrown: Error) => {
      assert.ok(isKernelError(thrown, "db.url_not_accepted"), url);
      assert.match(thrown.message, /sqlite:<path>, sqlite::memory: and postgres:\/\//);
      return true;
    });
  }
});

Deno.test("openDatabase() gives up on a dead Postgres within two seconds", async () => {
  // Accepts connections and never answers.
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const connections: Deno.Conn[] = [];
  const accepting = (async () => {
    for await (const connection of listener) connections.push(connection);
  })();
  const silent = `postgres://a@127.0.0.1:${listener.addr.port}/a`;
  for (const url of ["postgres://a@127.0.0.1:1/a", silent]) {
    const started = performance.now();
    await assert.rejects(
      openDatabase({ url, logger: silentLogger, acquireTimeoutMs: 300 }),
      hasCode("db.unavailable"),
    );
    assert.ok(performance.now() - started < 2_000);
  }
  listener.close();
  await accepting;
  for (const connection of connections) connection.close();
});

engineTest("Database.batch() returns values as text and counts changes", async ({ database }) => {
  await makeNotes(database);
  const results = await database.batch(ORG_A, [
    insertNote(database, ORG_A, noteId(1), "a"),
    insertNote(database, ORG_A, noteId(2)),
    statement(database, `update ${notesTable(database)} set stars = ?`, 3),
    statement(database, `select code, stars from ${notesTable(database)} order by id`),
    statement(database, `delete from ${notesTable(database)} where id = ?`, noteId(1)),
    statement(
      database,
      `insert into ${notesTable(database)} (organization_id, id)
      values (?, ?) returning id`,
      ORG_A,
      noteId(3),
    ),
  ]);
  assert.deepEqual(results.map((result) => result.changes), [1, 1, 2, 0, 1, 1]);
  assert.deepEqual(results[3]!.rows, [["a", "3"], [null, "3"]]);
  assert.deepEqual(results[5]!.rows, [[noteId(3)]]);
  assert.deepEqual(await database.batch(ORG_A, []), []);
});

engineTest("Database.batch() takes effect whole or not at all", async ({ database }) => {
  await makeNotes(database);
  await assert.rejects(
    database.batch(ORG_A, [
      insertNote(database, ORG_A, noteId(1), "same"),
      insertNote(database, ORG_A, noteId(2), "same"),
      insertNote(database, ORG_A, noteId(3)),
    ]),
    hasCode("record.duplicate"),
  );
  assert.deepEqual(await idsOf(database, ORG_A), []);
  await database.batch(ORG_A, [insertNote(database, ORG_A, noteId(1), "same")]);
  assert.deepEqual(await idsOf(database, ORG_A), [noteId(1)]);
});

engineTest("Database.batch() works again after every kind of failed statement", async (t) => {
  const { database } = t;
  await makeNotes(database);
  const bad = [
    "select * from nowhere",
    "selec",
    `insert into ${notesTable(database)} (id) values ('${noteId(9)}'), (null)`,
  ];
  for (let round = 0; round < 3; round++) {
    for (const sql of bad) {
      await assert.rejects(database.batch(ORG_A, [
        insertNote(database, ORG_A, noteId(round)),
        { sql, parameters: [] },
        allNotes(database),
      ]));
      assert.deepEqual(await idsOf(database, ORG_A), []);
    }
  }
});

engineTest("Database.batch() refuses parameters that are objects", async ({ database }) => {
  for (const value of [{}, [], () => 1, Symbol("x")]) {
    await assert.rejects(
      database.batch(ORG_A, [statement(database, "select ?", value)]),
      hasCode("db.invalid_statement"),
    );
  }
  await assert.rejects(database.batch(ORG_A, [{ sql: "select 1\0; x", parameters: [] }]));
  await database.ping();
});

engineTest("Database.transaction() commits what work did, and rolls back when it throws", async ({
  database,
}) => {
  await makeNotes(database);
  const given = await database.transaction(ORG_A, async (tx) => {
    await tx.execute(insertNote(database, ORG_A, noteId(1), "x"));
    const { rows } = await tx.execute(
      statement(database, `select code from ${notesTable(database)}`),
    );
    assert.deepEqual(rows, [{ code: "x" }]);
    return 42;
  });
  assert.equal(given, 42);
  const failure = new Error("of the work itself");
  await assert.rejects(
    database.transaction(ORG_A, async (tx) => {
      await tx.execute(insertNote(database, ORG_A, noteId(2)));
      throw failure;
    }),
    (thrown) => thrown === failure,
  );
  assert.deepEqual(await idsOf(database, ORG_A), [noteId(1)]);
});

engineTest(
  "Database.transaction() cannot commit after a failed statement",
  async ({ database }) => {
    await makeNotes(database);
    await assert.rejects(
      database.transaction(ORG_A, async (tx) => {
        await tx.execute(insertNote(database, ORG_A, noteId(1), "x"));
        await tx.execute(insertNote(database, ORG_A, noteId(2), "x")).catch(() => {});
      }),
      hasCode("db.invalid_statement"),
    );
    assert.deepEqual(await idsOf(database, ORG_A), []);
  },
);

engineTest("Transaction.execute() refuses to run after the end", async ({ database }) => {
  const tx = await database.transaction(ORG_A, (tx) => Promise.resolve(tx));
  await assert.rejects(
    tx.execute({ sql: "select 1", parameters: [] }),
    hasCode("db.invalid_statement"),
  );
});

for (const engine of engines) {
  Deno.test({
    name: `Database.batch() neither waits for an open transaction nor sees its rows [${engine}]`,
    ignore: engine === "postgres" && !hasPostgresServer,
    fn: async () => {
      const folder = await Deno.makeTempDir();
      await using test = await openTestDatabase(engine, { path: `${folder}/test.db` });
      const { database } = test;
      await makeNotes(database);
      await database.transaction(ORG_A, async (tx) => {
        await tx.execute(insertNote(database, ORG_A, noteId(1)));
        assert.deepEqual(await idsOf(database, ORG_A), []);
      });
      assert.deepEqual(await idsOf(database, ORG_A), [noteId(1)]);
    },
  });
}

engineTest("Database.transaction() runs writers one after the other on one row", async (t) => {
  const { database } = t;
  await makeNotes(database);
  await database.batch(ORG_A, [insertNote(database, ORG_A, noteId(1))]);
  const table = notesTable(database);
  await database.batch(ORG_A, [statement(database, `update ${table} set stars = 0`)]);
  await Promise.all(Array.from({ length: 5 }, () =>
    database.transaction(ORG_A, async (tx) => {
      await tx.lock("counting");
      const { rows } = await tx.execute(statement(database, `select stars from ${table}`));
      await tx.execute(
        statement(database, `update ${table} set stars = ?`, Number(rows[0]!.stars) + 1),
      );
    })));
  const [result] = await database.batch(ORG_A, [statement(database, `select stars from ${table}`)]);
  assert.deepEqual(result!.rows, [["5"]]);
});

engineTest("Database.kysely speaks to kernel tables in typed queries", async ({ database }) => {
  const at = "2026-11-21T08:50:59.123Z";
  const { kysely } = database;
  await kysely.insertInto("organizations").values([
    { id: ORG_A, name: "A", slug: "a", created_at: at, updated_at: at },
    { id: ORG_B, name: "B", slug: "b", created_at: at, updated_at: at },
  ]).execute();
  const event = {
    organization_id: ORG_A,
    name: "notes.note.created",
    addon_key: "notes",
    model: "note",
    table_name: "addon_notes.notes",
    record_id: null,
    payload: `{"b":1, "a":2}`,
    actor_id: null,
    request_id: "r",
    created_at: at,
  };
  const first = await kysely.insertInto("events").values({ ...event, id: noteId(1) })
    .returning(["sequence", "created_at", "payload", "record_id"]).executeTakeFirstOrThrow();
  assert.deepEqual(first, { sequence: 1, created_at: at, payload: event.payload, record_id: null });
  const joined = await kysely.selectFrom("events as e")
    .innerJoin("organizations", "organizations.id", "e.organization_id")
    .select(["organizations.name", "e.id"]).execute();
  assert.deepEqual(joined, [{ name: "A", id: noteId(1) }]);
  const { numUpdatedRows } = await kysely.updateTable("organizations").set({ name: "Z" })
    .executeTakeFirst();
  assert.equal(numUpdatedRows, 2n);
  const { count } = await kysely.selectFrom("organizations")
    .select((e) => e.fn.countAll<number>().as("count")).executeTakeFirstOrThrow();
  assert.equal(count, 2);
  await database.transaction(null, async (tx) => {
    await tx.kysely.deleteFrom("organizations").where("id", "=", ORG_B).execute();
  });
  assert.equal((await kysely.selectFrom("organizations").select("id").execute()).length, 1);
  await assert.rejects(kysely.transaction().execute(() => Promise.resolve()));
});

engineTest("Database.kysely keeps bytes as bytes", async ({ database }) => {
  const archive = Uint8Array.from({ length: 70_000 }, (_, index) => index % 256);
  await database.kysely.insertInto("bundles").values({
    digest: "d",
    addon_key: "k",
    version: "1.0.0",
    manifest: "{}",
    entries: "{}",
    archive,
    created_at: "2026-11-21T08:50:59.123Z",
  }).execute();
  const row = await database.kysely.selectFrom("bundles").select("archive")
    .executeTakeFirstOrThrow();
  assert.deepEqual(Uint8Array.from(row.archive), archive);
});

engineTest("Database.close() waits for running work and refuses what comes after", async (t) => {
  const { database } = t;
  const running = database.transaction(null, async (tx) => {
    await new Promise((resolve) => setTimeout(resolve, 30));
    return (await tx.execute({ sql: "select 1 as one", parameters: [] })).rows;
  });
  await new Promise((resolve) => setTimeout(resolve, 5));
  await database.close();
  assert.deepEqual(await running, [{ one: 1 }]);
  await assert.rejects(database.ping(), hasCode("db.closed"));
  await assert.rejects(database.transaction(null, () => Promise.resolve()), hasCode("db.closed"));
  await database.close();
});

for (const engine of engines) {
  Deno.test(`FaultPort crashes before any statement, and nothing is half done [${engine}]`, async () => {
    const folder = await Deno.makeTempDir();
    for (let crashAt = 0; crashAt < 14; crashAt++) {
      const path = `${folder}/${crashAt}.db`;
      await using test = await openTestDatabase(engine, { path });
      await makeNotes(test.database);
      if (engine === "sqlite") await test.database.close();
      let armed = false;
      let left = crashAt;
      const crash = new Error("crash");
      const database = await openDatabase({
        url: test.url,
        logger: silentLogger,
        fault: {
          beforeStatement() {
            if (armed && left-- === 0) throw crash;
          },
        },
      });
      armed = true;
      try {
        await database.transaction(ORG_A, async (tx) => {
          await tx.execute(insertNote(database, ORG_A, noteId(1)));
          await tx.execute(insertNote(database, ORG_A, noteId(2)));
        });
        await database.batch(ORG_A, [
          insertNote(database, ORG_A, noteId(3)),
          insertNote(database, ORG_A, noteId(4)),
        ]);
      } catch (thrown) {
        assert.equal(thrown, crash);
        await assert.rejects(database.ping(), hasCode("db.closed"));
      }
      await database.close();
      const again = await openDatabase({ url: test.url, logger: silentLogger });
      const { length } = await idsOf(again, ORG_A);
      await again.close();
      assert.ok(length === 0 || length === 2 || length === 4, `${length} rows at ${crashAt}`);
      if (crashAt === 0) assert.equal(length, 0);
      if (crashAt === 13) assert.equal(length, 4);
    }
  });
}

Deno.test({
  name: "Postgres: no tenant setting outlives its work, nor meets another connection's",
  ignore: !hasPostgresServer,
  fn: async () => {
    await using test = await openTestDatabase("postgres", { maxConnections: 2 });
    const { database } = test;
    await makeNotes(database);
    const tenant: () => Promise<unknown> = async () => {
      const rows: unknown[] = [];
      // Both connections of the pool at once.
      await Promise.all([0, 1].map(() =>
        database.kysely.executeQuery<{ tenant: string | null }>({
          ...database.kysely.selectFrom("organizations").select("id").compile(),
          sql: "select current_setting('app.current_org', true) as tenant, pg_sleep(0.01)",
          parameters: [],
        }).then((result) => rows.push(result.rows[0]!.tenant))
      ));
      return [...new Set(rows.map((row) => row || ""))];
    };
    await Promise.all([1, 2, 3, 4].map((n) =>
      database.batch(n % 2 ? ORG_A : ORG_B, [
        insertNote(database, n % 2 ? ORG_A : ORG_B, noteId(n)),
      ])
    ));
    assert.deepEqual(await tenant(), [""]);
    await assert.rejects(database.batch(ORG_A, [statement(database, "select 1 / 0")]));
    await assert.rejects(database.batch(ORG_A, [statement(database, "selec")]));
    assert.deepEqual(await tenant(), [""]);
    await assert.rejects(database.transaction(ORG_B, async (tx) => {
      await tx.execute(statement(database, "select 1 / 0"));
    }));
    await assert.rejects(database.transaction(ORG_B, () => Promise.reject(new Error("work"))));
    await database.transaction(ORG_B, () => Promise.resolve());
    assert.deepEqual(await tenant(), [""]);
    assert.deepEqual(await idsOf(database, null), []);
  },
});

Deno.test({
  name: "Postgres: row-level security holds where the predicate is absent",
  ignore: !engines.includes("postgres"),
  fn: async () => {
    await using test = await openTestDatabase("postgres");
    const { database } = test;
    await makeNotes(database);
    await database.batch(ORG_A, [insertNote(database, ORG_A, noteId(1))]);
    await database.batch(ORG_B, [insertNote(database, ORG_B, noteId(2))]);
    assert.deepEqual(await idsOf(database, ORG_A), [noteId(1)]);
    assert.deepEqual(await idsOf(database, ORG_B), [noteId(2)]);
    assert.deepEqual(await idsOf(database, null), []);
    await assert.rejects(
      database.batch(ORG_A, [insertNote(database, ORG_B, noteId(3))]),
      hasCode("db.tenant_refused"),
    );
    const wipe = statement(database, `delete from ${notesTable(database)}`);
    const [gone] = await database.batch(ORG_A, [wipe]);
    assert.equal(gone!.changes, 1);
    await database.transaction(ORG_A, async (tx) => {
      assert.deepEqual((await tx.execute(allNotes(database))).rows, []);
    });
    assert.deepEqual(await idsOf(database, ORG_B), [noteId(2)]);
    // The wall itself, taken away: then the other organization's row shows.
    await withClient(
      test.url,
      (client) => client.query("alter table addon_notes.notes disable row level security"),
    );
    assert.deepEqual(await idsOf(database, ORG_A), [noteId(2)]);
  },
});

Deno.test({
  name: "Postgres: a batch survives a changed result type of its prepared statements",
  ignore: !hasPostgresServer,
  fn: async () => {
    await using test = await openTestDatabase("postgres", { maxConnections: 1 });
    const { database } = test;
    await makeNotes(database);
    const everything = statement(database, `select * from ${notesTable(database)}`);
    await database.batch(ORG_A, [insertNote(database, ORG_A, noteId(1)), everything]);
    await database.schemaTransaction(null, async (tx) => {
      await tx.execute(statement(database, `alter table ${notesTable(database)} add more text`));
    });
    const [result] = await database.batch(ORG_A, [everything]);
    assert.equal(result!.rows[0]!.length, 7);
  },
});

Deno.test({
  name: "Postgres: a cut connection fails its statement only, and the pool recovers",
  ignore: !hasPostgresServer,
  fn: async () => {
    await using test = await openTestDatabase("postgres", { maxConnections: 2 });
    const { database } = test;
    const cut = () =>
      withClient(
        test.adminUrl!,
        (client) =>
          client.query(`select pg_terminate_backend(pid) from pg_stat_activity
          where datname = current_database() and usename = 'metacore_app'`),
      );
    const sleeping = assert.rejects(
      database.transaction(null, async (tx) => {
        await tx.execute(statement(database, "select pg_sleep(5)"));
      }),
      hasCode("db.unavailable"),
    );
    await new Promise((resolve) => setTimeout(resolve, 50));
    await cut();
    await sleeping;
    await database.ping();
    // Idle connections that the server closed are not lent again.
    await cut();
    await new Promise((resolve) => setTimeout(resolve, 20));
    await database.ping();
  },
});

Deno.test({
  name: "Postgres: a statement that takes too long is cancelled",
  ignore: !hasPostgresServer,
  fn: async () => {
    await using test = await openTestDatabase("postgres", { statementTimeoutMs: 50 });
    const { database } = test;
    await assert.rejects(
      database.batch(null, [statement(database, "select pg_sleep(5)")]),
      hasCode("db.statement_timeout"),
    );
    // Schema changes have a time of their own.
    await database.schemaTransaction(null, async (tx) => {
      await tx.execute(statement(database, "select pg_sleep(0.1)"));
    });
  },
});

/** Passes bytes on to a server until it is told to swallow them. */
function fickleProxy(target: URL) {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const open: Deno.Conn[] = [];
  let isSilent = false;
  const pass = async (from: Deno.Conn, to: Deno.Conn) => {
    const bytes = new Uint8Array(16_384);
    for (let count; (count = await from.read(bytes).catch(() => null)) !== null;) {
      if (!isSilent) await to.write(bytes.subarray(0, count)).catch(() => {});
    }
    try {
      to.close();
    } catch {
      // The other direction was first.
    }
  };
  const accepting = (async () => {
    for await (const client of listener) {
      const server = await Deno.connect({ hostname: target.hostname, port: Number(target.port) });
      open.push(client, server);
      pass(client, server);
      pass(server, client);
    }
  })();
  const url = new URL(target);
  url.host = `127.0.0.1:${listener.addr.port}`;
  return {
    url: url.toString(),
    silence: () => isSilent = true,
    heal: () => isSilent = false,
    close: async () => {
      listener.close();
      await accepting;
      for (const connection of open) {
        try {
          connection.close();
        } catch {
          // Closed by its peer.
        }
      }
      await new Promise((resolve) => setTimeout(resolve, 20));
    },
  };
}

Deno.test({
  name: "Postgres: a server that goes silent fails its statement, and the pool recovers",
  ignore: !hasPostgresServer,
  fn: async () => {
    await using test = await openTestDatabase("postgres");
    const proxy = fickleProxy(new URL(test.url));
    const database = await openDatabase({
      url: proxy.url,
      logger: silentLogger,
      statementTimeoutMs: 100,
      acquireTimeoutMs: 200,
    });
    proxy.silence();
    const started = performance.now();
    await assert.rejects(database.ping(), hasCode("db.unavailable"));
    await assert.rejects(database.ping(), hasCode("db.unavailable"));
    assert.ok(performance.now() - started < 2_000);
    proxy.heal();
    await database.ping();
    await database.close();
    await proxy.close();
  },
});

Deno.test({
  name: "Postgres: more work than connections waits its turn, and not for ever",
  ignore: !hasPostgresServer,
  fn: async () => {
    await using test = await openTestDatabase("postgres", {
      maxConnections: 1,
      acquireTimeoutMs: 100,
    });
    const { database } = test;
    await Promise.all(Array.from({ length: 20 }, () => database.ping()));
    await database.transaction(null, async () => {
      await assert.rejects(database.ping(), hasCode("db.unavailable"));
    });
  },
});

Deno.test("SQLite: reads of a file wait neither for a transaction nor for a write that does", async () => {
  const path = `${await Deno.makeTempDir()}/kernel.db`;
  await using t = await openTestDatabase("sqlite", { path });
  const { database } = t;
  const row = {
    id: ORG_A,
    name: "Acme",
    slug: "acme",
    created_at: "2026-01-01T00:00:00.000Z",
    updated_at: "2026-01-01T00:00:00.000Z",
  };
  const free = Promise.withResolvers<void>();
  const begun = Promise.withResolvers<void>();
  const holding = database.transaction(null, async () => {
    begun.resolve();
    await free.promise;
  });
  await begun.promise;
  const writing = database.kysely.insertInto("organizations").values(row).execute();
  const reading = database.kysely.selectFrom("organizations").select("id").execute();
  const first = await Promise.race([
    reading.then(() => "read"),
    new Promise((resolve) => setTimeout(resolve, 1_000, "waited")),
  ]);
  free.resolve();
  await Promise.all([holding, writing, reading]);
  assert.equal(first, "read");
});

Deno.test("SQLite: a turn to write is waited for, and not for ever", async () => {
  const database = await openDatabase({
    url: "sqlite::memory:",
    logger: silentLogger,
    acquireTimeoutMs: 50,
  });
  await migrate(database, migrations, systemClock);
  await database.transaction(null, async () => {
    await assert.rejects(
      database.batch(null, [statement(database, "delete from metacore_users")]),
      hasCode("db.busy"),
    );
  });
  await database.batch(null, [statement(database, "delete from metacore_users")]);
  await database.close();
});

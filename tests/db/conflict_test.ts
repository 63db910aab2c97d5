/**
 * Errors of the drivers become errors of the kernel, and their texts stay inside.
 *
 * @module
 */

import assert from "node:assert/strict";
import { isKernelError, type KernelError } from "../../src/base/error.ts";
import { toKernelError } from "../../src/db/conflict.ts";
import type { Database } from "../../src/db/database.ts";
import { engineTest, hasPostgresServer, openTestDatabase } from "../_support/engines.ts";
import { insertNote, makeNotes, noteId, notesTable, ORG_A, statement } from "./tenant_table.ts";

async function failure(
  database: Database,
  sql: string,
  ...values: unknown[]
): Promise<KernelError> {
  try {
    await database.batch(ORG_A, [statement(database, sql, ...values)]);
  } catch (thrown) {
    assert.ok(isKernelError(thrown), String(thrown));
    assert.ok(thrown.cause instanceof Error);
    assert.ok(!thrown.message.includes(thrown.cause.message), "the driver's text stays inside");
    assert.ok(!/addon_notes|notes_code|pkey/.test(thrown.message));
    return thrown;
  }
  assert.fail(`no error from ${sql}`);
}

engineTest("toKernelError() names the columns of a duplicate", async ({ database }) => {
  await makeNotes(database);
  await database.batch(ORG_A, [insertNote(database, ORG_A, noteId(1), "x")]);
  const insert = `insert into ${notesTable(database)} (organization_id, id, code) values (?, ?, ?)`;
  const duplicate = await failure(database, insert, ORG_A, noteId(2), "x");
  assert.equal(duplicate.code, "record.duplicate");
  assert.equal(duplicate.kind, "conflict");
  assert.deepEqual(duplicate.details?.columns, ["code"]);
  assert.deepEqual(Object.keys(duplicate.fields ?? {}), ["code"]);
  assert.equal(duplicate.fields?.code?.[0]?.code, "unique");
  const sameId = await failure(database, insert, ORG_A, noteId(1), "y");
  assert.deepEqual(sameId.details?.columns, ["id"]);
});

engineTest("toKernelError() tells the other conflicts apart", async ({ database }) => {
  await makeNotes(database);
  const table = notesTable(database);
  const insert = (columns: string, ...values: unknown[]) =>
    failure(
      database,
      `insert into ${table} (organization_id, id, ${columns})
        values (?, ?, ${values.map(() => "?").join(", ")})`,
      ORG_A,
      noteId(1),
      ...values,
    );
  const missing = await insert("body", null);
  assert.equal(missing.code, "record.missing_value");
  assert.deepEqual(missing.details?.columns, ["body"]);
  assert.equal((await insert("stars", 9)).code, "record.check_failed");
  assert.equal((await insert("parent_id", noteId(7))).code, "record.reference");
  assert.equal((await failure(database, "select * from nowhere.x")).code, "db.schema_changed");
  assert.equal((await failure(database, `select nowhere from ${table}`)).code, "db.schema_changed");
  assert.equal((await failure(database, "selec")).code, "db.statement_refused");
});

Deno.test({
  name: "toKernelError() maps values and serialization of Postgres",
  ignore: !hasPostgresServer,
  fn: async () => {
    await using test = await openTestDatabase("postgres");
    const { database } = test;
    await makeNotes(database);
    const table = notesTable(database);
    const codes: readonly (readonly [string, string])[] = [
      [
        `insert into ${table} (id, code) values ('${noteId(1)}', repeat('x', 51))`,
        "db.invalid_value",
      ],
      [`select 'x'::integer`, "db.invalid_value"],
      [`select 99999999999::integer`, "db.invalid_value"],
      [`select * from pg_authid`, "db.not_permitted"],
      [`do $$ begin raise sqlstate '40001'; end $$`, "db.serialization"],
      [`do $$ begin raise sqlstate '40P01'; end $$`, "db.serialization"],
      [`do $$ begin raise sqlstate '54000'; end $$`, "db.invalid_value"],
      [`do $$ begin raise sqlstate '53100'; end $$`, "db.not_writable"],
      [`do $$ begin raise sqlstate '28P01'; end $$`, "db.login_refused"],
      [`do $$ begin raise sqlstate '53300'; end $$`, "db.unavailable"],
      [`do $$ begin raise sqlstate '57P01'; end $$`, "db.unavailable"],
      [`do $$ begin raise sqlstate '25006'; end $$`, "db.not_writable"],
      [`do $$ begin raise sqlstate 'XX000'; end $$`, "db.statement_refused"],
    ];
    for (const [sql, code] of codes) assert.equal((await failure(database, sql)).code, code, sql);
    const nul = await failure(
      database,
      `insert into ${table} (id, code) values (?, ?)`,
      noteId(1),
      "\0",
    );
    assert.equal(nul.code, "db.invalid_value");
  },
});

Deno.test("toKernelError() leaves what no driver threw as it is", () => {
  for (const thrown of [new Error("x"), new TypeError("y"), "text", undefined, { code: "23505" }]) {
    assert.equal(toKernelError(thrown), thrown);
  }
});

/**
 * The SQLite file: one process at a time, and a write that was answered survives a killed process.
 *
 * @module
 */

import assert from "node:assert/strict";
import { isKernelError } from "../../src/base/error.ts";
import { openDatabase } from "../../src/db/open.ts";
import { silentLogger } from "../../src/telemetry/log.ts";
import { makeNotes, notesTable, ORG_A, statement } from "./tenant_table.ts";

const PROGRAM = new URL("./sqlite_process.ts", import.meta.url).pathname;

/** Another process that opens the file and writes until it is killed. */
function start(path: string): Deno.ChildProcess {
  return new Deno.Command(Deno.execPath(), {
    args: ["run", "--quiet", "--cached-only", "--no-prompt", "--allow-read", "--allow-write"]
      .concat("--allow-env", PROGRAM, path),
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
}

async function linesUntil(child: Deno.ChildProcess, enough: (line: string) => boolean) {
  const lines: string[] = [];
  let rest = "";
  for await (const text of child.stdout.pipeThrough(new TextDecoderStream())) {
    const parts = (rest + text).split("\n");
    rest = parts.pop() ?? "";
    for (const line of parts) {
      lines.push(line);
      if (enough(line)) child.kill("SIGKILL");
    }
  }
  await child.status;
  return lines;
}

Deno.test("openDatabase() refuses a SQLite file that another process holds, until it is killed", async () => {
  const path = `${await Deno.makeTempDir()}/kernel.db`;
  const child = start(path);
  const reader = child.stdout.getReader();
  await reader.read();
  await assert.rejects(openDatabase({ url: `sqlite:${path}`, logger: silentLogger }), (thrown) => {
    assert.ok(isKernelError(thrown, "db.locked"));
    assert.match(thrown.message, new RegExp(`process ${child.pid}; stop it first`));
    return true;
  });
  child.kill("SIGKILL");
  reader.releaseLock();
  await child.stdout.cancel();
  await child.stderr.cancel();
  await child.status;
  const database = await openDatabase({ url: `sqlite:${path}`, logger: silentLogger });
  // And the other way round: a second process ends by itself and says why.
  const second = await start(path).output();
  assert.equal(second.code, 1);
  assert.match(new TextDecoder().decode(second.stderr), /is in use by process \d+; stop it first/);
  await database.close();
});

Deno.test("a write that was answered survives kill -9 of the process", async () => {
  const path = `${await Deno.makeTempDir()}/kernel.db`;
  const child = start(path);
  const lines = await linesUntil(child, (line) => line === "written 200");
  await child.stderr.cancel();
  const answered = lines.filter((line) => line.startsWith("written ")).length;
  assert.ok(answered >= 200);
  const database = await openDatabase({ url: `sqlite:${path}`, logger: silentLogger });
  const [result] = await database.batch(ORG_A, [
    statement(database, `select count(*) from ${notesTable(database)}`),
    statement(database, "pragma integrity_check"),
  ]);
  assert.ok(Number(result!.rows[0]![0]) >= answered);
  await database.close();
});

Deno.test("openDatabase() makes the SQLite file for its owner's eyes only", async () => {
  const path = `${await Deno.makeTempDir()}/made/for/it/kernel.db`;
  const database = await openDatabase({ url: `sqlite:${path}`, logger: silentLogger });
  await makeNotes(database);
  assert.equal(Deno.statSync(path).mode! & 0o777, 0o600);
  assert.equal(Deno.statSync(`${path}-wal`).mode! & 0o777, 0o600);
  await database.close();
  assert.deepEqual(
    [...Deno.readDirSync(path.slice(0, path.lastIndexOf("/")))].map(({ name }) => name).sort(),
    ["kernel.db", "kernel.db.lock"],
  );
});

Deno.test("openDatabase() says what to do when the SQLite file cannot be opened", async () => {
  const folder = await Deno.makeTempDir();
  await Deno.writeTextFile(`${folder}/file`, "");
  await assert.rejects(
    openDatabase({ url: `sqlite:${folder}/file/kernel.db`, logger: silentLogger }),
    (thrown) => isKernelError(thrown, "db.file_not_opened"),
  );
  await Deno.writeTextFile(`${folder}/text.db`, "this is no database, and long enough to tell");
  await assert.rejects(
    openDatabase({ url: `sqlite:${folder}/text.db`, logger: silentLogger }),
    (thrown) => isKernelError(thrown, "db.not_writable"),
  );
  // The failed attempt does not hold the file.
  await Deno.remove(`${folder}/text.db`);
  const database = await openDatabase({ url: `sqlite:${folder}/text.db`, logger: silentLogger });
  await database.close();
});

Deno.test("schemaTransaction() refuses to leave a foreign key without its target [sqlite]", async () => {
  const database = await openDatabase({ url: "sqlite::memory:", logger: silentLogger });
  await makeNotes(database);
  const orphan = statement(
    database,
    `insert into ${notesTable(database)} (organization_id, id, parent_id) values (?, 'a', 'b')`,
    ORG_A,
  );
  for (const work of [[orphan], [statement(database, "drop table if exists x"), orphan]]) {
    await assert.rejects(
      database.schemaTransaction(ORG_A, async (tx) => {
        for (const each of work) await tx.execute(each);
      }),
      (thrown) => isKernelError(thrown, "db.broken_reference"),
    );
  }
  // Afterwards the checks are on again.
  await assert.rejects(
    database.batch(ORG_A, [orphan]),
    (thrown) => isKernelError(thrown, "record.reference"),
  );
  await database.close();
});

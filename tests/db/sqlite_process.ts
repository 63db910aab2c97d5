/**
 * A process of its own for tests: opens the SQLite file it is given and writes one note after the
 * other, telling of each once it is written, until it is killed.
 *
 * @module
 */

import { openDatabase } from "../../src/db/open.ts";
import { silentLogger } from "../../src/telemetry/log.ts";
import { insertNote, makeNotes, noteId, ORG_A } from "./tenant_table.ts";

function say(line: string): void {
  Deno.stdout.writeSync(new TextEncoder().encode(`${line}\n`));
}

try {
  const database = await openDatabase({ url: `sqlite:${Deno.args[0]}`, logger: silentLogger });
  await makeNotes(database);
  say("open");
  for (let number = 1;; number++) {
    await database.batch(ORG_A, [insertNote(database, ORG_A, noteId(number))]);
    say(`written ${number}`);
  }
} catch (thrown) {
  Deno.stderr.writeSync(new TextEncoder().encode(`${(thrown as Error).message}\n`));
  Deno.exit(1);
}

/**
 * Answers that would end the process: refused, and the next one comes.
 *
 * @module
 */

import assert from "node:assert/strict";
import { isKernelError } from "../../src/base/error.ts";
import { limitAnswers } from "../../src/db/postgres_answer_limit.ts";
import { engineTest } from "../_support/engines.ts";

// Past the greatest string of JavaScript, and past the greatest message.
const TOO_LARGE = {
  sqlite: "select hex(zeroblob(300000000))",
  postgres: "select repeat('x', 150000000)",
} as const;

engineTest("batch() refuses an answer too large to hold and goes on", async (t) => {
  const { database, engine } = t;
  const ask = database.batch(null, [{ sql: TOO_LARGE[engine], parameters: [] }]);
  await assert.rejects(ask, (thrown) => isKernelError(thrown, "db.answer_too_large"));
  const [next] = await database.batch(null, [{ sql: "select 'here'", parameters: [] }]);
  assert.deepEqual(next?.rows, [["here"]]);
}, { needs: "several sessions" });

/** What a stream of these messages leads to, cut into chunks of so many bytes. */
function isEnded(lengths: readonly number[], chunkBytes: number): boolean {
  const bytes = new Uint8Array(lengths.reduce((total, length) => total + 1 + length, 0));
  let at = 0;
  for (const length of lengths) {
    new DataView(bytes.buffer).setUint32(at + 1, length);
    at += 1 + length;
  }
  let listener: (chunk: Uint8Array) => void = () => {};
  let ended = false;
  limitAnswers({
    prependListener: (_event, given) => listener = given,
    destroy: () => ended = true,
  }, 100);
  for (let from = 0; from < bytes.length; from += chunkBytes) {
    listener(bytes.subarray(from, from + chunkBytes));
  }
  return ended;
}

Deno.test("limitAnswers() measures messages however they are cut", () => {
  for (const chunkBytes of [1, 2, 3, 7, 64, 1_000]) {
    assert.equal(isEnded([4, 100, 4, 5, 99, 100, 100], chunkBytes), false, `${chunkBytes}`);
    assert.equal(isEnded([4, 100, 4, 101, 4], chunkBytes), true, `${chunkBytes}`);
  }
});

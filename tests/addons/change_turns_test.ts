/**
 * Turns of changes: one at a time in an organization, few at one time, and no wait without an end.
 *
 * @module
 */

import assert from "node:assert/strict";
import { ChangeTurns } from "../../src/addons/install/change_turns.ts";
import { RunningChanges } from "../../src/addons/install/running_changes.ts";

const NOT_IN_TIME = { code: "db.busy" };

/** Work that goes on until it is told to end. */
function held() {
  const { promise, resolve: end } = Promise.withResolvers<void>();
  const { promise: begun, resolve: begin } = Promise.withResolvers<void>();
  return {
    begun,
    end,
    work: async () => {
      begin();
      await promise;
    },
  };
}

Deno.test("ChangeTurns: who waits too long hears so; the order of the others stays", async () => {
  const turns = new ChangeTurns(8, 20);
  const [first, order] = [held(), [] as string[]];
  const running = turns.within({ organizationId: "a" }, first.work);
  await first.begun;
  await assert.rejects(
    turns.within({ organizationId: "a" }, () => Promise.reject("never")),
    NOT_IN_TIME,
  );
  const next = turns.within({ organizationId: "a" }, () => {
    order.push("next");
    return Promise.resolve();
  });
  first.end();
  await Promise.all([running, next]);
  assert.deepEqual(order, ["next"]);
});

Deno.test("ChangeTurns: who has gone waits no longer, for its organization or for a place", async () => {
  const turns = new ChangeTurns(4);
  const [first, second] = [held(), held()];
  const running = turns.within({ organizationId: "a" }, first.work);
  await first.begun;
  const gone = new AbortController();
  const waiting = ["a", "b"].map((organizationId) =>
    assert.rejects(
      turns.within({ organizationId, signal: gone.signal }, () => Promise.reject("never")),
      NOT_IN_TIME,
    )
  );
  const after = turns.within({ organizationId: "b" }, second.work);
  gone.abort();
  await Promise.all(waiting);
  await assert.rejects(
    turns.within({ organizationId: "c", signal: gone.signal }, () => Promise.reject("never")),
    NOT_IN_TIME,
  );
  // The place is still held by the first: nobody got in beside it.
  let isIn = false;
  void second.begun.then(() => isIn = true);
  await new Promise((resolve) => setTimeout(resolve));
  assert.equal(isIn, false);
  first.end();
  await running;
  await second.begun;
  second.end();
  await after;
  // As many places as at the beginning.
  const [third, fourth] = [held(), held()];
  const both = [
    turns.within({ organizationId: "a" }, third.work),
    turns.within({ organizationId: "b" }, fourth.work),
  ];
  await third.begun;
  third.end();
  await fourth.begun;
  fourth.end();
  await Promise.all(both);
});

Deno.test("ChangeTurns: failures of the work are its own, and free the turn", async () => {
  const turns = new ChangeTurns(1);
  const fail = () => Promise.reject(new RangeError("its own"));
  await assert.rejects(turns.within({ organizationId: "a" }, fail), RangeError);
  assert.equal(await turns.within({ organizationId: "a" }, () => Promise.resolve(7)), 7);
});

Deno.test("RunningChanges: a stop waits for what runs, not for ever, and lets nothing begin", async () => {
  const changes = new RunningChanges();
  const [first, failing] = [held(), held()];
  const running = changes.during(first.work);
  const failed = assert.rejects(
    changes.during(async () => {
      await failing.work();
      throw new RangeError("its own");
    }),
    RangeError,
  );
  await changes.stop(1);
  await assert.rejects(changes.during(() => Promise.reject("never")), { code: "db.closed" });
  let isOver = false;
  const stopping = changes.stop(60_000).then(() => isOver = true);
  failing.end();
  await failed;
  assert.equal(isOver, false);
  first.end();
  await Promise.all([running, stopping]);
});

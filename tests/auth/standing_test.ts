/**
 * Rights end when a user is disabled or demoted, not when the token expires.
 *
 * @module
 */

import assert from "node:assert/strict";
import { StandingCache } from "../../src/auth/standing_cache.ts";
import { newOwner } from "../_support/client.ts";
import { openDatabase } from "../../src/db/open.ts";
import { silentLogger } from "../../src/telemetry/log.ts";
import { engines } from "../_support/engines.ts";
import { startKernel, testPlace } from "../_support/kernel.ts";

Deno.test("StandingCache.of() asks again after five seconds, once for all who wait, and after a failure", async () => {
  let [now, reads] = [0, 0];
  let answer: () => Promise<string | undefined> = () => Promise.resolve("owner");
  const cache = new StandingCache(() => (reads++, answer()), { nowMs: () => now });
  assert.deepEqual(await Promise.all([cache.of("o", "u"), cache.of("o", "u")]), ["owner", "owner"]);
  assert.equal(reads, 1);
  answer = () => Promise.resolve(undefined);
  now = 4_999;
  assert.equal(await cache.of("o", "u"), "owner");
  now = 5_000;
  assert.equal(await cache.of("o", "u"), undefined);
  answer = () => Promise.reject(new Error("down"));
  now = 10_000;
  await assert.rejects(cache.of("o", "u"), /down/);
  answer = () => Promise.resolve("agent");
  assert.equal(await cache.of("o", "u"), "agent");
  assert.equal(await cache.of("other", "u"), "agent");
  assert.equal(reads, 5);
});

for (const engine of engines) {
  Deno.test(`AuthService.verify() refuses the token of a disabled user and sees a changed role [${engine}]`, async () => {
    await using place = await testPlace(engine, "file");
    let nowMs = Date.now();
    const clock = { nowMs: () => nowMs };
    const kernel = await startKernel(place.databaseUrl, { clock });
    const owner = await newOwner(kernel);
    await kernel.stop();
    const change = async (values: { role?: string; status?: string }) => {
      const database = await openDatabase({ url: place.databaseUrl, logger: silentLogger });
      await database.kysely.updateTable("users").set(values)
        .where("id", "=", owner.userId).execute();
      await database.close();
    };
    await change({ role: "viewer" });
    const demoted = await startKernel(place.databaseUrl, { clock });
    const claims = await demoted.services.auth.verify(owner.token);
    assert.equal(claims.role, "viewer");
    await demoted.stop();
    await change({ status: "disabled" });
    nowMs += 5_000;
    const disabled = await startKernel(place.databaseUrl, { clock });
    await assert.rejects(disabled.services.auth.verify(owner.token), {
      code: "auth.token_invalid",
    });
    await disabled.stop();
  });
}

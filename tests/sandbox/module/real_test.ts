/**
 * Real modules, of C and of Go, do the same after rewriting and can be stopped.
 *
 * @module
 */

import assert from "node:assert/strict";
import { inspectModule } from "../../../src/sandbox/module/inspect.ts";
import { loadReal, REAL_MODULES } from "./real_modules.ts";

Deno.test({
  name: "modules of npm packages give the same results, and stop",
  // The compiler's Go runtime keeps timers of its own.
  sanitizeOps: false,
  sanitizeResources: false,
  fn: async (t) => {
    for (const real of REAL_MODULES) {
      await t.step(real.name, async () => {
        const expected = await (await loadReal(real, "original")).work();
        assert.ok(expected.length > 5_000);
        for (const mode of ["epoch", "counter"] as const) {
          const { work, running } = await loadReal(real, mode);
          assert.equal(running.length, 1);
          assert.equal(await work(), expected);
          if (real.name === "esbuild-wasm") continue;
          if (mode === "epoch") running[0]!.stop();
          else running[0]!.exhaust();
          // Packages put traps into their own words.
          const after = await Promise.try(work).catch(String);
          assert.match(after, /unreachable|abort/i);
        }
      });
    }
  },
});

Deno.test("their outlines are within the bounds by default, with room", async () => {
  const found = await Promise.all(
    REAL_MODULES.map(async ({ path }) => inspectModule(await Deno.readFile(path))),
  );
  assert.deepEqual(found.map(({ maxBodyBytes }) => maxBodyBytes < 500_000), [true, true, true]);
  assert.deepEqual(found.map(({ functionCount }) => functionCount < 20_000), [true, true, true]);
  assert.deepEqual(
    found.map(({ tables }) => tables.every(({ min }) => min < 50_000)),
    [true, true, true],
  );
});

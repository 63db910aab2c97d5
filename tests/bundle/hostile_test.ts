/**
 * Bundles that somebody hostile would send, by the hundred: each class is refused with its own code.
 *
 * @module
 */

import assert from "node:assert/strict";
import fc from "fast-check";
import { isKernelError } from "../../src/base/error.ts";
import { openBundle } from "../../src/bundle/bundle.ts";
import { HOSTILE_CLASSES, rawBundle, SOUND_DOCUMENT } from "../_support/hostile.ts";

async function codeOf(archive: Uint8Array): Promise<string> {
  try {
    await openBundle(archive);
  } catch (error) {
    if (isKernelError(error)) return error.code;
    throw error;
  }
  return "taken";
}

Deno.test("the document that hostile ones are made of is sound", async () => {
  assert.equal(await codeOf(rawBundle(JSON.stringify(SOUND_DOCUMENT))), "taken");
});

for (const { what, code, archives } of HOSTILE_CLASSES) {
  Deno.test(`openBundle() refuses ${what} as ${code}`, async () => {
    // Large ones take their time and differ in little.
    const numRuns = /bombs|large/.test(what) ? 3 : 60;
    await fc.assert(
      fc.asyncProperty(archives, async (archive) => {
        assert.equal(await codeOf(archive), code);
      }),
      { numRuns, seed: 42 },
    );
  });
}

Deno.test("openBundle() answers or refuses an archive with any byte changed", async () => {
  const sound = rawBundle(JSON.stringify(SOUND_DOCUMENT), { name: "frontend/x.js", body: "x" });
  await fc.assert(
    fc.asyncProperty(
      fc.nat(sound.length - 1),
      fc.integer({ min: 1, max: 255 }),
      async (at, flip) => {
        const archive = sound.slice();
        archive[at]! ^= flip;
        const code = await codeOf(archive);
        assert.match(code, /^bundle\.|^taken$/);
      },
    ),
    { numRuns: 400, seed: 42 },
  );
});

/**
 * Installing and removing addons with code: what is refused changes nothing and hears every reason,
 * what is dropped leaves nothing behind.
 *
 * @module
 */

import assert from "node:assert/strict";
import { systemCaller } from "../../mod.ts";
import { openDatabase } from "../../src/db/open.ts";
import { silentLogger } from "../../src/telemetry/log.ts";
import { addonBundle, fixtureModule, type TestAddon } from "../_support/addon.ts";
import { type Client, newOwner } from "../_support/client.ts";
import { engines } from "../_support/engines.ts";
import { assembleWat } from "../_support/guests/wat.ts";
import { kernelTest, startKernel, testPlace } from "../_support/kernel.ts";

const ALLOC = `(memory (export "memory") 1)
  (func (export "alloc") (param i32) (result i32) i32.const 1024)`;
const ECHO = `(func (export "echo") (param i32 i32) (result i64) i64.const 0)`;
const FETCH = `(import "metacore_host" "http_fetch"
  (func (param i32 i32 i32 i32 i32 i32) (result i64)))`;

async function install(owner: Client, wat: string, extra: Partial<TestAddon> = {}) {
  const wasm = await assembleWat(`(module ${wat})`);
  return await owner.install(
    await addonBundle({ key: "probe", wasm, exports: ["echo"], ...extra }),
  );
}

kernelTest(
  "A module that is refused: every reason at once, nothing changed",
  async ({ kernel }) => {
    const owner = await newOwner(kernel);
    const caller = systemCaller(owner.organizationId);
    const before = (await kernel.services.events.read(caller, 0, 100)).length;
    const refused: readonly (readonly [string, readonly RegExp[], Partial<TestAddon>?])[] = [
      [`(import "os" "system" (func)) ${ALLOC} ${ECHO}`, [
        /"os\.system" is not part of metacore\/1/,
      ]],
      [ALLOC, [/"echo"/]],
      [`(memory (export "memory") 1) ${ECHO}`, [/"alloc"/]],
      [
        `${ALLOC} (func (export "echo") (param f64) (result i64) i64.const 0)`,
        [/"echo".*\(f64\) -> i64/],
      ],
      [
        `(memory (export "memory") 100) ${ECHO}
       (func (export "alloc") (param i32) (result i32) i32.const 0)`,
        [/memory/i],
        { memoryLimitMiB: 1 },
      ],
      [
        `${FETCH} ${ALLOC} ${ECHO}`,
        [/"metacore_host\.http_fetch" needs the capability "http:fetch"/],
      ],
      [
        `(import "os" "a" (func)) (import "os" "b" (func)) ${FETCH} ${ECHO}
       (memory (export "memory") 1)`,
        [/"os\.a"/, /"os\.b"/, /http:fetch/, /"alloc"/],
      ],
    ];
    for (const [wat, reasons, extra] of refused) {
      const { status, body } = await install(owner, wat, extra);
      assert.equal(status, 400, JSON.stringify(body));
      assert.match(body.code, /^sandbox\./);
      const text = JSON.stringify(body).replaceAll('\\"', '"');
      for (const reason of reasons) assert.match(text, reason);
    }
    const { status, body } = await owner.install(
      await addonBundle({ key: "probe", wasm: Uint8Array.of(0, 97, 115, 109), exports: ["echo"] }),
    );
    assert.deepEqual([status, body.code], [400, "sandbox.invalid_module"], JSON.stringify(body));
    assert.deepEqual((await owner.get("/api/metacore/installations")).body, []);
    const after = (await kernel.services.events.read(caller, 0, 100)).length;
    assert.equal(after, before);
    const good = await install(owner, `${ALLOC} ${ECHO}`);
    assert.equal(good.status, 200, JSON.stringify(good.body));
  },
);

const KEPT = [
  "prepared_modules",
  "bundles",
  "installations",
  "breakers",
  "addon_values",
  "addon_secrets",
  "addon_schedules",
] as const;

async function keptRows(databaseUrl: string): Promise<Record<string, number>> {
  const database = await openDatabase({ url: databaseUrl, logger: silentLogger });
  const counts: Record<string, number> = {};
  for (const table of KEPT) {
    counts[table] = (await database.kysely.selectFrom(table).selectAll().execute()).length;
  }
  await database.close();
  return counts;
}

async function probeBundle(version: string): Promise<Uint8Array> {
  return await addonBundle({
    key: "probe",
    version,
    ...await fixtureModule("probe"),
    exports: ["echo", "fail"],
    capabilities: [
      { kind: "event:emit", target: "probe.*" },
      { kind: "http:fetch", target: "api.example.com" },
    ],
  });
}

for (const engine of engines) {
  Deno.test(`Removing an addon with code keeps all of it, or drops all of it [${engine}]`, async () => {
    await using place = await testPlace(engine, "file");
    const probe = await probeBundle("1.0.0");
    const first = await startKernel(place.databaseUrl);
    const owner = await newOwner(first);
    const caller = systemCaller(owner.organizationId);
    const { addons, code, secrets } = first.services;
    for (let round = 0; round < 2; round++) await addons.install(caller, { archive: probe });
    await secrets.set(caller, "probe", "key", "value");
    await assert.rejects(code.call(caller, "probe", "fail", { input: {} }), {
      code: "sandbox.trap",
    });
    await first.stop();
    const kept = { ...await keptRows(place.databaseUrl) };
    const expected = {
      prepared_modules: 1,
      bundles: 1,
      installations: 1,
      breakers: 1,
      addon_values: 0,
      addon_secrets: 1,
      addon_schedules: 0,
    };
    assert.deepEqual(kept, expected);
    const second = await startKernel(place.databaseUrl);
    await second.services.addons.uninstall(caller, "probe", "keep");
    await assert.rejects(second.services.code.call(caller, "probe", "echo", { input: {} }), {
      code: "addon.not_installed",
    });
    await assert.rejects(second.services.secrets.names(caller, "probe"), {
      code: "addon.not_installed",
    });
    await second.services.addons.install(caller, { archive: probe });
    assert.deepEqual(await second.services.secrets.names(caller, "probe"), ["key"]);
    await second.services.code.call(caller, "probe", "echo", { input: { a: 1 } });
    // Another version over kept data: the module of the old one goes with its bundle.
    await second.services.addons.uninstall(caller, "probe", "keep");
    await second.services.addons.install(caller, { archive: await probeBundle("1.0.1") });
    await second.services.code.call(caller, "probe", "echo", { input: { a: 1 } });
    await second.stop();
    assert.deepEqual(await keptRows(place.databaseUrl), expected);
    const third = await startKernel(place.databaseUrl);
    await third.services.addons.uninstall(caller, "probe", "drop");
    await third.stop();
    assert.deepEqual(Object.values(await keptRows(place.databaseUrl)), KEPT.map(() => 0));
  });
}

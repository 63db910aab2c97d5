/**
 * Events reach addons: a function in a sandbox, code of the host, after a write and after a restart.
 *
 * @module
 */

import assert from "node:assert/strict";
import { type CompiledAddon, systemCaller } from "../../mod.ts";
import type { CompiledEvent } from "../../src/addons/compiled/compiled_addon.ts";
import { packBundle } from "../../src/bundle/mod.ts";
import { addonBundle, fixtureModule } from "../_support/addon.ts";
import { newOwner } from "../_support/client.ts";
import { engines } from "../_support/engines.ts";
import { kernelTest, startKernel, testPlace } from "../_support/kernel.ts";

/** What the host's handler is to do with each event, and what it has heard. */
function listener(heard: string[], hear: (title: string) => void): CompiledAddon {
  return {
    manifest: {
      apiVersion: "asteby.com/v3",
      kind: "Addon",
      metadata: { key: "listener", name: "Listener", version: "1.0.0" },
      capabilities: [{ kind: "event:subscribe", target: "probe.*" }],
      contributions: {
        subscriptions: [{
          event: "probe.probe_notes.*",
          handler: { type: "compiled" },
          filter: { "after.done": true },
        }],
      },
    },
    events: {
      "probe.probe_notes.*": (event) => {
        // Border: events of records carry the row.
        const { after } = event.payload as { readonly after: { readonly title: string } };
        heard.push(`${event.name} ${after.title}`);
        hear(after.title);
        return Promise.resolve();
      },
    },
  };
}

async function probe(): Promise<Uint8Array> {
  return await addonBundle({
    key: "probe",
    ...await fixtureModule("probe"),
    exports: ["echo"],
    capabilities: [
      { kind: "event:emit", target: "probe.*" },
      { kind: "http:fetch", target: "api.example.com" },
    ],
  });
}

const heard: string[] = [];
let wanted = Promise.withResolvers<void>();

kernelTest(
  "An addon of the host hears of what is written, without being asked",
  async ({ kernel }) => {
    heard.length = 0;
    wanted = Promise.withResolvers<void>();
    const owner = await newOwner(kernel);
    const caller = systemCaller(owner.organizationId);
    await owner.install(await probe());
    await owner.create("probe_notes", { title: "before", done: true });
    await kernel.services.addons.installRegistered(caller, "listener");
    await owner.create("probe_notes", { title: "passed over", done: false });
    await owner.create("probe_notes", { title: "last", done: true });
    await wanted.promise;
    assert.deepEqual(heard, ["probe.probe_notes.created last"]);
  },
  { addons: [listener(heard, (title) => title === "last" && wanted.resolve())] },
);

let again: (event: CompiledEvent) => Promise<void> = () => Promise.resolve();
const copier: CompiledAddon = {
  ...listener([], () => {}),
  events: { "probe.probe_notes.*": (event) => again(event) },
};

kernelTest("Code that answers each record with another one comes to an end", async ({ kernel }) => {
  const owner = await newOwner(kernel);
  const caller = systemCaller(owner.organizationId);
  const { addons, audit, records } = kernel.services;
  await owner.install(await probe());
  await addons.installRegistered(caller, "listener");
  again = async (event) => {
    await records.create(event.caller, "probe_notes", { title: event.name, done: true });
  };
  await owner.create("probe_notes", { title: "first", done: true });
  const cuts = async () =>
    (await audit.list(caller)).filter(({ name }) => name === "subscription.chain_cut");
  while ((await cuts()).length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
  const page = await records.list(caller, "probe_notes", new URLSearchParams());
  assert.equal(page.rows.value().length, 1 + 9);
  again = () => Promise.resolve();
}, { addons: [copier] });

kernelTest("A function in the sandbox is called after a write", async ({ kernel }) => {
  const owner = await newOwner(kernel);
  const { wasm } = await fixtureModule("probe");
  const manifest = {
    key: "notes",
    name: "Notes",
    version: "1.0.0",
    capabilities: [
      { kind: "event:emit", target: "notes.*" },
      { kind: "http:fetch", target: "api.example.com" },
    ],
    backend: { runtime: "wasm", entry: "backend/backend.wasm", exports: ["fail"] },
    model_definitions: [{
      table_name: "notes",
      model_key: "note",
      label: "Notes",
      columns: [{ name: "title", type: "string" }],
    }],
    lifecycle_hooks: {
      note: [{ event: "after_create", target: { type: "wasm", function: "fail" } }],
    },
  };
  const files = new Map([
    ["manifest.json", new TextEncoder().encode(JSON.stringify(manifest))],
    ["backend/backend.wasm", wasm],
  ]);
  const installed = await owner.install(await packBundle(files));
  assert.equal(installed.status, 200, JSON.stringify(installed.body));
  await owner.create("note", { title: "A" });
  const caller = systemCaller(owner.organizationId);
  // The function traps, which is kept: that is how it is seen to have been called.
  let traps = await kernel.services.code.traps(caller, "notes");
  while (traps.length === 0) {
    await new Promise((resolve) => setTimeout(resolve, 5));
    traps = await kernel.services.code.traps(caller, "notes");
  }
  assert.match(JSON.stringify(traps[0]), /"fail"/);
});

for (const engine of engines) {
  Deno.test(`What could not be delivered before a stop is delivered after it [${engine}]`, async () => {
    await using place = await testPlace(engine, "file");
    const told: string[] = [];
    const failing = listener([], () => {
      throw new Error("not now");
    });
    const first = await startKernel(place.databaseUrl, { addons: [failing] });
    const owner = await newOwner(first);
    const caller = systemCaller(owner.organizationId);
    await owner.install(await probe());
    await first.services.addons.installRegistered(caller, "listener");
    await owner.create("probe_notes", { title: "kept", done: true });
    await first.stop();
    const came = Promise.withResolvers<void>();
    const second = await startKernel(place.databaseUrl, {
      addons: [listener(told, () => came.resolve())],
      // What failed is tried again after a second or two.
      clock: { nowMs: () => Date.now() + 10_000 },
    });
    await second.services.records.create(caller, "probe_notes", { title: "new", done: true });
    await came.promise;
    while (told.length < 2) await new Promise((resolve) => setTimeout(resolve, 5));
    assert.deepEqual(told, ["probe.probe_notes.created kept", "probe.probe_notes.created new"]);
    await second.stop();
  });
}

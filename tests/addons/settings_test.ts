import assert from "node:assert/strict";
import { packBundle } from "../../src/bundle/mod.ts";
import { SECRET_PLACEHOLDER } from "../../src/addons/settings/changes.ts";
import { carriedSettings, initialSettings } from "../../src/addons/settings/initial.ts";
import { SettingTexts } from "../../src/addons/settings/texts.ts";
import { type Caller, systemCaller } from "../../src/base/caller.ts";
import type { KernelError } from "../../src/base/error.ts";
import type { Json, JsonObject } from "../../src/base/json.ts";
import { openSecret } from "../../src/base/secret.ts";
import type { SettingDefinition } from "../../src/bundle/manifest/manifest.ts";
import type { Database } from "../../src/db/database.ts";
import type { Kernel } from "../../mod.ts";
import { addonBundle, fixtureModule } from "../_support/addon.ts";
import { Client, newOwner } from "../_support/client.ts";
import { engines, engineTest } from "../_support/engines.ts";
import { kernelTest, startKernel, TEST_KEYS, testPlace } from "../_support/kernel.ts";
import {
  MASTER_KEY,
  NOW_MS,
  ORG,
  OTHER_ORG,
  processOn,
  putInstallation,
} from "./installation_rows.ts";

const CALLER = systemCaller(ORG, "request-1");
const PLACE = { organizationId: ORG, addonKey: "tickets" };

function coded(code: string, text = "") {
  return (thrown: KernelError) => {
    assert.equal(thrown.code, code, thrown.message);
    assert.ok(thrown.message.includes(text), thrown.message);
    return true;
  };
}

function setting(key: string, type: string, more: Partial<SettingDefinition> = {}) {
  return { key, label: key, type, ...more };
}

function options(...values: readonly Json[]) {
  return values.map((value) => ({ value, label: String(value) }));
}

const SETTINGS = [
  setting("text", "string", { default_value: "hello" }),
  setting("other", "a word of the author"),
  setting("number", "number"),
  setting("integer", "integer", { default_value: 3 }),
  setting("boolean", "boolean"),
  setting("select", "select", { options: options("a", 2, true) }),
  setting("open", "select"),
  setting("several", "multi_select", { options: options("a", "b", 3) }),
  setting("email", "email"),
  setting("url", "url"),
  setting("date", "date"),
  setting("json", "json"),
  setting("needed", "string", { required: true }),
  setting("token", "string", { secret: true }),
  setting("password", "password"),
  setting("hook", "secret"),
] as const;

const MANIFEST = { key: "tickets", settings: SETTINGS };

/** A manifest's document as JSON. */
const DOCUMENT: JsonObject = {
  // Border: definitions are JSON already.
  settings: JSON.parse(JSON.stringify(SETTINGS)),
};

async function valuesOf(given: JsonObject): Promise<Readonly<Record<string, Json>>> {
  return (await initialSettings(MANIFEST, given, PLACE, MASTER_KEY)).values;
}

Deno.test("settings: each type takes what it holds, and what forms send for it", async () => {
  const cases: readonly (readonly [string, Json, Json])[] = [
    ["text", " a\nb ", " a\nb "],
    ["text", "", ""],
    ["other", "x".repeat(65_536), "x".repeat(65_536)],
    ["text", 5, 5],
    ["other", -0, 0],
    ["other", true, true],
    ["open", 5, 5],
    ["number", 1.5, 1.5],
    ["number", " -2.5e3 ", -2500],
    ["number", -0, 0],
    ["integer", 7, 7],
    ["integer", "9007199254740991", 9_007_199_254_740_991],
    ["boolean", false, false],
    ["boolean", "true", true],
    ["select", "a", "a"],
    ["select", "2", 2],
    ["select", "true", true],
    ["open", "anything", "anything"],
    ["several", ["a", "3", "a"], ["a", 3]],
    ["several", [], []],
    ["email", " ana@example.com ", "ana@example.com"],
    ["url", "https://example.com/a?b=c", "https://example.com/a?b=c"],
    ["date", "2028-02-29", "2028-02-29"],
    ["json", { a: [1, null] }, { a: [1, null] }],
    ["json", "text", "text"],
  ];
  for (const [key, given, kept] of cases) {
    const values = await valuesOf({ [key]: given });
    assert.deepEqual(values[key], kept, `${key} ${JSON.stringify(given).slice(0, 60)}`);
    assert.ok(!Object.is(values[key], -0));
  }
  assert.deepEqual(await valuesOf({}), { text: "hello", integer: 3 }, "defaults");
  assert.deepEqual(await valuesOf({ text: null, integer: "" }), { text: "hello", integer: 3 });
});

Deno.test("settings: every fault is told by its key, at once", async () => {
  const cases: readonly (readonly [string, Json, string])[] = [
    ["text", ["a"], "invalid_type"],
    ["text", { a: 1 }, "invalid_type"],
    ["text", "a\0b", "invalid_type"],
    ["text", "\ud800", "invalid_type"],
    ["text", "x".repeat(65_537), "max"],
    ["text", "ñ".repeat(32_769), "max"],
    ["number", "1,5", "numeric"],
    ["number", "Infinity", "numeric"],
    ["number", "0x10", "numeric"],
    ["number", true, "numeric"],
    ["integer", 1.5, "integer"],
    ["integer", 9_007_199_254_740_992, "integer"],
    ["boolean", "perhaps", "invalid_type"],
    ["select", "b", "invalid_option"],
    ["select", ["a"], "invalid_option"],
    ["several", "a", "invalid_type"],
    ["several", ["a", "c"], "invalid_option"],
    ["email", "ana", "email"],
    ["email", "a@b@c", "email"],
    ["email", "a b@c", "email"],
    ["url", "javascript:alert(1)", "url"],
    ["url", "/relative", "url"],
    ["date", "2026-02-30", "invalid_type"],
    ["json", ["x".repeat(65_536)], "max"],
    ["needed", "", "required"],
    ["needed", null, "required"],
    ["token", 5, "invalid_type"],
    ["tokken", "x", "unknown"],
    ["__proto__", "x", "unknown"],
    ["constructor", "x", "unknown"],
  ];
  for (const [key, given, code] of cases) {
    const body: JsonObject = Object.fromEntries([[key, given]]);
    await assert.rejects(valuesOf(body), (thrown: KernelError) => {
      assert.equal(thrown.code, "addon.invalid_settings");
      const fields = Object.entries(thrown.fields ?? {}).map(([name, [one]]) => [name, one?.code]);
      assert.deepEqual(fields, [[key, code]], thrown.message);
      return true;
    });
  }
  await assert.rejects(
    valuesOf({ number: "x", tokken: "x", email: "y", text: "fine" }),
    (thrown: KernelError) => {
      assert.deepEqual(Object.keys(thrown.fields ?? {}), ["number", "tokken", "email"]);
      assert.ok(thrown.message.includes('did you mean "token"?'), thrown.message);
      return true;
    },
  );
});

Deno.test("settings: what is missing and what does not fit its own type is told, not refused", async () => {
  const manifest = {
    key: "tickets",
    settings: [
      setting("count", "integer", { default_value: "many" }),
      setting("key", "secret", { default_value: "in clear", required: true }),
      setting("name", "string", { required: true, default_value: "x" }),
    ],
  };
  const kept = await initialSettings(manifest, undefined, PLACE, MASTER_KEY);
  assert.deepEqual(kept, {
    values: { name: "x" },
    sealed: {},
    warnings: [
      'the default of the setting "count" does not fit its type "integer"',
      'the setting "key" is required and has no value yet',
    ],
  });
});

/** A process that sees every change, also of others. */
async function textsOf(database: Database, organizationId = ORG) {
  const installation = await processOn(database).catalog.enabled(organizationId, "tickets");
  return await new SettingTexts(MASTER_KEY).of(installation);
}

engineTest("settings: secret ones are sealed one by one and never given out", async (t) => {
  const { id } = await putInstallation(t.database, {
    manifest: DOCUMENT,
    given: { token: "s3cret-one", json: { a: 1 } },
  });
  const { settings, records } = processOn(t.database);
  const shown: unknown[] = [];
  shown.push(await settings.update(CALLER, "tickets", { hook: "s3cret-two", number: 5 }));
  assert.deepEqual(shown[0], { text: "hello", integer: 3, json: { a: 1 }, number: 5 });
  const views = await settings.list(CALLER, "tickets");
  shown.push(views, records);
  const secret = views.filter((view) => view.secret);
  assert.deepEqual(secret.map(({ key, is_set, value }) => [key, is_set, value]), [
    ["token", true, undefined],
    ["password", false, undefined],
    ["hook", true, undefined],
  ]);
  assert.deepEqual(views.find(({ key }) => key === "select")?.options, options("a", 2, true));
  const row = await t.database.kysely.selectFrom("installations").selectAll()
    .where("id", "=", id).executeTakeFirstOrThrow();
  const events = await t.database.kysely.selectFrom("events").selectAll().execute();
  shown.push(row, events);
  assert.doesNotMatch(JSON.stringify(shown), /s3cret/);
  // Only what env_get answers has them; null alone takes one away.
  await settings.update(CALLER, "tickets", { password: "s3cret-three" });
  await settings.update(CALLER, "tickets", { token: SECRET_PLACEHOLDER, password: "", hook: null });
  const texts = await textsOf(t.database);
  assert.deepEqual(Object.fromEntries(texts), {
    text: "hello",
    integer: "3",
    json: '{"a":1}',
    number: "5",
    token: "s3cret-one",
    password: "s3cret-three",
  });
});

engineTest("settings: what was kept in clear once is not left there", async (t) => {
  const { id } = await putInstallation(t.database, { manifest: DOCUMENT });
  const tables = t.database.kysely;
  const clear = JSON.stringify({ token: "in clear", text: "x" });
  await tables.updateTable("installations").set({ settings: clear }).where("id", "=", id).execute();
  const { settings } = processOn(t.database);
  assert.deepEqual(await settings.values(CALLER, "tickets"), { text: "x" });
  assert.equal((await textsOf(t.database)).get("token"), undefined);
  await settings.update(CALLER, "tickets", { token: "sealed" });
  const kept = await tables.selectFrom("installations").select("settings")
    .where("id", "=", id).executeTakeFirstOrThrow();
  assert.equal(kept.settings, '{"text":"x"}');
});

engineTest("settings: a sealed value moved elsewhere does not open", async (t) => {
  const manifest = DOCUMENT;
  const given = { token: "mine", hook: "other" };
  const { id } = await putInstallation(t.database, { manifest, given });
  const other = await putInstallation(t.database, { manifest, given, organizationId: OTHER_ORG });
  const sealedOf = async (of: string) => {
    const row = await t.database.kysely.selectFrom("installations").select("sealed_settings")
      .where("id", "=", of).executeTakeFirstOrThrow();
    return JSON.parse(row.sealed_settings) as Record<string, string>;
  };
  const put = (sealed: Record<string, string>) =>
    t.database.kysely.updateTable("installations")
      .set({ sealed_settings: JSON.stringify(sealed) }).where("id", "=", id).execute();
  const { token = "", hook = "" } = await sealedOf(id);
  assert.match(await openSecret(MASTER_KEY, token), /"mine"$/, "the seal itself is whole");
  const moved: readonly (readonly [string, Record<string, string>])[] = [
    ["another setting", { token: hook }],
    ["another organization", { token: (await sealedOf(other.id))["token"] ?? "" }],
    ["damaged", { token: `${token.startsWith("A") ? "B" : "A"}${token.slice(1)}` }],
  ];
  for (const [what, sealed] of moved) {
    await put(sealed);
    await assert.rejects(textsOf(t.database), coded("kernel.secret_unreadable"), what);
  }
  const foreign = new SettingTexts(new Uint8Array(32).fill(8));
  await put({ token });
  const installation = await processOn(t.database).catalog.enabled(ORG, "tickets");
  await assert.rejects(foreign.of(installation), coded("kernel.secret_unreadable"));
});

engineTest("settings: a change is one, with its event, record, revision and catalog", async (t) => {
  const { id } = await putInstallation(t.database, { manifest: DOCUMENT });
  const user: Caller = {
    kind: "user",
    userId: "0193a000-0000-7000-8000-0000000000e1",
    role: "owner",
    organizationId: ORG,
    requestId: "request-2",
  };
  const first = processOn(t.database);
  const second = processOn(t.database);
  assert.equal((await second.settings.values(CALLER, "tickets"))["number"], undefined);
  await first.settings.update(user, "tickets", { number: 1, token: "x" });
  assert.equal((await second.settings.values(CALLER, "tickets"))["number"], 1, "replicas see it");
  const rows = () =>
    t.database.kysely.selectFrom("installations").select(["revision", "settings"])
      .where("id", "=", id).execute();
  assert.equal(Number((await rows())[0]?.revision), 2);
  const events = await t.database.kysely.selectFrom("events")
    .select(["name", "payload", "actor_id", "request_id"]).execute();
  assert.deepEqual(events, [{
    name: "kernel.addon.configured",
    payload: '{"addon_key":"tickets","version":"1.0.0"}',
    actor_id: user.userId,
    request_id: "request-2",
  }]);
  assert.deepEqual(first.records.map(({ name, actorId, details }) => [name, actorId, details]), [
    ["settings.changed", user.userId, { keys: "number, token" }],
  ]);
  const before = await rows();
  await assert.rejects(
    first.settings.update(user, "tickets", { number: 2, email: "none" }),
    coded("addon.invalid_settings"),
  );
  await first.settings.update(user, "tickets", { token: SECRET_PLACEHOLDER });
  assert.deepEqual(await rows(), before, "a fault, or nothing to change, changes nothing");
  // Two who change at one time both get through, and neither takes the other's value away.
  await Promise.all([
    first.settings.update(user, "tickets", { text: "one" }),
    second.settings.update(user, "tickets", { other: "two" }),
  ]);
  const values = await processOn(t.database).settings.values(CALLER, "tickets");
  assert.deepEqual([values["text"], values["other"], values["number"]], ["one", "two", 1]);
  assert.equal(Number((await rows())[0]?.revision), 4);
});

engineTest("settings: only who may looks at them and changes them", async (t) => {
  await putInstallation(t.database, { manifest: DOCUMENT });
  await putInstallation(t.database, { key: "orders", status: "disabled" });
  const { settings } = processOn(t.database);
  const agent: Caller = {
    kind: "user",
    userId: "0193a000-0000-7000-8000-0000000000e2",
    role: "agent",
    organizationId: ORG,
    requestId: "r",
  };
  await assert.rejects(settings.list(agent, "tickets"), coded("access.denied", "addons.inspect"));
  const operate = coded("access.denied", "addons.operate");
  await assert.rejects(settings.update(agent, "tickets", { text: "x" }), operate);
  await assert.rejects(settings.rotateSecret(agent, "tickets"), operate);
  assert.deepEqual(await settings.values(agent, "tickets"), { text: "hello", integer: 3 });
  const elsewhere = systemCaller(OTHER_ORG);
  await assert.rejects(settings.values(elsewhere, "tickets"), coded("addon.not_installed"));
  await assert.rejects(settings.rotateSecret(CALLER, "nobody"), coded("addon.not_installed"));
  assert.deepEqual(await settings.list(CALLER, "orders"), [], "an addon that is off has them too");
});

engineTest(
  "settings: a new secret holds alone, or beside the one before for a while",
  async (t) => {
    const { id } = await putInstallation(t.database);
    const { settings, records } = processOn(t.database);
    const row = () =>
      t.database.kysely.selectFrom("installations").selectAll().where("id", "=", id)
        .executeTakeFirstOrThrow();
    const before = await row();
    for (const overlap of [-1, 1.5, 604_801, NaN]) {
      await assert.rejects(
        settings.rotateSecret(CALLER, "tickets", overlap),
        coded("addon.invalid_overlap"),
      );
    }
    const held = await settings.rotateSecret(CALLER, "tickets", 604_800);
    assert.equal(held.previous_valid_until, new Date(NOW_MS + 604_800_000).toISOString());
    const during = await row();
    assert.equal(during.previous_secret_enc, before.secret_enc);
    assert.equal(await openSecret(MASTER_KEY, during.secret_enc ?? ""), held.install_secret);
    const alone = await settings.rotateSecret(CALLER, "tickets");
    assert.deepEqual(Object.keys(alone), ["install_secret"]);
    const after = await row();
    assert.deepEqual([after.previous_secret_enc, after.previous_secret_until], [null, null]);
    assert.equal(Number(after.revision), 3);
    const events = await t.database.kysely.selectFrom("events").select(["name", "payload"])
      .execute();
    assert.deepEqual(events.map(({ name }) => name), Array(2).fill("kernel.addon.secret_rotated"));
    assert.doesNotMatch(JSON.stringify([events, records, after]), new RegExp(alone.install_secret));
  },
);

const row = (kept: { readonly values: unknown; readonly sealed: unknown }) => ({
  settings: JSON.stringify(kept.values),
  sealed_settings: JSON.stringify(kept.sealed),
});

const LEFT = {
  key: "tickets",
  settings: [
    setting("same", "string"),
    setting("typed", "string", { default_value: "x" }),
    setting("gone", "string"),
    setting("hidden_gone", "secret"),
    setting("hidden", "secret"),
    setting("opened", "secret"),
    setting("closed", "string"),
    setting("address", "secret"),
  ],
};
const NEXT = {
  key: "tickets",
  settings: [
    setting("same", "string", { default_value: "new default" }),
    setting("typed", "integer", { default_value: 3 }),
    setting("fresh", "boolean", { default_value: true }),
    setting("hidden", "password"),
    setting("opened", "string", { default_value: "shown" }),
    setting("closed", "secret"),
    setting("address", "url", { secret: true, required: true }),
  ],
};
Deno.test("settings: another version takes over what fits, and never shows what was secret", async () => {
  const given = {
    same: "kept",
    typed: "many",
    gone: "for going back",
    hidden_gone: "h1",
    hidden: "h2",
    opened: "h3",
    closed: "c1",
    address: "no address",
  };
  const before = await initialSettings(LEFT, given, PLACE, MASTER_KEY);
  const after = await carriedSettings(
    NEXT,
    { row: row(before), manifest: LEFT },
    PLACE,
    MASTER_KEY,
  );
  assert.deepEqual(after.values, {
    same: "kept",
    typed: 3,
    gone: "for going back",
    fresh: true,
    opened: "shown",
  });
  assert.deepEqual(Object.keys(after.sealed).sort(), ["closed", "hidden", "hidden_gone", "opened"]);
  assert.equal(after.sealed["hidden"], before.sealed["hidden"]);
  assert.deepEqual(after.warnings.map((warning) => /"(\w+)"/.exec(warning)?.[1]), [
    "typed",
    "opened",
    "address",
    "address",
  ]);
  const strict = { key: "tickets", settings: [setting("typed", "number")] };
  const { values } = await carriedSettings(
    strict,
    { row: row(before), manifest: strict },
    PLACE,
    MASTER_KEY,
  );
  assert.deepEqual(values, {}, "no default in its place");
  assert.match(after.warnings.at(-1)!, /"address" is required and has no value/);
  assert.doesNotMatch(after.warnings.join(), /many|h3|no address/);
  // And back: what was sealed is there again, what was closed stays closed.
  const back = await carriedSettings(LEFT, { row: row(after), manifest: NEXT }, PLACE, MASTER_KEY);
  assert.equal(back.values["gone"], "for going back");
  assert.equal(back.values["opened"], undefined);
  assert.equal(back.values["closed"], undefined);
  assert.equal(back.sealed["opened"], before.sealed["opened"]);
  const only = { key: "tickets", settings: [setting("same", "string")] };
  const dropped = await carriedSettings(
    only,
    { row: row(back), manifest: only },
    PLACE,
    MASTER_KEY,
  );
  assert.deepEqual([dropped.values, dropped.sealed], [{ same: "kept" }, {}]);
});

/** What the probe's code gets for settings. */
async function envOf(owner: Client, note: string, ...keys: readonly string[]) {
  const calls = keys.map((key) => ({ call: "env_get", args: [key] }));
  const path = `/api/dynamic/probe_notes/${note}/action/calls`;
  return await owner.send("POST", path, { calls, then: "done" });
}

for (const engine of engines) {
  Deno.test(`settings: an addon's code reads secret ones, and fails aloud where it cannot [${engine}]`, async () => {
    await using place = await testPlace(engine, "file");
    const first = await startKernel(place.databaseUrl);
    const owner = await newOwner(first);
    const installed = await owner.install(
      await addonBundle({
        key: "probe",
        ...await fixtureModule("probe"),
        exports: ["calls"],
        capabilities: [
          { kind: "event:emit", target: "probe.*" },
          { kind: "http:fetch", target: "api.example.com" },
        ],
        settings: { greeting: "hello" },
        secrets: ["token"],
      }),
    );
    assert.equal(installed.status, 200, JSON.stringify(installed.body));
    const note = String((await owner.create("probe_notes", { title: "first" })).id);
    assert.deepEqual((await envOf(owner, note, "greeting", "token")).body.data, ["hello", null]);
    const path = "/api/metacore/installations/probe/settings";
    const changed = await owner.send("POST", path, { greeting: "hi", token: "s3cret" });
    assert.equal(changed.status, 200, JSON.stringify(changed.body));
    const shown = [
      changed.body,
      (await owner.get(path)).body,
      (await owner.get(
        "/api/metacore/installations",
      )).body,
    ];
    assert.doesNotMatch(JSON.stringify(shown), /s3cret/);
    const read = await envOf(owner, note, "greeting", "token", "nothing");
    assert.deepEqual(read.body.data, ["hi", "s3cret", null]);
    await first.stop();
    const at = (kernel: Kernel) =>
      new Client(kernel, owner.token, owner.userId, owner.organizationId);
    const other = await startKernel(place.databaseUrl, { masterKey: "08".repeat(32) });
    const unread = await envOf(at(other), note, "greeting");
    assert.equal(unread.status, 500, JSON.stringify(unread.body));
    assert.equal(unread.body.code, "kernel.secret_unreadable");
    await other.stop();
    const again = await startKernel(place.databaseUrl, TEST_KEYS);
    assert.deepEqual((await envOf(at(again), note, "token")).body.data, ["s3cret"]);
    await again.stop();
  });
}

kernelTest("settings: the default of a secret one is shown to nobody", async ({ kernel }) => {
  const owner = await newOwner(kernel);
  const setting = { key: "api_key", label: "Key", type: "secret", default_value: "hidden-default" };
  const plain = { key: "greeting", label: "Greeting", type: "string", default_value: "shown" };
  const manifest = { key: "shop", name: "Shop", version: "1.0.0", settings: [setting, plain] };
  const text = JSON.stringify(manifest);
  const installed = await owner.install(await packBundle(new Map([["manifest.json", text]])));
  assert.equal(installed.status, 200, JSON.stringify(installed.body));
  const manifests = (await owner.get("/api/metacore/manifests")).body;
  for (const body of [installed.body, manifests]) {
    assert.doesNotMatch(JSON.stringify(body), /hidden-default/);
  }
  assert.deepEqual(manifests[0].settings, [
    { key: "api_key", label: "Key", type: "secret" },
    plain,
  ]);
});

import assert from "node:assert/strict";
import { AddonTexts, fileTexts } from "../../src/addons/translations/addon_texts.ts";
import { createAddonTranslations } from "../../src/addons/translations/service.ts";
import { systemCaller } from "../../src/base/caller.ts";
import type { Json, JsonObject } from "../../src/base/json.ts";
import { createMetadataService } from "../../src/models/metadata.ts";
import { modalMetadata } from "../../src/models/modal_metadata.ts";
import { createSnapshot } from "../../src/models/snapshot.ts";
import { tableMetadata } from "../../src/models/table_metadata.ts";
import { translateModal, translateTable } from "../../src/models/translate_metadata.ts";
import { engineTest, type TestDatabase } from "../_support/engines.ts";
import { definitionWith, manifestModel } from "../models/samples.ts";
import { failure } from "../records/world.ts";
import { InstalledWorld, ORG, OTHER_ORG } from "./installed_world.ts";

function textsOf(
  byLocale: Readonly<Record<string, Readonly<Record<string, string>>>>,
  fallback?: string,
) {
  const sources = Object.entries(byLocale).map(([locale, texts]) => ({
    locale,
    texts: new Map(Object.entries(texts)),
  }));
  return new AddonTexts(sources, fallback);
}

Deno.test("resolve() falls back for each key: locale, language, default, English, any", () => {
  const texts = textsOf({
    "es-MX": { a: "a es-MX" },
    "es": { a: "a es", b: "b es" },
    "fr": { a: "a fr", b: "b fr", c: "c fr" },
    "en": { a: "a en", b: "b en", c: "c en", d: "d en" },
    "de": { a: "a de", b: "b de", c: "c de", d: "d de", e: "e de" },
  }, "fr-CA");
  const all = (locale: string) => [...texts.resolve(locale)].sort().map(([, text]) => text);
  assert.deepEqual(all("es-MX"), ["a es-MX", "b es", "c fr", "d en", "e de"]);
  assert.deepEqual(all("ES_mx"), all("es-MX"));
  assert.deepEqual(all("es-AR"), ["a es", "b es", "c fr", "d en", "e de"]);
  assert.deepEqual(all("pt"), ["a fr", "b fr", "c fr", "d en", "e de"]);
  assert.deepEqual(all("x".repeat(1_000)), all("pt"));
  assert.deepEqual(all(""), all("pt"));
  assert.equal(
    texts.resolve("es-AR"),
    texts.resolve("es-CL"),
    "kept once for what comes down to one",
  );
  assert.equal(texts.nearest("es-MX-x-y"), "es-mx");
});

Deno.test("fileTexts() reads nested texts under dotted keys and nothing else", () => {
  const read = (text: string) => Object.fromEntries(fileTexts(new TextEncoder().encode(text)));
  const text = '\ufeff{"a":"A","b":{"c":"C","n":1},"l":["x"],"__proto__":{"p":"P"}}';
  assert.deepEqual(read(text), { "a": "A", "b.c": "C", "__proto__.p": "P" });
  assert.throws(() => read("[]"), TypeError);
  assert.throws(() => read("{"), SyntaxError);
  assert.throws(() => fileTexts(new Uint8Array([0xff])), TypeError);
  assert.equal(({} as JsonObject)["p"], undefined);
});

const MODEL = definitionWith([{ name: "status", type: "string" }, {
  name: "title",
  type: "string",
}], {
  label: "k.model",
  table: {
    title: "k.title",
    searchPlaceholder: "k.search",
    columns: [{
      key: "status",
      label: "k.status",
      tooltip: "k.tip",
      description: "k.description",
      options: [{ value: "k.open", label: "k.open" }],
    }],
    filters: [{
      key: "status",
      label: "k.status",
      type: "select",
      options: [{ value: "o", label: "k.open" }],
    }],
  },
  modal: {
    createTitle: "k.create",
    fields: [{ key: "title", label: "k.title", placeholder: "k.search", defaultValue: "k.title" }],
    messages: { created: "k.created" },
  },
});
const ACTIONS = {
  tickets: [{
    key: "close",
    name: "close",
    label: "k.close",
    confirmMessage: "k.sure",
    fields: [{
      name: "why",
      label: "k.why",
      type: "text",
      options: [{ value: "k.x", label: "k.x" }],
    }],
    trigger: { type: "noop" },
  }],
};

Deno.test("metadata is translated where people read it, and only there", () => {
  const model = manifestModel(MODEL, { actions: ACTIONS });
  const snapshot = createSnapshot("1", [model]);
  const translate = (addonKey: string, text: string) =>
    addonKey === "desk" && text.startsWith("k.") ? text.slice(2).toUpperCase() : text;
  const table = translateTable(tableMetadata(model, snapshot), model, translate);
  assert.equal(table["title"], "TITLE");
  assert.equal(table["searchPlaceholder"], "SEARCH");
  const [column] = table["columns"] as JsonObject[];
  assert.deepEqual([column!["label"], column!["tooltip"], column!["description"]], [
    "STATUS",
    "TIP",
    "DESCRIPTION",
  ]);
  const optionOf = (list: Json | undefined) => (list as JsonObject[])[0]!;
  const option = optionOf(column!["options"]);
  assert.deepEqual([option["label"], option["value"]], ["OPEN", "k.open"]);
  const filter = optionOf(table["filters"]);
  assert.deepEqual([filter["label"], optionOf(filter["options"])["label"]], ["STATUS", "OPEN"]);
  const action = optionOf(table["actions"]);
  assert.deepEqual([action["label"], action["confirmMessage"]], ["CLOSE", "SURE"]);
  const asked = optionOf(action["fields"]);
  assert.deepEqual([asked["label"], optionOf(asked["options"])["value"]], ["WHY", "k.x"]);
  const modal = translateModal(modalMetadata(model, snapshot), model, translate);
  assert.equal(modal["createTitle"], "CREATE");
  const field = optionOf(modal["fields"]);
  assert.deepEqual([field["label"], field["placeholder"], field["defaultValue"]], [
    "TITLE",
    "SEARCH",
    "k.title",
  ]);
  assert.deepEqual(modal["messages"], { created: "CREATED" });
});

async function translationsOf({ database }: TestDatabase) {
  const world = await new InstalledWorld(database).start();
  const { catalog, clock, logger } = world;
  const translations = createAddonTranslations({ tables: database.kysely, catalog, clock, logger });
  return { world, translations };
}

function desk(version: string, i18n: JsonObject): JsonObject {
  return { key: "desk", version, model_definitions: [MODEL], actions: ACTIONS, i18n };
}

engineTest("a caller's metadata is in their language, kept apart from others'", async (t) => {
  const { world, translations } = await translationsOf(t);
  await world.put(desk("1.0.0", {
    es: { "k.title": "Tareas" },
    en: { "k.title": "Tasks", "k.status": "State" },
  }));
  const metadata = createMetadataService({
    registry: world.registry,
    translator: (caller) => translations.translator(caller),
  });
  const titleFor = async (locale?: string) => {
    const caller = { ...systemCaller(ORG), ...(locale === undefined ? {} : { locale }) };
    const table = await metadata.table(caller, "tickets");
    return [table["title"], (table["columns"] as JsonObject[])[0]!["label"]];
  };
  assert.deepEqual(await titleFor("es-MX"), ["Tareas", "State"]);
  assert.deepEqual(await titleFor("en"), ["Tasks", "State"]);
  assert.deepEqual(await titleFor("pt"), ["Tasks", "State"]);
  assert.deepEqual(await titleFor(), ["k.title", "k.status"]);
  assert.deepEqual(await titleFor("es"), ["Tareas", "State"]);
  const same = async (locale: string) =>
    await metadata.table({ ...systemCaller(ORG), locale }, "tickets");
  assert.equal(await same("es-MX"), await same("es-AR"), "derived once for one language");
  const { version } = await metadata.all({ ...systemCaller(ORG), locale: "es" });
  assert.equal(version, (await metadata.all({ ...systemCaller(ORG), locale: "en" })).version);
  await world.put(desk("2.0.0", { es: { "k.title": "Asuntos" } }));
  assert.deepEqual((await titleFor("es"))[0], "Asuntos");
  await world.setStatus("desk", "disabled");
  assert.equal(
    (await translations.translator({ ...world.caller, locale: "es" }))("desk", "k.title"),
    "k.title",
  );
});

engineTest(
  "texts() gives an organization's own version, publicTexts() the newest of any",
  async (t) => {
    const { world, translations } = await translationsOf(t);
    await world.put(desk("1.0.0", { es: { a: "uno" } }));
    await world.put(desk("1.10.0", { es: { a: "diez" } }), { organizationId: OTHER_ORG });
    assert.deepEqual(await translations.texts(world.caller, "desk", "es"), { a: "uno" });
    assert.deepEqual(await translations.publicTexts("desk", "es-MX"), { a: "diez" });
    await assert.rejects(
      translations.publicTexts("none", "es"),
      failure("addon.texts_not_found", "not_found"),
    );
    await assert.rejects(
      translations.texts(world.caller, "none", "es"),
      failure("addon.not_installed"),
    );
  },
);

engineTest(
  "nobody puts texts before strangers by an unsigned bundle of a high version",
  async (t) => {
    const { world, translations } = await translationsOf(t);
    await world.put(desk("1.0.0", { es: { a: "verified" } }), { signature: "{}" });
    await world.put(desk("99.0.0", { es: { a: "hostile" } }), { organizationId: OTHER_ORG });
    assert.deepEqual(await translations.publicTexts("desk", "es"), { a: "verified" });
  },
);

engineTest(
  "an addon without texts, or that is enabled nowhere, has none for everybody",
  async (t) => {
    const { world, translations } = await translationsOf(t);
    const missing = failure("addon.texts_not_found");
    await world.put({ key: "plain" });
    await assert.rejects(translations.publicTexts("plain", "es"), missing);
    await world.put(desk("1.0.0", { es: { a: "uno" } }), { status: "disabled" });
    await assert.rejects(translations.publicTexts("desk", "es"), missing);
    await world.setStatus("desk", "enabled");
    await assert.rejects(
      translations.publicTexts("desk", "es"),
      missing,
      "not asked again at once",
    );
    world.clock.ms += 10_000;
    assert.deepEqual(await translations.publicTexts("desk", "es"), { a: "uno" });
  },
);

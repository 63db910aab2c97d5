/**
 * The manifests of the real bundles, where they lie beside the project.
 *
 * @module
 */

import assert from "node:assert/strict";
import type { JsonObject } from "../../src/base/json.ts";
import { openBundle } from "../../src/bundle/bundle.ts";
import { modelsOf } from "../../src/models/from_definition.ts";
import { parseInput } from "../../src/models/input.ts";
import { modalMetadata } from "../../src/models/modal_metadata.ts";
import type { Model } from "../../src/models/model.ts";
import { createSnapshot } from "../../src/models/snapshot.ts";
import { tableMetadata } from "../../src/models/table_metadata.ts";
import { tableSpecsOf } from "../../src/models/table_spec.ts";
import { realBundles } from "../_support/bundles.ts";
import { SOME_ID } from "./samples.ts";

async function realModels(): Promise<Model[]> {
  const models: Model[] = [];
  for (const { archive } of await realBundles()) {
    const { manifest } = await openBundle(archive);
    models.push(...modelsOf(manifest, `addon_${manifest.key}`));
  }
  return models;
}

function entries(metadata: JsonObject, key: string): JsonObject[] {
  return metadata[key] as unknown as JsonObject[];
}

/** What a form sends for a field that somebody filled in. */
function typed(field: JsonObject): unknown {
  const [option] = (field.options ?? []) as unknown as { value: unknown }[];
  if (option !== undefined) return option.value;
  if (field.ref !== undefined || String(field.key).endsWith("_id")) return SOME_ID;
  switch (field.type) {
    case "number":
      return "12";
    case "boolean":
      return true;
    case "date":
      return "2026-01-31";
    default:
      return "abc";
  }
}

Deno.test("real manifests: metadata is whole, and forms filled or left empty can be saved", async () => {
  const models = await realModels();
  const snapshot = createSnapshot("1", models);
  for (const model of models) {
    const table = tableMetadata(model, snapshot);
    const modal = modalMetadata(model, snapshot);
    const authored = (model.tableView?.columns ?? []) as unknown as JsonObject[];
    const shown = entries(table, "columns").length;
    assert.ok(authored.length === 0 ? shown > 0 : shown === authored.length, model.key);
    const fields = entries(modal, "fields");
    for (const field of fields) {
      const isChooser = field.type === "select" || field.type === "search";
      const hasChoices = field.options !== undefined || field.searchEndpoint !== undefined;
      assert.ok(!isChooser || hasChoices, `${model.key}.${field.key} has nothing to choose from`);
      const endpoint = field.searchEndpoint;
      if (endpoint === undefined) continue;
      const name = /^\/search\/(.+)$/.exec(String(endpoint))?.[1];
      assert.ok(name !== undefined && snapshot.find(name) !== undefined, String(endpoint));
    }
    const filled = Object.fromEntries(fields.map((field) => [field.key, typed(field)]));
    assert.ok(parseInput(model, filled, "create").size > 0, model.key);
    const least = fields.map((field) => [
      field.key,
      field.required === true ? typed(field) : field.defaultValue ?? "",
    ]);
    assert.doesNotThrow(() => parseInput(model, Object.fromEntries(least), "create"), model.key);
  }
});

Deno.test("real manifests: index names are unique within each schema", async () => {
  for (const spec of Map.groupBy(await realModels(), (model) => model.addonKey).values()) {
    const names = tableSpecsOf(spec).flatMap((table) => table.indexes.map((index) => index.name));
    assert.equal(new Set(names).size, names.length);
  }
});

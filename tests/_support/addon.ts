/**
 * Addons with code for tests: the example of `bundles/expenses`, and one around any module.
 *
 * @module
 */

import { packBundle } from "../../src/bundle/mod.ts";
import { folderBundle } from "./bundles.ts";

const root = new URL("../../", import.meta.url);

/** The example addon with code, packed. */
export async function expensesBundle(): Promise<Uint8Array> {
  return await folderBundle("bundles/expenses/", (path) => !path.startsWith("assembly/"));
}

/** A module of `tests/fixtures/guests`, with its source map. */
export async function fixtureModule(
  name: string,
): Promise<{ readonly wasm: Uint8Array; readonly map: Uint8Array }> {
  const folder = new URL(`tests/fixtures/guests/${name}/`, root);
  return {
    wasm: await Deno.readFile(new URL(`${name}.wasm`, folder)),
    map: await Deno.readFile(new URL(`${name}.wasm.map`, folder)),
  };
}

/** What an addon around a module is like. */
export interface TestAddon {
  readonly key: string;
  readonly wasm: Uint8Array;
  readonly map?: Uint8Array;
  /** Functions that may be called; each becomes an action of its name, and `<name>_tx` in a transaction. */
  readonly exports: readonly string[];
  readonly capabilities?: readonly { readonly kind: string; readonly target: string }[];
  readonly settings?: Readonly<Record<string, string>>;
  /** Settings that are secret. */
  readonly secrets?: readonly string[];
  readonly memoryLimitMiB?: number;
  readonly timeoutMs?: number;
  readonly version?: string;
}

/** Packs an addon with one model `<key>_notes` (title, amount, done, due) and an action for each export. */
export async function addonBundle(addon: TestAddon): Promise<Uint8Array> {
  const { key, exports } = addon;
  const model = `${key}_notes`;
  const manifest = {
    key,
    name: key,
    version: addon.version ?? "1.0.0",
    kernel: ">=2.0.0 <3.0.0",
    capabilities: addon.capabilities ?? [],
    settings: [
      ...Object.entries(addon.settings ?? {}).map(([name, value]) => ({
        key: name,
        label: name,
        type: "string",
        default_value: value,
      })),
      ...(addon.secrets ?? []).map((name) => ({ key: name, label: name, type: "secret" })),
    ],
    backend: {
      runtime: "wasm",
      entry: "backend/backend.wasm",
      exports,
      memory_limit_mb: addon.memoryLimitMiB ?? 16,
      timeout_ms: addon.timeoutMs ?? 2_000,
    },
    model_definitions: [{
      table_name: "notes",
      model_key: model,
      label: "Notes",
      org_scoped: true,
      columns: [
        { name: "title", type: "string", required: true },
        { name: "amount", type: "decimal" },
        { name: "done", type: "boolean" },
        { name: "due", type: "timestamp" },
      ],
    }],
    actions: {
      [model]: exports.flatMap((name) => [
        { key: name, name, label: name, trigger: { type: "wasm", export: name } },
        {
          key: `${name}_tx`,
          name: `${name}_tx`,
          label: name,
          trigger: { type: "wasm", export: name, run_in_tx: true },
        },
      ]),
    },
  };
  const files = new Map([
    ["manifest.json", new TextEncoder().encode(JSON.stringify(manifest))],
    ["backend/backend.wasm", addon.wasm],
  ]);
  if (addon.map !== undefined) files.set("backend/backend.wasm.map", addon.map);
  return await packBundle(files);
}

import assert from "node:assert/strict";
import { KernelError } from "../../src/base/error.ts";
import type { Json } from "../../src/base/json.ts";
import type { ManifestProblem } from "../../src/bundle/manifest/problem.ts";
import { parseManifest } from "../../src/bundle/manifest/parse.ts";

const MINIMAL = {
  apiVersion: "gonext.io/v1",
  name: "gonext-seo",
  version: "0.1.0",
  entry: "seo.wasm",
};

/** Places and texts of everything that is wrong. */
function problems(change: Readonly<Record<string, Json>>): string[] {
  try {
    parseManifest({ ...MINIMAL, ...change });
  } catch (thrown) {
    assert.ok(
      thrown instanceof KernelError && thrown.code === "bundle.invalid_manifest",
      `${thrown}`,
    );
    const list = thrown.details?.problems as readonly ManifestProblem[];
    return list.map(({ path }) => path);
  }
  return [];
}

Deno.test("a minimal gonext manifest becomes the internal shape", () => {
  const manifest = parseManifest(MINIMAL);
  assert.equal(manifest.key, "gonext_seo");
  assert.equal(manifest.name, "gonext-seo");
  assert.deepEqual(manifest.backend, { runtime: "wasm", entry: "seo.wasm", exports: [] });
  assert.deepEqual(manifest.gonext, {
    slug: "gonext-seo",
    capabilities: [],
    hooks: { actions: [], filters: [] },
    jobs: [],
    kvQuota: {},
  });
  assert.deepEqual(manifest.document, MINIMAL);
});

Deno.test("a full gonext manifest is read whole", () => {
  const manifest = parseManifest({
    ...MINIMAL,
    version: "1.0.0-0.3.7+build.1",
    capabilities: ["kv.write", "http.fetch"],
    hooks: { actions: ["wp_head", "save_post"], filters: ["the_content"] },
    jobs: ["seo.recompute-scores"],
    requires: { host: ">=0.1.0 <2 || ^3" },
    depends: [{ name: "forms", version: "~1.2" }],
    signature: "0".repeat(128),
    admin_pages: [{ slug: "scores", label: "Scores", icon: "chart", capability: "posts.read" }],
    storage: { kv: { max_bytes: 1000, max_keys: 0 } },
    flags: { apply_filters_batch: true },
  });
  assert.deepEqual(manifest.gonext, {
    slug: "gonext-seo",
    capabilities: ["kv.write", "http.fetch"],
    hooks: { actions: ["wp_head", "save_post"], filters: ["the_content"] },
    jobs: ["seo.recompute-scores"],
    kvQuota: { maxBytes: 1000 },
  });
  assert.deepEqual(manifest.capabilities.map(({ kind }) => kind), ["kv:write", "http:fetch"]);
  assert.deepEqual(manifest.requires, [
    { key: "forms", label: "forms", version: "~1.2", optional: false },
  ]);
  assert.deepEqual(manifest.unheeded.map((sentence) => sentence.split(":")[0]), [
    "requires.host",
    "signature",
    "jobs",
  ]);
  assert.deepEqual(manifest.backend?.exports, ["wp_head", "save_post"]);
  assert.deepEqual(manifest.navigation, [
    {
      title: "",
      items: [{
        title: "Scores",
        url: "/plugins/gonext-seo/scores",
        icon: "chart",
        permission: "posts.read",
      }],
    },
  ]);
});

Deno.test("every broken rule of a gonext manifest is reported at its place, all at once", () => {
  const all = problems({
    name: "Seo",
    version: "1.0",
    entry: "../seo.wasm",
    capabilities: ["kv", "KV", "kv"],
    hooks: { actions: ["a-b"], filters: {}, other: [] },
    jobs: ["a_b"],
    requires: {},
    depends: [{ name: "x" }],
    signature: "00",
    admin_pages: [{ slug: "-", label: "" }],
    storage: { kv: { max_bytes: -1, max_size: 1 }, db: {} },
    flags: { apply_filters_batch: 1, other: true },
    extra: 1,
  });
  assert.deepEqual(all.sort(), [
    "admin_pages[0].label",
    "admin_pages[0].slug",
    "capabilities[1]",
    "capabilities[2]",
    "depends[0].name",
    "depends[0].version",
    "entry",
    "extra",
    "flags.apply_filters_batch",
    "flags.other",
    "hooks.actions[0]",
    "hooks.filters",
    "hooks.other",
    "jobs[0]",
    "name",
    "requires.host",
    "signature",
    "storage.db",
    "storage.kv.max_bytes",
    "storage.kv.max_size",
    "version",
  ]);
});

Deno.test("what a gonext plugin depends on is named by its addon key, in ranges that can be held", () => {
  const depends = (name: string, version: string) => ({ depends: [{ name, version }] });
  const { requires } = parseManifest({ ...MINIMAL, ...depends("my-forms", ">=  1.0.0 <2.0.0") });
  assert.deepEqual(requires[0], {
    key: "my_forms",
    label: "my-forms",
    version: ">=  1.0.0 <2.0.0",
    optional: false,
  });
  assert.deepEqual(problems(depends("forms", "^1.0.0 || ^2.0.0")), ["depends[0].version"]);
  assert.deepEqual(problems(depends("forms", "^abc")), ["depends[0].version"]);
  assert.deepEqual(problems(depends("gonext-seo", "*")), ["depends[0].name"]);
  assert.deepEqual(
    problems({ depends: [{ name: "forms", version: "*" }, { name: "forms", version: "*" }] }),
    ["depends[1].name"],
  );
});

Deno.test("versions, names and entries of gonext manifests are strict", () => {
  for (const version of ["1.0", "01.0.0", "1.0.0-", "v1.0.0", "1.0.0.0", "1.0.0-01", " 1.0.0"]) {
    assert.deepEqual(problems({ version }), ["version"], version);
  }
  for (const version of ["1.0.0-0.3.7", "1.0.0+build", "1.0.0-x-y.7z.92"]) {
    assert.deepEqual(problems({ version }), [], version);
  }
  for (
    const name of ["ab", "a_b", "kernel", "metacore", "constructor", "a".repeat(42), "1ab", "a\n"]
  ) {
    assert.deepEqual(problems({ name }), ["name"], name);
  }
  for (const entry of ["seo", "a/../b.wasm", "a b.wasm", "a\\b.wasm"]) {
    assert.deepEqual(problems({ entry }), ["entry"], entry);
  }
  assert.deepEqual(problems({ name: null, version: null, entry: null }), [
    "name",
    "version",
    "entry",
  ]);
});

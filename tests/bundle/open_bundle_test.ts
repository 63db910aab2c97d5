/**
 * Whole bundles: packing, opening, the project's own addon and the script that packs it, and the real
 * bundles and validation cases of the shared folder where that is present.
 *
 * @module
 */

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { gunzipSync } from "node:zlib";
import fc from "fast-check";
import { unpackTar } from "modern-tar";
import { isKernelError, type KernelError } from "../../src/base/error.ts";
import { pathFault, PathSet } from "../../src/bundle/entry_path.ts";
import {
  checkKernelRange,
  openBundle,
  packBundle,
  parseManifest,
  readArchive,
} from "../../src/bundle/mod.ts";
import { rawEntry, rawGzip, rawTar } from "./raw_tar.ts";

const MANIFEST = JSON.stringify({ key: "notes", name: "Notes", version: "1.0.0" });
const ROOT = new URL("../../", import.meta.url);
const SHARED = new URL("../shared/fixtures/", ROOT);

function isPresent(place: URL): boolean {
  try {
    return Deno.statSync(place).isDirectory;
  } catch {
    return false;
  }
}

const SHARED_IS_PRESENT = isPresent(SHARED);
const absent = SHARED_IS_PRESENT ? "" : " [NOT RUN: ../shared is absent]";

async function refusal(run: Promise<unknown>): Promise<KernelError> {
  try {
    await run;
  } catch (error) {
    assert.ok(isKernelError(error), `threw ${error}, which is no KernelError`);
    return error;
  }
  throw new assert.AssertionError({ message: "nothing was thrown" });
}

function sha256(bytes: Uint8Array | string): string {
  return createHash("sha256").update(bytes).digest("hex");
}

function bundleOf(files: Record<string, string | Uint8Array>): Uint8Array {
  const entries = Object.entries({ "manifest.json": MANIFEST, ...files });
  return rawGzip(rawTar(entries.map(([name, body]) => rawEntry({ name, body }))));
}

Deno.test("openBundle() gives manifest, digests, ordered migrations, frontend, readme", async () => {
  const archive = bundleOf({
    "migrations/0002_more.sql": "select 2",
    "migrations/old/0001_init.sql": "select 'é'",
    "migrations/notes.txt": "no migration",
    "frontend/z.js": "z",
    "frontend/assets/a.js": "a",
    "README.md": "# Notes",
    "LICENSE": "l",
  });
  const bundle = await openBundle(archive);
  assert.equal(bundle.manifest.key, "notes");
  assert.equal(bundle.digest, sha256(archive));
  assert.equal(bundle.size, archive.length);
  assert.equal(bundle.readme, "# Notes");
  assert.deepEqual(bundle.frontend, ["frontend/assets/a.js", "frontend/z.js"]);
  assert.deepEqual(bundle.migrations, [
    {
      version: "0001_init",
      path: "migrations/old/0001_init.sql",
      sql: "select 'é'",
      checksum: sha256("select 'é'"),
    },
    {
      version: "0002_more",
      path: "migrations/0002_more.sql",
      sql: "select 2",
      checksum: sha256("select 2"),
    },
  ]);
  assert.equal(bundle.entries.size, 8);
  for (const { bytes, sha256: digest } of bundle.entries.values()) {
    assert.equal(digest, sha256(bytes));
  }
});

Deno.test("openBundle() does not change when the caller's buffer does", async () => {
  const archive = bundleOf({ "README.md": "before" });
  const opening = openBundle(archive);
  const digest = sha256(archive);
  archive.fill(0);
  const bundle = await opening;
  assert.equal(bundle.digest, digest);
  assert.equal(bundle.readme, "before");
});

Deno.test("openBundle() refuses what is incomplete, ambiguous or not text", async () => {
  const wasm = (entry: string) =>
    JSON.stringify({ ...JSON.parse(MANIFEST), backend: { runtime: "wasm", entry } });
  const kernel = JSON.stringify({ ...JSON.parse(MANIFEST), kernel: "^3" });
  const cases: [string, Record<string, string | Uint8Array>, string][] = [
    ["two migrations of one version", {
      "migrations/0001.sql": "",
      "migrations/a/0001.sql": "",
    }, "bundle.duplicate_entry"],
    ["versions that differ in letter case", {
      "migrations/a.sql": "",
      "migrations/x/A.sql": "",
    }, "bundle.duplicate_entry"],
    ["a migration in Latin-1", {
      "migrations/1.sql": new Uint8Array([0x2d, 0x2d, 0xe9]),
    }, "bundle.bad_text"],
    ["a migration with NUL", { "migrations/1.sql": "select\0 1" }, "bundle.bad_text"],
    ["a module that is missing", { "manifest.json": wasm("backend/b.wasm") }, "bundle.incomplete"],
    ["a module outside backend/", {
      "manifest.json": wasm("README.md"),
      "README.md": "",
    }, "bundle.incomplete"],
    ["another kernel", { "manifest.json": kernel }, "bundle.kernel_mismatch"],
    ["a manifest that is no JSON", { "manifest.json": "{" }, "bundle.bad_json"],
    ["a manifest that is none", { "manifest.json": "{}" }, "bundle.invalid_manifest"],
    ["a manifest that says key twice", {
      "manifest.json": `${MANIFEST.slice(0, -1)}, "key": "other"}`,
    }, "bundle.bad_json"],
  ];
  for (const [what, files, code] of cases) {
    assert.equal((await refusal(openBundle(bundleOf(files)))).code, code, what);
  }
  const none = rawGzip(rawTar([rawEntry({ name: "frontend/manifest.json", body: MANIFEST })]));
  assert.equal((await refusal(openBundle(none))).code, "bundle.incomplete");
  const bounded = openBundle(bundleOf({}), { limits: { maxEntries: 0 } });
  assert.equal((await refusal(bounded)).code, "bundle.too_many_entries");

  for (const entry of ["backend/b.wasm", "b.wasm"]) {
    const archive = bundleOf({ "manifest.json": wasm(entry), "backend/b.wasm": "\0asm" });
    assert.equal((await openBundle(archive)).backendEntry, "backend/b.wasm");
  }
  const plugin = JSON.stringify({
    apiVersion: "gonext.io/v1",
    name: "acme-seo",
    version: "1.0.0",
    entry: "seo.wasm",
  });
  for (const path of ["seo.wasm", "backend/seo.wasm"]) {
    const archive = bundleOf({ "manifest.json": plugin, [path]: "\0asm" });
    assert.equal((await openBundle(archive)).backendEntry, path);
  }
  const shown = plugin.replace("seo.wasm", "frontend/seo.wasm");
  const missing = await refusal(
    openBundle(bundleOf({ "manifest.json": shown, "frontend/seo.wasm": "\0asm" })),
  );
  assert.equal(missing.code, "bundle.incomplete");
  assert.match(missing.message, /"frontend\/seo.wasm" as entry/);
  const newer = bundleOf({ "manifest.json": kernel });
  assert.equal((await openBundle(newer, { kernelVersion: "3.1.0" })).manifest.kernel, "^3");
});

Deno.test("packBundle() writes equal bytes for equal files, in the contract's order", async () => {
  const files: [string, string][] = [
    ["README.md", "# r"],
    ["LICENSE", "l"],
    ["backend/b.wasm", "\0asm"],
    ["frontend/b.js", "b"],
    ["frontend/a.js", "a"],
    ["migrations/0002.sql", "2"],
    ["migrations/0001.sql", "1"],
    ["manifest.json", MANIFEST],
  ];
  const first = await packBundle(new Map(files));
  const second = await packBundle(new Map(files.toReversed()));
  assert.deepEqual(first, second);
  assert.equal(first.subarray(0, 10).toHex(), "1f8b08000000000000ff");
  assert.deepEqual((await readArchive(first)).map((entry) => entry.path), [
    "manifest.json",
    "migrations/0001.sql",
    "migrations/0002.sql",
    "frontend/a.js",
    "frontend/b.js",
    "backend/b.wasm",
    "README.md",
    "LICENSE",
  ]);
  const [manifest] = await readArchive(first);
  assert.equal(
    new TextDecoder().decode(manifest!.bytes),
    `${JSON.stringify(JSON.parse(MANIFEST), null, 2)}\n`,
  );
});

Deno.test("packBundle() writes headers that say nothing of the machine", async () => {
  const long = `frontend/${"d".repeat(120)}/${"f".repeat(120)}.js`;
  const archive = await packBundle(new Map([["manifest.json", MANIFEST], [long, "x"]]));
  const unpacked = await unpackTar(gunzipSync(archive), { strict: true });
  assert.deepEqual(unpacked.map(({ header }) => header.name), ["manifest.json", long]);
  for (const { header } of unpacked) {
    assert.equal(header.type, "file");
    assert.equal(header.mode, 0o644);
    assert.equal(header.mtime?.getTime(), 0);
    assert.deepEqual([header.uid, header.gid], [0, 0]);
    assert.deepEqual([header.uname, header.gname], ["", ""]);
  }
});

Deno.test("packBundle() refuses names that the reader would refuse", async () => {
  const withFile = (path: string) =>
    packBundle(new Map([["manifest.json", MANIFEST], [path, "x"]]));
  assert.equal((await refusal(withFile("../evil"))).code, "bundle.bad_path");
  assert.equal((await refusal(withFile("Manifest.json"))).code, "bundle.duplicate_entry");
  assert.equal((await refusal(packBundle(new Map()))).code, "bundle.incomplete");
  const broken = packBundle(new Map([["manifest.json", "{"]]));
  assert.equal((await refusal(broken)).code, "bundle.bad_json");
});

Deno.test("packBundle() and readArchive() give back any set of files", async () => {
  const segment = fc.oneof(
    fc.string({ unit: "grapheme", minLength: 1, maxLength: 60 }),
    fc.stringMatching(/^[a-z0-9_@[\]+-]{1,110}$/),
  );
  const path = fc.array(segment, { minLength: 1, maxLength: 3 })
    .map((segments) => `frontend/${segments.join("/")}`)
    .filter((candidate) => pathFault(candidate) === undefined);
  const property = fc.asyncProperty(
    fc.array(fc.tuple(path, fc.uint8Array({ maxLength: 1200 })), { maxLength: 6 }),
    async (wanted) => {
      const set = new PathSet();
      const files = new Map<string, Uint8Array | string>([["manifest.json", MANIFEST]]);
      for (const [name, bytes] of wanted) {
        try {
          set.addFile(name);
          files.set(name, bytes);
        } catch (error) {
          assert.ok(isKernelError(error, "bundle.duplicate_entry"));
        }
      }
      const entries = await readArchive(await packBundle(files));
      assert.equal(entries.length, files.size);
      for (const entry of entries.slice(1)) {
        assert.deepEqual(entry.bytes, files.get(entry.path));
      }
    },
  );
  await fc.assert(property, { numRuns: 100, seed: 7 });
});

Deno.test("the folders of bundles/ pack by their script into bundles that open", async () => {
  const script = new URL("scripts/pack_bundle.ts", ROOT).pathname;
  const folder = new URL("bundles/tickets", ROOT).pathname;
  const rooms = new URL("bundles/rooms", ROOT).pathname;
  const target = await Deno.makeTempDir();
  const run = async (...args: string[]) => {
    const output = await new Deno.Command(Deno.execPath(), {
      args: [
        "run",
        "--quiet",
        "--cached-only",
        "--no-prompt",
        `--allow-read=${folder},${rooms}`,
        `--allow-write=${target}`,
        script,
        ...args,
      ],
      cwd: ROOT,
    }).output();
    const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
    return { code: output.code, stdout: text(output.stdout), stderr: text(output.stderr) };
  };
  try {
    const file = `${target}/sub/tickets.tgz`;
    const packed = await run(folder, "-o", file);
    assert.equal(packed.code, 0, packed.stderr);
    const bundle = await openBundle(await Deno.readFile(file));
    assert.match(packed.stdout, new RegExp(`digest  ${bundle.digest}`));
    assert.deepEqual(bundle.manifest.model_definitions.map((model) => model.model_key), [
      "tickets",
      "ticket_comments",
    ]);
    assert.deepEqual(bundle.migrations.map((migration) => migration.version), ["0001_init"]);
    const withTexts = await run(rooms, "-o", `${target}/rooms.tgz`);
    assert.equal(withTexts.code, 0, withTexts.stderr);
    const texts = await openBundle(await Deno.readFile(`${target}/rooms.tgz`));
    assert.deepEqual([...texts.entries.keys()].filter((path) => path.startsWith("i18n/")), [
      "i18n/en.json",
      "i18n/es.json",
    ]);
    assert.match((await run("--help")).stdout, /Usage/);
    assert.equal((await run()).code, 2);
    assert.equal((await run("--what")).code, 2);
    assert.equal((await run(`${folder}/migrations`, "-o", file)).code, 1);
  } finally {
    await Deno.remove(target, { recursive: true });
  }
});

Deno.test({
  name: `the validation cases of the original all agree${absent}`,
  ignore: !SHARED_IS_PRESENT,
  fn: async () => {
    interface Case {
      readonly name: string;
      readonly kernel_version: string;
      readonly manifest: unknown;
      readonly expect: { readonly ok: boolean; readonly message_contains?: string };
    }
    const file = new URL("kernel_manifest_cases/validation-cases.json", SHARED);
    const cases = JSON.parse(await Deno.readTextFile(file)) as Case[];
    assert.equal(cases.length, 60);
    for (const { name, kernel_version, manifest, expect } of cases) {
      let message: string | undefined;
      try {
        checkKernelRange(parseManifest(manifest), kernel_version);
      } catch (error) {
        assert.ok(isKernelError(error), `${name}: threw ${error}`);
        message = error.message;
      }
      if (expect.ok) assert.equal(message, undefined, name);
      else assert.ok(message?.includes(expect.message_contains!), `${name}: ${message}`);
    }
  },
});

Deno.test({
  name: `the twelve real bundles open${absent}`,
  ignore: !SHARED_IS_PRESENT,
  fn: async () => {
    const folder = new URL("bundles/", SHARED);
    const names = (await Array.fromAsync(Deno.readDir(folder))).map((entry) => entry.name);
    assert.equal(names.length, 12);
    for (const name of names) {
      const bundle = await openBundle(await Deno.readFile(new URL(name, folder)));
      const { key, version, document } = bundle.manifest;
      assert.equal(`${key}-${version}.tar.gz`, name);
      const entry = bundle.entries.get("manifest.json")!;
      assert.deepEqual(document, JSON.parse(new TextDecoder().decode(entry.bytes)));
      // Packed again and opened again it says the same.
      const files = new Map([...bundle.entries].map(([path, { bytes }]) => [path, bytes]));
      const again = await openBundle(await packBundle(files));
      assert.deepEqual(again.manifest, bundle.manifest);
      assert.deepEqual(again.migrations, bundle.migrations);
    }
  },
});

Deno.test({
  name: `the two real manifests of the generation asteby.com/v3 are read${absent}`,
  ignore: !SHARED_IS_PRESENT,
  fn: async () => {
    const folder = new URL("manifests_v3/", SHARED);
    const names = (await Array.fromAsync(Deno.readDir(folder))).map((entry) => entry.name);
    assert.equal(names.length, 2);
    for (const name of names) {
      const text = await Deno.readTextFile(new URL(name, folder));
      const { manifest } = await openBundle(await packBundle(new Map([["manifest.json", text]])));
      assert.equal(manifest.generation, "v3", name);
      assert.deepEqual(manifest.document, JSON.parse(text));
      assert.deepEqual(parseManifest(manifest.document), manifest);
      assert.ok(manifest.model_definitions.length === 2, name);
    }
  },
});

/**
 * `metacore keys` and `metacore addon` as processes of their own, run as `deno task cli` runs them:
 * under the permissions that their settings and arguments need.
 *
 * @module
 */

import assert from "node:assert/strict";
import type { InstallationPlan } from "../../src/addons/plan/installation_plan.ts";
import { packBundle } from "../../src/bundle/mod.ts";
import { commandFiles } from "../../scripts/command_files.ts";
import { planLines } from "../../src/cli/plan_text.ts";
import { progressLines } from "../../src/cli/progress.ts";

const root = new URL("../../", import.meta.url).pathname;
const STACK = /^\s+at .*:\d+:\d+/m;
const GOLDEN_KEY = "8a88e3dd7409f195fd52db2d3cba5d72ca6709bf1d94121bf3748801b40f6f5c";

type Variables = Readonly<Record<string, string>>;

interface Outcome {
  readonly code: number;
  readonly output: string;
  readonly errors: string;
}

interface Workplace extends AsyncDisposable {
  readonly folder: string;
  /** @param input what standard input holds. */
  run(args: readonly string[], env?: Variables, input?: string): Promise<Outcome>;
}

/** A folder of its own, and nothing of the surroundings. */
async function workplace(settings: Variables = {}): Promise<Workplace> {
  const folder = await Deno.makeTempDir();
  const kept = ["PATH", "HOME", "DENO_DIR", "XDG_CACHE_HOME"].flatMap((name) => {
    const value = Deno.env.get(name);
    return value === undefined ? [] : [[name, value]];
  });
  const own = { METACORE_DATA_DIR: `${folder}/data`, ...settings };
  return {
    folder,
    run: async (args, env = {}, input = "") => {
      const child = new Deno.Command(Deno.execPath(), {
        args: [
          ...["run", "--quiet", "--cached-only", "--no-prompt", "--allow-env"],
          ...[`--allow-run=${Deno.execPath()}`, "scripts/run_cli.ts", ...args],
        ],
        cwd: root,
        clearEnv: true,
        env: { ...Object.fromEntries(kept), ...own, ...env },
        stdin: "piped",
        stdout: "piped",
        stderr: "piped",
      }).spawn();
      const writer = child.stdin.getWriter();
      // A command that reads nothing may have ended already.
      const written = writer.write(new TextEncoder().encode(input)).then(() => writer.close())
        .catch(() => {});
      const { code, stdout, stderr } = await child.output();
      await written;
      const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
      return { code, output: text(stdout), errors: text(stderr) };
    },
    [Symbol.asyncDispose]: () => Deno.remove(folder, { recursive: true }),
  };
}

function assertDone(outcome: Outcome): string {
  assert.deepEqual([outcome.code, outcome.errors], [0, ""]);
  return outcome.output;
}

function assertRefused(outcome: Outcome, code: number, message: RegExp): void {
  assert.equal(outcome.code, code, outcome.errors);
  assert.equal(outcome.output, "");
  assert.match(outcome.errors, message);
  assert.doesNotMatch(outcome.errors, STACK);
}

/** The value behind a word at the beginning of a line. */
function told(output: string, name: string): string {
  const found = new RegExp(`^${name} +(.*)$`, "m").exec(output);
  assert.ok(found, `${name} in: ${output}`);
  return found[1]!;
}

async function exists(path: string): Promise<boolean> {
  return await Deno.stat(path).then(() => true, () => false);
}

interface BundleOptions {
  readonly version?: string;
  readonly requires?: readonly { readonly key: string; readonly version?: string }[];
  readonly settings?: readonly object[];
}

async function writeBundle(
  folder: string,
  key: string,
  { version = "1.0.0", requires = [], settings = [] }: BundleOptions = {},
): Promise<string> {
  const manifest = {
    key,
    name: key,
    version,
    requires,
    settings,
    model_definitions: [{
      table_name: `${key}_items`,
      model_key: `${key}_items`,
      label: "Items",
      org_scoped: true,
      columns: [
        { name: "title", type: "string", required: true },
        ...(version === "1.0.0" ? [] : [{ name: "priority", type: "integer" }]),
      ],
    }],
  };
  const path = `${folder}/${key}-${version}.tgz`;
  await Deno.writeFile(
    path,
    await packBundle(new Map([["manifest.json", JSON.stringify(manifest)], ["README.md", key]])),
  );
  return path;
}

Deno.test("keys: a pair is made once, its secret for the owner alone, and both halves show the same key", async () => {
  await using place = await workplace();
  const prefix = `${place.folder}/acme`;
  const made = assertDone(await place.run(["keys", "generate", "--out", prefix]));
  assert.equal((await Deno.stat(`${prefix}.pem`)).mode! & 0o777, 0o600);
  const [shownPublic, shownPrivate, again, publicOnly] = await Promise.all([
    place.run(["keys", "show", `${prefix}.pub`]),
    place.run(["keys", "show", `${prefix}.pem`]),
    place.run(["keys", "generate", "--out", prefix]),
    place.run(["keys", "generate", `--out=${place.folder}/nowhere/acme`]),
  ]);
  assert.equal(assertDone(shownPublic), shownPrivate.output);
  assert.ok(made.endsWith(shownPublic.output));
  assert.match(told(made, "key id"), /^[0-9a-f]{16}$/);
  const secret = (await Deno.readTextFile(`${prefix}.pem`)).split("\n")[1]!;
  assert.ok(!made.includes(secret) && !shownPrivate.output.includes(secret));
  assertRefused(again, 1, /^File exists .*acme\.pub'\n$/);
  assertRefused(publicOnly, 1, /^No such file or directory/);
});

Deno.test("keys: a private key that could not be written leaves no public one behind", async () => {
  await using place = await workplace();
  const prefix = `${place.folder}/acme`;
  await Deno.writeTextFile(`${prefix}.pem`, "somebody's");
  assertRefused(await place.run(["keys", "generate", "--out", prefix]), 1, /^File exists/);
  assert.equal(await exists(`${prefix}.pub`), false);
  assert.equal(await Deno.readTextFile(`${prefix}.pem`), "somebody's");
});

Deno.test("addon sign and verify: the signature lies beside the bundle, and holds for trusted keys alone", async () => {
  await using place = await workplace();
  const { folder } = place;
  const bundle = await writeBundle(folder, "notes");
  const made = assertDone(await place.run(["keys", "generate", "--out", `${folder}/acme`]));
  const key = told(made, "hex");
  assertRefused(
    await place.run(["addon", "verify", "--key", key, bundle]),
    1,
    /comes without a signature.* \[bundle\.unsigned\]/,
  );
  const signed = assertDone(
    await place.run(["addon", "sign", "--key", `${folder}/acme.pem`, bundle]),
  );
  const signature = await Deno.readTextFile(`${bundle}.sig`);
  assert.match(signature, /^[A-Za-z0-9+/]{86}==$/);
  assert.equal(told(signed, "key id"), told(made, "key id"));
  const written = Uint8Array.fromBase64(signature).toHex();
  await Deno.copyFile(bundle, `${folder}/moved.tgz`);
  await Deno.writeTextFile(`${folder}/hex.sig`, `${written}\n`);
  const drifted = new Uint8Array([...await Deno.readFile(bundle), 0]);
  await Deno.writeFile(`${folder}/drifted.tgz`, drifted);
  const verify = (...args: readonly string[]) => place.run(["addon", "verify", ...args]);
  const fine = await Promise.all([
    verify("--key", key, bundle),
    verify("--key", GOLDEN_KEY, "--key", `${folder}/acme.pub`, bundle),
    verify("--key", await Deno.readTextFile(`${folder}/acme.pub`), bundle),
    verify("--key", key, "--signature", `${folder}/hex.sig`, `${folder}/moved.tgz`),
  ]);
  for (const outcome of fine) assert.equal(told(assertDone(outcome), "ok"), "notes 1.0.0");
  const refused: readonly (readonly [readonly string[], RegExp])[] = [
    [["--key", GOLDEN_KEY, bundle], /\[bundle\.bad_signature\]/],
    [
      ["--key", key, "--signature", `${bundle}.sig`, `${folder}/drifted.tgz`],
      /\[bundle\.bad_signature\]/,
    ],
    [["--key", key, `${folder}/moved.tgz`], /\[bundle\.unsigned\]/],
    [["--key", `${folder}/acme.pem`, bundle], /is a private key .*\[bundle\.bad_public_key\]/],
  ];
  await Promise.all(
    refused.map(async ([args, reason]) => assertRefused(await verify(...args), 1, reason)),
  );
});

Deno.test("addon verify: the trusted keys are those of the settings, and none of them means no", async () => {
  await using place = await workplace();
  const { folder } = place;
  const bundle = await writeBundle(folder, "notes");
  const made = assertDone(await place.run(["keys", "generate", "--out", `${folder}/acme`]));
  assertDone(await place.run(["addon", "sign", "--key", `${folder}/acme.pem`, bundle]));
  const verify = (env: Variables = {}) => place.run(["addon", "verify", bundle], env);
  const byFile = async (name: string, more: object) => {
    const key = { key: told(made, "hex"), id: "acme", role: "author", addons: ["notes"], ...more };
    const path = `${folder}/${name}.json`;
    await Deno.writeTextFile(path, JSON.stringify({ keys: [key] }));
    return await verify({ METACORE_TRUSTED_KEYS_FILE: path });
  };
  const fine = await Promise.all([
    verify({
      MARKETPLACE_PUBKEYS: await Deno.readTextFile(`${folder}/acme.pub`),
      ALLOW_UNSIGNED_BUNDLES: "true",
    }),
    byFile("author", {}),
  ]);
  for (const outcome of fine) assert.equal(told(assertDone(outcome), "ok"), "notes 1.0.0");
  assert.match(fine[1]!.output, /^signed by {2}acme \(author\)$/m);
  const refused: readonly (readonly [Outcome, RegExp])[] = await Promise.all([
    verify().then((outcome) =>
      [outcome, /ALLOW_UNSIGNED_BUNDLES=true\) \[bundle\.unsigned\]/] as const
    ),
    verify({ ALLOW_UNSIGNED_BUNDLES: "true" }).then((outcome) =>
      [outcome, /\[bundle\.unsigned\]/] as const
    ),
    byFile("other", { addons: ["tickets"] }).then((outcome) =>
      [outcome, /\[bundle\.signer_not_allowed\]/] as const
    ),
    byFile("revoked", { revoked_at: "2020-01-01T00:00:00Z" }).then((outcome) =>
      [outcome, /\[bundle\.key_revoked\]/] as const
    ),
    byFile("strict", { expires: "2020-01-01T00:00:00Z" }).then((outcome) =>
      [
        outcome,
        /strict\.json: keys\[0\]\.expires is not known.*\[kernel\.invalid_setting\]/,
      ] as const
    ),
    verify({ METACORE_TRUSTED_KEYS_FILE: `${folder}/none.json` }).then((outcome) =>
      [outcome, /none\.json cannot be read: .*\[kernel\.invalid_setting\]/] as const
    ),
  ]);
  for (const [outcome, reason] of refused) assertRefused(outcome, 1, reason);
  // None of this needs a database or secrets.
  assert.equal(await exists(`${folder}/data`), false);
  const doctor = await place.run(["doctor"], {
    METACORE_TRUSTED_KEYS_FILE: `${folder}/revoked.json`,
    ALLOW_UNSIGNED_BUNDLES: "true",
  });
  assert.match(
    doctor.output,
    /^ok {4}bundles must be signed; trusted keys: 1\nwarn {2}key acme was revoked/m,
  );
});

Deno.test("addon inspect: prints what is inside, as JSON too, and every complaint about a manifest", async () => {
  await using place = await workplace();
  const bundle = await writeBundle(place.folder, "notes");
  const broken = `${place.folder}/broken.tgz`;
  await Deno.writeFile(
    broken,
    await packBundle(new Map([["manifest.json", `{"key": "Not A Key", "version": "one"}`]])),
  );
  const [text, json, complaints] = await Promise.all([
    place.run(["addon", "inspect", bundle]),
    place.run(["addon", "inspect", "--json", bundle]),
    place.run(["addon", "inspect", broken]),
  ]);
  assert.equal(told(assertDone(text), "addon"), "notes 1.0.0 (notes)");
  assert.equal(told(text.output, "models"), "notes_items");
  const document = JSON.parse(assertDone(json));
  assert.equal(document.digest, told(text.output, "digest"));
  assert.deepEqual(Object.keys(document.files), ["manifest.json", "README.md"]);
  assert.equal(document.manifest.key, "notes");
  assertRefused(complaints, 1, /\[bundle\.invalid_manifest\]\n {2}.*key: .*\n/);
  assert.match(complaints.errors, /^ {2}.*version: /m);
});

Deno.test("--help of every command shows examples, and wrong usage exits 2", async () => {
  await using place = await workplace();
  const commands = [
    "keys generate",
    "keys show",
    ...["sign", "verify", "inspect", "list", "plan", "install", "upgrade", "rollback", "enable"]
      .concat("disable", "uninstall", "settings", "rotate-secret").map((name) => `addon ${name}`),
  ];
  const bundle = `${place.folder}/notes.tgz`;
  const id = crypto.randomUUID();
  const wrong: readonly (readonly [readonly string[], RegExp])[] = [
    [["addon"], /^Usage: metacore addon/],
    [["keys", "generate"], /required option '--out <prefix>' not specified/],
    [["addon", "sign", bundle], /required option '--key <pem>' not specified/],
    [["addon", "list"], /required option '--organization <id>' not specified/],
    [["addon", "list", "--organization", "acme"], /'acme' is invalid.*a UUID/],
    [["addon", "install", "--organization", id], /missing required argument 'bundles'/],
    [
      ["addon", "install", "--organization", id, bundle],
      /^there is no terminal to ask at: give --yes/,
    ],
    [["addon", "rollback", "--organization", id, "notes"], /^there is no terminal to ask at/],
    [
      ["addon", "uninstall", "--drop", "--organization", id, "notes"],
      /^there is no terminal to ask at/,
    ],
    [
      ["addon", "settings", "--organization", id, "--set", "limit", "notes"],
      /^--set takes <name>=/,
    ],
    [
      ["addon", "settings", "--organization", id, "--set", "a=1", "--unset", "a", "notes"],
      /^a is named twice/,
    ],
    [
      ["addon", "settings", "--organization", id, "--secret", "token", "notes"],
      /^standard input holds no value for token/,
    ],
    [
      ["addon", "rotate-secret", "--organization", id, "--overlap", "604801", "notes"],
      /'604801' is invalid.*from 0 to 604800/,
    ],
    [
      ["addon", "install", "--organization", id, "--yes", "--plan-hash", "ab", bundle, bundle],
      /^--plan-hash is for one bundle/,
    ],
  ];
  await Promise.all([
    ...commands.map(async (command) => {
      const output = assertDone(await place.run([...command.split(" "), "--help"]));
      assert.ok(output.startsWith(`Usage: metacore ${command} `), output);
      assert.match(output, new RegExp(`Examples:\n  metacore ${command} `));
    }),
    ...wrong.map(async ([args, message]) => assertRefused(await place.run(args), 2, message)),
  ]);
  assert.equal(await exists(`${place.folder}/data`), false);
});

async function newOrganization(place: Workplace): Promise<string> {
  const made = await place.run(
    ["organization", "create", "--name", "Acme", "--owner-email", "ana@example.com"],
  );
  return told(made.output, "organization").split(" ")[0]!;
}

Deno.test("addon: bundles come in the order of their needs, go forward, back, out; each step is told", async () => {
  await using place = await workplace({ ALLOW_UNSIGNED_BUNDLES: "true", LOG_LEVEL: "error" });
  const { folder } = place;
  const organization = await newOrganization(place);
  const addon = (command: string, ...args: readonly string[]) =>
    place.run(["addon", command, "--organization", organization, ...args]);
  const listed = async () => assertDone(await addon("list")).trimEnd().split("\n");
  const notes = await writeBundle(folder, "notes");
  const higher = await writeBundle(folder, "notes", { version: "1.1.0" });
  const needing = await writeBundle(folder, "billing", {
    requires: [{ key: "notes", version: "^1.0.0" }],
  });
  assert.deepEqual(await listed(), ["no addons are installed"]);
  for (const command of [["list"], ["install", "--yes", notes]]) {
    const nowhere = await place.run(
      ["addon", ...command, "--organization", crypto.randomUUID()],
    );
    assertRefused(nowhere, 2, /^there is no organization .*: organization list prints/m);
  }
  const blocked = assertDone(await addon("plan", needing));
  assert.match(blocked, /^requires\n! notes \^1\.0\.0: missing\n/m);
  assert.match(blocked, /^in the way\n! .*\[addon\.[a-z_]+\]$/m);
  const both = assertDone(await addon("install", "--yes", needing, notes));
  assert.ok(both.indexOf("install: notes 1.0.0") < both.indexOf("install: billing 1.0.0"), both);
  assert.equal(both.match(/^secret {7}[0-9a-f]{64} \(shown this once\)$/gm)?.length, 2);
  const plan = JSON.parse(assertDone(await addon("plan", "--json", higher)));
  assert.deepEqual([plan.operation, plan.from_version, plan.to_version], [
    ...["upgrade", "1.0.0", "1.1.0"],
  ]);
  assert.deepEqual(await listed(), [
    "notes  1.0.0  enabled  unsigned",
    "billing  1.0.0  enabled  unsigned",
  ]);
  assertRefused(await addon("upgrade", "--plan-hash", "00", higher), 1, /\[addon\.plan_changed\]/);
  const upgraded = assertDone(await addon("upgrade", "--plan-hash", plan.plan_hash, higher));
  assert.match(upgraded, /^upgrade: notes 1\.1\.0 \(enabled, revision 2\)$/m);
  assertRefused(await addon("install", "--yes", notes), 1, /\[addon\.version_rollback\]/);
  assert.match(
    assertDone(await addon("rollback", "--yes", "notes")),
    /^rollback: notes 1\.0\.0 \(enabled/,
  );
  assertRefused(await addon("disable", "notes"), 1, /\[addon\.needed_by_others\]/);
  assert.match(assertDone(await addon("disable", "billing")), /^disabled: billing 1\.0\.0/);
  assert.match(assertDone(await addon("enable", "billing")), /^enabled: billing 1\.0\.0/);
  assertDone(await addon("uninstall", "billing"));
  assertDone(await addon("uninstall", "--drop", "--yes", "notes"));
  assert.deepEqual(await listed(), ["no addons are installed"]);
  // The higher version was seen: the lower one comes back only by the word for it.
  assertRefused(await addon("install", "--yes", notes), 1, /\[addon\.version_rollback\]/);
  assertDone(await addon("install", "--yes", "--allow-downgrade", notes));
});

Deno.test("addon settings: values by their types, secrets from standard input alone and never shown", async () => {
  await using place = await workplace({ ALLOW_UNSIGNED_BUNDLES: "true", LOG_LEVEL: "error" });
  const organization = await newOrganization(place);
  const bundle = await writeBundle(place.folder, "notes", {
    settings: [
      { key: "limit", label: "Limit", type: "number", default_value: 500 },
      { key: "langs", label: "Languages", type: "multi_select", options: ["de", "es"].map(option) },
      { key: "token", label: "Token", type: "secret", required: true },
    ],
  });
  assertDone(
    await place.run(["addon", "install", "--organization", organization, "--yes", bundle]),
  );
  const settings = (args: readonly string[], input?: string) =>
    place.run(["addon", "settings", "--organization", organization, ...args, "notes"], {}, input);
  const before = ["limit  number  500", "langs  multi_select  not set"];
  assert.deepEqual(assertDone(await settings([])).trimEnd().split("\n"), [
    ...before,
    "token  secret  not set  (required)",
  ]);
  const wrong: readonly (readonly [readonly string[], number, RegExp])[] = [
    [["--set", "token=a=b"], 2, /^token is a secret: give it by --secret token/],
    [["--secret", "limit"], 2, /^limit is no secret: its value would be shown/],
    [["--set", "langs=de"], 2, /^the value of langs is written as JSON/],
    [
      ["--set", "limits=1", "--set", 'langs=["fr"]'],
      1,
      /limits is .*"limit"\?; langs must be one of/,
    ],
    [["--secret", "tokens"], 1, /tokens is no setting .*"token"\?.*\[addon\.invalid_settings\]/],
  ];
  for (const [args, code, message] of wrong) {
    const outcome = await settings(args, "s3cret");
    assertRefused(outcome, code, message);
    assert.doesNotMatch(outcome.errors, /s3cret|a=b/);
  }
  const after = await settings(
    ["--set", "limit=800.5", "--set", 'langs=["de"]', "--secret", "token"],
    "s3cret\n",
  );
  assert.deepEqual(assertDone(after).trimEnd().split("\n"), [
    "limit  number  800.5",
    'langs  multi_select  ["de"]',
    "token  secret  set, never shown",
  ]);
  const shown = assertDone(await settings(["--unset", "limit", "--unset", "langs", "--json"]));
  assert.deepEqual(
    JSON.parse(shown).map((
      { key, value, is_set }: Record<string, unknown>,
    ) => [key, value, is_set]),
    [["limit", 500, true], ["langs", undefined, false], ["token", undefined, true]],
  );
  const rotate = (...args: readonly string[]) =>
    place.run(["addon", "rotate-secret", "--organization", organization, ...args]);
  const first = assertDone(await rotate("notes"));
  assert.equal(told(first, "the old one"), "is void");
  const second = assertDone(await rotate("--overlap", "3600", "notes"));
  assert.match(told(second, "the old one"), /^holds until \d{4}-.*Z$/);
  assert.match(told(second, "secret"), /^[0-9a-f]{64} \(shown this once\)$/);
  assert.notEqual(told(first, "secret"), told(second, "secret"));
  assertRefused(await rotate("nothing"), 1, /\[addon\.not_installed\]/);
});

function option(value: string): { readonly value: string; readonly label: string } {
  return { value, label: value };
}

Deno.test("addon install: where a key is trusted the signature beside the bundle counts, and is listed", async () => {
  await using place = await workplace({ LOG_LEVEL: "error" });
  const { folder } = place;
  const organization = await newOrganization(place);
  const notes = await writeBundle(folder, "notes");
  const other = await writeBundle(folder, "other");
  const made = assertDone(await place.run(["keys", "generate", "--out", `${folder}/acme`]));
  assertDone(await place.run(["addon", "sign", "--key", `${folder}/acme.pem`, notes]));
  const trust = { MARKETPLACE_PUBKEY: told(made, "base64"), ALLOW_UNSIGNED_BUNDLES: "true" };
  const addon = (command: string, ...args: readonly string[]) =>
    place.run(["addon", command, "--organization", organization, ...args], trust);
  // One that is refused keeps all of them out: bundles are verified before the first is installed.
  assertRefused(
    await addon("install", "--yes", "--accept-all", notes, other),
    1,
    /\[bundle\.unsigned\]/,
  );
  assertRefused(await addon("plan", other), 1, /\[bundle\.unsigned\]/);
  const installed = assertDone(await addon("install", "--yes", notes));
  assert.equal(told(installed, "signature"), `verified, key ${told(made, "key id")} (marketplace)`);
  assert.equal(
    assertDone(await addon("list")),
    `notes  1.0.0  enabled  verified, key ${told(made, "key id")} (marketplace)\n`,
  );
  const [shown] = JSON.parse(assertDone(await addon("list", "--json")));
  assert.deepEqual(
    [shown.addon_key, shown.signature.status, shown.signature.trusted],
    ["notes", "verified", undefined],
  );
  // The operator took the key away meanwhile.
  assert.equal(
    assertDone(
      await place.run(["addon", "list", "--organization", organization], {
        ALLOW_UNSIGNED_BUNDLES: "true",
      }),
    ),
    `notes  1.0.0  enabled  verified, key ${
      told(made, "key id")
    } (marketplace), not trusted any more\n`,
  );
});

Deno.test("a command may read and write the files that it names, and no others", () => {
  assert.deepEqual(commandFiles(["serve"]), { reads: [], writes: [] });
  assert.deepEqual(commandFiles(["organization", "create", "--name", "x"]), {
    reads: [],
    writes: [],
  });
  assert.deepEqual(commandFiles(["keys", "generate", "--out", "a"]), {
    reads: [],
    writes: ["a.pem", "a.pub"],
  });
  assert.deepEqual(commandFiles(["addon", "sign", "--key=k.pem", "b.tgz"]), {
    reads: ["k.pem", "b.tgz", "k.pem.sig", "b.tgz.sig"],
    writes: ["k.pem.sig", "b.tgz.sig"],
  });
  for (const command of ["settings", "rotate-secret"]) {
    assert.deepEqual(commandFiles(["addon", command, "--set=path=/etc", "deno.json"]), {
      reads: [],
      writes: [],
    });
  }
  const pem = "-----BEGIN PUBLIC KEY-----\nAA==\n-----END PUBLIC KEY-----";
  assert.deepEqual(commandFiles(["addon", "verify", "--key", pem, "--json", "b.tgz"]), {
    reads: ["b.tgz", "b.tgz.sig"],
    writes: [],
  });
});

Deno.test("progress: nothing is said of quick work; of slow work where it stands and each station after", () => {
  const said: string[] = [];
  let ring = () => {};
  let calledOff = 0;
  const start = () =>
    progressLines({
      say: (line) => said.push(line),
      after: (delayMs, call) => {
        assert.equal(delayMs, 1_000);
        ring = call;
        return () => calledOff++;
      },
    });
  const quick = start();
  quick.onProgress({ station: "verify" });
  quick.done();
  assert.deepEqual([said, calledOff], [[], 1]);
  const slow = start();
  slow.onProgress({ station: "verify" });
  slow.onProgress({ station: "migrate", detail: "1 of 2" });
  ring();
  slow.onProgress({ station: "migrate", detail: "2 of 2" });
  slow.onProgress({ station: "commit" });
  slow.done();
  assert.deepEqual(said, ["migrate: 1 of 2", "migrate: 2 of 2", "commit …"]);
  // A work that has said nothing yet.
  start();
  ring();
  assert.equal(said.length, 3);
});

const PLAN: InstallationPlan = {
  operation: "upgrade",
  addon_key: "notes",
  name: "Notes",
  from_version: "1.0.0",
  to_version: "1.1.0",
  digest: "ab".repeat(32),
  signature: { status: "verified", key_id: "acme", role: "author", developer: "Acme" },
  revision: 3,
  schema: "addon_notes",
  changes: [{
    table: "items",
    description: `drop column "old"`,
    sql: { postgres: [], sqlite: [] },
    locks: { postgres: "everything", sqlite: "writes" },
    rewrites: { postgres: false, sqlite: true },
    destructive: true,
    source: "0002_drop.sql",
  }],
  migrations: ["0002_drop"],
  data_at_risk: [{ table: "items", column: "old", rows: 7, reason: "the column goes" }],
  capabilities: {
    added: [{ kind: "http:fetch", target: "api.example.com", reason: "rates" }],
    removed: [{ kind: "db:read", target: "users" }],
    kept: [],
  },
  models: { added: ["a"], changed: ["b"], removed: ["c"] },
  routes: [],
  navigation: [{ title: "Notes", url: "/notes" }],
  settings_needed: [{ key: "token", label: "Token" }],
  requirements: [
    {
      key: "crm",
      range: "^2.0.0",
      optional: false,
      installed: "1.0.0",
      state: "version_mismatch",
    },
    { key: "tags", optional: true, state: "missing" },
  ],
  dependents: [],
  extends: [],
  warnings: ["no effect"],
  obstacles: [{ code: "addon.requirement_missing", message: "needs crm" }],
  plan_hash: "cd".repeat(32),
};

Deno.test("a plan in words marks what is new, what goes, and what somebody must not overlook", () => {
  assert.deepEqual(planLines(PLAN), [
    "upgrade notes 1.0.0 -> 1.1.0 (Notes)",
    `digest       ${"ab".repeat(32)}`,
    "signature    verified, key acme (author, Acme)",
    `plan hash    ${"cd".repeat(32)}`,
    "tables",
    "  migration 0002_drop",
    `! drop column "old" (0002_drop.sql)`,
    "      postgres: locks everything; sqlite: locks writes, rewrites every row",
    "capabilities",
    "+ http:fetch api.example.com: rates",
    "- db:read users",
    "models",
    "+ a",
    "~ b",
    "- c",
    "navigation",
    "  Notes (/notes)",
    "settings needed",
    "  token: Token",
    "requires",
    "! crm ^2.0.0: version mismatch, 1.0.0 is installed",
    "  tags *: missing",
    "data at risk",
    "! items.old: 7 rows, the column goes",
    "warnings",
    "! no effect",
    "in the way",
    "! needs crm [addon.requirement_missing]",
  ]);
});

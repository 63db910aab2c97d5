/**
 * The command line as a process of its own, under the permission flags that the tasks give it: help,
 * exit codes, and lines that people read. `serve` is in `tests/e2e`.
 *
 * @module
 */

import assert from "node:assert/strict";
import { rolesSql } from "../../src/db/roles.ts";
import { SETTING_NAMES } from "../../src/kernel/settings.ts";
import { exampleBundle } from "../_support/bundles.ts";

const root = new URL("../../", import.meta.url).pathname;
const STACK = /^\s+at .*:\d+:\d+/m;
const UUID = "[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}";

type Variables = Readonly<Record<string, string>>;

interface Outcome {
  readonly code: number;
  readonly output: string;
  readonly errors: string;
}

/** Nothing of the surroundings: a DATABASE_URL of the person who runs the tests stays out. */
async function execute(args: readonly string[], env: Variables): Promise<Outcome> {
  const kept = ["PATH", "HOME", "DENO_DIR", "XDG_CACHE_HOME"].flatMap((name) => {
    const value = Deno.env.get(name);
    return value === undefined ? [] : [[name, value]];
  });
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "--quiet", "--cached-only", "--no-prompt", ...args],
    cwd: root,
    clearEnv: true,
    env: { ...Object.fromEntries(kept), ...env },
  }).output();
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  return { code, output: text(stdout), errors: text(stderr) };
}

/** A data directory with the flags that `deno task cli` would use for it. */
async function workplace(
  env: Variables = {},
): Promise<AsyncDisposable & { run(args: readonly string[], more?: Variables): Promise<Outcome> }> {
  const folder = await Deno.makeTempDir();
  const settings = { METACORE_DATA_DIR: `${folder}/data`, ...env };
  const asked = await execute(["--allow-env", "scripts/permission_flags.ts"], settings);
  const flags = asked.output.trim().split(" ");
  return {
    run: (args, more = {}) =>
      execute([...flags, "src/cli/main.ts", ...args], { ...settings, ...more }),
    [Symbol.asyncDispose]: () => Deno.remove(folder, { recursive: true }),
  };
}

function errorLines(outcome: Outcome): string[] {
  return outcome.errors.split("\n").filter((line) => line !== "");
}

/** Exit code 1 and one line with a code on standard error, nothing else. */
function assertRefused(outcome: Outcome, line: RegExp): void {
  assert.equal(outcome.code, 1, outcome.errors);
  assert.equal(errorLines(outcome).length, 1, outcome.errors);
  assert.match(outcome.errors, line);
  assert.doesNotMatch(outcome.errors, STACK);
}

Deno.test("--help of every command exits 0 and names its options and settings", async () => {
  await using place = await workplace();
  const commands: readonly (readonly [string, readonly string[]])[] = [
    ["", ["serve", "migrate", "doctor", "database", "organization", "--version"]],
    ["serve", SETTING_NAMES],
    ["migrate", SETTING_NAMES],
    ["doctor", SETTING_NAMES],
    ["database", ["roles"]],
    ["database roles", ["--database <name>", "--owner <role>", "--app <role>"]],
    ["organization", ["create", "list", "add-user"]],
    ["organization list", SETTING_NAMES],
    ["organization create", [
      ...["--name <name>", "--owner-email <email>", "--owner-name <name>", "--password <password>"],
      ...SETTING_NAMES,
    ]],
    ["organization add-user", [
      ...["--organization <id>", "--email <email>", "--name <name>", "--role <role>"],
      ...["--password <password>", ...SETTING_NAMES],
    ]],
  ];
  await Promise.all(commands.map(async ([command, names]) => {
    const words = command.split(" ").filter(Boolean);
    const { code, output, errors } = await place.run([...words, "--help"]);
    assert.deepEqual([code, errors], [0, ""], command);
    assert.match(output, new RegExp(`^Usage: ${["metacore", ...words].join(" ")} `));
    for (const name of names) assert.ok(output.includes(name), `${command} --help: ${name}`);
  }));
});

Deno.test("README: its tables name every setting and every command, and no other", async () => {
  const readme = await Deno.readTextFile(`${root}README.md`);
  /** What stands between backquotes in the first column of a section's table. */
  const named = (from: string, to: string) =>
    readme.slice(readme.indexOf(`\n## ${from}\n`), readme.indexOf(`\n## ${to}\n`))
      .split("\n").filter((line) => line.startsWith("| `"))
      .flatMap((line) => [...line.split("|")[1]!.matchAll(/`([^`]+)`/g)].map(([, name]) => name!));
  assert.deepEqual(named("Settings", "Command line").toSorted(), [...SETTING_NAMES].toSorted());
  await using place = await workplace();
  const namesIn = async (...words: readonly string[]) => {
    const { output } = await place.run([...words, "--help"]);
    const lines = output.slice(output.indexOf("\nCommands:")).split("\n");
    const names = lines.flatMap((line) => /^ {2}([a-z][a-z-]*)/.exec(line)?.[1] ?? []);
    return names.filter((name) => name !== "help");
  };
  const groups = ["database", "organization", "addon", "keys"];
  const alone = (await namesIn()).filter((name) => !groups.includes(name));
  const grouped = await Promise.all(
    groups.map(async (group) => (await namesIn(group)).map((name) => `${group} ${name}`)),
  );
  assert.equal(alone.length, 3);
  assert.deepEqual(
    named("Command line", "Postgres").toSorted(),
    [...alone, ...grouped.flat()].toSorted(),
  );
});

Deno.test("wrong usage exits 2 with what is wrong and the command's usage", async () => {
  await using place = await workplace();
  const wrong: readonly (readonly [string, RegExp, string])[] = [
    ["", /^/, "metacore"],
    ["frobnicate", /unknown command 'frobnicate'/, "metacore"],
    ["--frobnicate", /unknown option '--frobnicate'/, "metacore"],
    ["migrate --force", /unknown option '--force'/, "metacore migrate"],
    ["doctor twice", /too many arguments for 'doctor'/, "metacore doctor"],
    ["database", /^/, "metacore database"],
    ["database role", /unknown command 'role'.*\n.*Did you mean roles/, "metacore database"],
    ["database roles --app", /'--app <role>' argument missing/, "metacore database roles"],
    [
      "organization create --name Acme",
      /required option '--owner-email <email>' not specified/,
      "metacore organization create",
    ],
  ];
  await Promise.all(wrong.map(async ([command, complaint, usage]) => {
    const { code, output, errors } = await place.run(command.split(" ").filter(Boolean));
    assert.deepEqual([code, output], [2, ""], `${command}: ${errors}`);
    assert.match(errors, complaint);
    assert.ok(errors.includes(`Usage: ${usage} [options]`), errors);
    assert.doesNotMatch(errors, /METACORE_DATA_DIR/, "the complaint is lost among settings");
    assert.doesNotMatch(errors, STACK);
  }));
});

Deno.test("migrate brings the tables up to date; again it has nothing to apply", async () => {
  await using place = await workplace();
  for (const applied of [true, false]) {
    const { code, output, errors } = await place.run(["migrate"]);
    assert.deepEqual([code, output], [0, "The kernel's tables are up to date\n"], errors);
    assert.equal(errors.includes("applied kernel migrations"), applied, errors);
  }
});

Deno.test("doctor prints a line a check, and warns of what is open", async () => {
  await using place = await workplace();
  const healthy = await place.run(["doctor"]);
  assert.equal(healthy.code, 0, healthy.errors);
  const lines = healthy.output.trimEnd().split("\n");
  assert.match(lines[0]!, /^ok {4}Deno 2\./);
  assert.deepEqual(lines.slice(1), [
    "ok    settings and keys",
    "warn  no key is trusted: every bundle is refused (MARKETPLACE_PUBKEYS)",
    "ok    capabilities of addons are enforced",
    "ok    outbound HTTP of addons is off (METACORE_EGRESS)",
    "warn  METACORE_OPERATOR_TOKEN is unset: /metrics and /api/operator refuse everybody",
    "ok    database, migrations and roles",
    "ok    /readyz",
    "ok    SQL of addon code",
    "next  a worker without permissions is started; should the process end here with exit code 70, " +
    'add "unstable": ["worker-options"] to the deno.json of the main module',
    "ok    workers for addon code start, and have proven their walls",
  ]);
  const open = await place.run(["doctor"], {
    ALLOW_UNSIGNED_BUNDLES: "true",
    METACORE_ENFORCE: "shadow",
    METACORE_EGRESS: "any",
    METACORE_EGRESS_PRIVATE: "10.0.0.5",
    METACORE_OPERATOR_TOKEN: "t".repeat(32),
  });
  assert.equal(open.code, 0, open.errors);
  assert.match(open.output, /^warn {2}METACORE_EGRESS=any: /m);
  assert.match(open.output, /^warn {2}METACORE_EGRESS_PRIVATE: addons may reach 10\.0\.0\.5$/m);
  assert.match(open.output, /^ok {4}METACORE_OPERATOR_TOKEN is set$/m);
  assert.match(open.output, /^warn {2}METACORE_ENFORCE=shadow: /m);
  assert.match(open.output, /^warn {2}ALLOW_UNSIGNED_BUNDLES=true: /m);
});

Deno.test("doctor tells of a catalog that is not there, and of bundles that it leaves out", async () => {
  const parent = await Deno.makeTempDir();
  const offers = `${parent}/offers`;
  const settings = { METACORE_CATALOG_DIR: offers, ALLOW_UNSIGNED_BUNDLES: "true" };
  try {
    await using place = await workplace(settings);
    const absent = await place.run(["doctor"]);
    assert.match(absent.output, /^warn {2}METACORE_CATALOG_DIR .*offers offers nothing: No such/m);
    await Deno.mkdir(offers);
    await Deno.writeFile(`${offers}/tickets.tgz`, await exampleBundle());
    await Deno.writeTextFile(`${offers}/torn.tgz`, "torn");
    const half = await place.run(["doctor"]);
    assert.match(half.output, /^ok {4}catalog: bundles that can be installed from .*offers: 1$/m);
    assert.match(half.output, /^warn {2}catalog: torn\.tgz cannot be installed: .*\[bundle\./m);
    const strict = await place.run(["doctor"], { ALLOW_UNSIGNED_BUNDLES: "false" });
    assert.match(strict.output, /^warn {2}catalog: tickets\.tgz .*\[bundle\.unsigned\]$/m);
  } finally {
    await Deno.remove(parent, { recursive: true });
  }
});

Deno.test("doctor refuses what is not understood or out of reach in one line", async () => {
  await using place = await workplace();
  assertRefused(
    await place.run(["doctor"], { METACORE_ENFORCE: "False" }),
    /^METACORE_ENFORCE="False" is not understood: set it to enforce or shadow, .* \[kernel\.inv/,
  );
  const ownerUrl = "mysql://owner:hunter2@localhost/x";
  const owner = await place.run(["doctor"], { DATABASE_OWNER_URL: ownerUrl });
  assertRefused(owner, /^DATABASE_OWNER_URL="…" is not understood: set it to postgres:/);
  assert.doesNotMatch(owner.errors, /hunter2/, "a password is not repeated");
  assertRefused(
    await place.run(["doctor"], { JWT_SECRET: "short" }),
    /^JWT_SECRET has 5 bytes; give it at least 32 .* \[kernel\.weak_key\]/,
  );
  // Beyond what the flags permit: a line that names the path, no stack.
  assertRefused(
    await place.run(["doctor"], { METACORE_DATA_DIR: "/elsewhere" }),
    /^Requires read access to "\/elsewhere\/jwt_secret"/,
  );
});

Deno.test("serve refuses an address that is taken in one line", async () => {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr;
  await using place = await workplace({
    PORT: String(port),
    METACORE_ADMIN_PASSWORD: "correct horse battery",
    LOG_LEVEL: "error",
  });
  assertRefused(
    await place.run(["serve"]),
    new RegExp(`^Cannot listen on 127.0.0.1:${port} \\(.*in use.*\\): set HOST and PORT .*kernel`),
  );
});

Deno.test("database roles prints SQL under the names given, and needs no database", async () => {
  await using place = await workplace({ DATABASE_URL: "postgres://nobody@127.0.0.1:1/none" });
  const standard = await place.run(["database", "roles"]);
  assert.deepEqual([standard.code, standard.errors], [0, ""]);
  assert.equal(standard.output.trimEnd(), rolesSql().trimEnd());
  for (const part of ["metacore_owner", "metacore_app", "NOBYPASSRLS", "\\password"]) {
    assert.ok(standard.output.includes(part), part);
  }
  const names = ["--database", "shop", "--owner", "the boss", "--app", 'we"ird'];
  const named = await place.run(["database", "roles", ...names]);
  assert.match(named.output, /^CREATE ROLE "the boss" LOGIN NOSUPERUSER NOBYPASSRLS/m);
  assert.match(named.output, /^CREATE ROLE "we""ird" LOGIN/m);
  assert.match(named.output, /^CREATE DATABASE "shop" OWNER "the boss"/m);
});

Deno.test("organization create and add-user print ids, and a made password once", async () => {
  await using place = await workplace();
  const create = ["organization", "create", "--name", "Acme", "--owner-email"];
  const created = await place.run([...create, "ada@example.test"]);
  assert.equal(created.code, 0, created.errors);
  const shape = new RegExp(
    `^organization (${UUID}) acme\\nowner {8}${UUID} ada@example\\.test\\n` +
      "password {5}([a-z2-9]{6}(?:-[a-z2-9]{6}){3}) \\(shown this once\\)\\n$",
  );
  const [, organizationId = "", password = ""] = shape.exec(created.output) ?? [];
  assert.notEqual(password, "", created.output);
  assert.ok(!created.errors.includes(password), "the log does not hold the password");

  assertRefused(await place.run([...create, "ADA@example.test"]), /User already exists \[auth\.us/);
  assertRefused(await place.run([...create, "nobody"]), /name@host.* \[auth\.invalid_email\]/);

  const listed = await place.run(["organization", "list"]);
  assert.deepEqual([listed.code, listed.output], [0, `${organizationId}  acme  Acme\n`]);

  const add = ["organization", "add-user", "--organization", organizationId, "--email"];
  const given = ["--password", "correct horse battery", "--role", "Clerk", "--name", "Bob"];
  const added = await place.run([...add, "bob@example.test", ...given]);
  assert.equal(added.code, 0, added.errors);
  assert.match(
    added.output,
    new RegExp(`^user {9}${UUID} bob@example\\.test \\(clerk\\)\\n$`),
    "a password that was given is not printed",
  );
  const made = await place.run([...add, "eve@example.test"]);
  assert.match(made.output, /\(agent\)\npassword {5}[a-z2-9-]{27} \(shown this once\)\n$/);
  assertRefused(
    await place.run([...add, "bob@example.test"]),
    /already exists \[auth\.user_exists/,
  );
  const short = await place.run([...add, "kim@example.test", "--password", "short"]);
  assertRefused(short, /8 to 256 characters \[auth\.weak_password\]/);
  for (const id of ["nonsense", crypto.randomUUID()]) {
    const args = ["organization", "add-user", "--organization", id, "--email", "x@example.test"];
    assertRefused(await place.run(args), /organization not found \[auth\.organization_not_found\]/);
  }
});

/**
 * The program as an operator runs it: `deno task serve` as a process of its own, settings from the
 * environment, stopped by a signal; and the README's examples for embedding as they stand there.
 *
 * @module
 */

import assert from "node:assert/strict";
import { addonBundle, fixtureModule } from "../_support/addon.ts";
import { exampleBundle } from "../_support/bundles.ts";

const root = new URL("../../", import.meta.url).pathname;
const OWNER = { email: "owner@example.test", password: "correct horse battery" };

interface Server extends AsyncDisposable {
  readonly url: string;
  readonly output: () => string;
  /** Sends SIGTERM and waits for the end. */
  stop(): Promise<number>;
}

function freePort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return listener.addr.port;
}

async function startProcess(args: string[], env: Record<string, string>): Promise<Server> {
  const port = freePort();
  const child = new Deno.Command(Deno.execPath(), {
    args: args.map((argument) => argument.replace("<port>", String(port))),
    cwd: root,
    env: { PORT: String(port), NO_COLOR: "1", ...env },
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  let output = "";
  const collect = async (stream: ReadableStream<Uint8Array>) => {
    for await (const chunk of stream) output += new TextDecoder().decode(chunk);
  };
  const collected = Promise.all([collect(child.stdout), collect(child.stderr)]);
  let ended = false;
  const status = child.status.finally(() => ended = true);
  const url = `http://127.0.0.1:${port}`;
  while (!ended && !await answers(url)) await new Promise((resolve) => setTimeout(resolve, 30));
  const stop = async () => {
    if (!ended) child.kill("SIGTERM");
    const { code } = await status;
    await collected;
    return code;
  };
  return { url, output: () => output, stop, [Symbol.asyncDispose]: async () => void await stop() };
}

async function answers(url: string): Promise<boolean> {
  try {
    const response = await fetch(`${url}/readyz`);
    await response.body?.cancel();
    return response.ok;
  } catch {
    return false;
  }
}

async function serve(dataDir: string, env: Record<string, string> = {}): Promise<Server> {
  return await startProcess(["task", "serve"], {
    METACORE_DATA_DIR: dataDir,
    METACORE_ADMIN_EMAIL: OWNER.email,
    METACORE_ADMIN_PASSWORD: OWNER.password,
    ...env,
  });
}

async function logIn(url: string): Promise<Record<string, string>> {
  const response = await fetch(`${url}/api/auth/login`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(OWNER),
  });
  const { data } = await response.json();
  assert.equal(response.status, 200);
  return { authorization: `Bearer ${data.token}` };
}

Deno.test("deno task serve: a first start is a working kernel, a second one finds its data", async () => {
  const dataDir = await Deno.makeTempDir();
  {
    await using server = await serve(dataDir, { ALLOW_UNSIGNED_BUNDLES: "true" });
    assert.match(
      server.output(),
      /Created the organization "My organization" with its owner owner@/,
    );
    assert.doesNotMatch(server.output(), /Password of/, "a given password is not printed");
    const headers = await logIn(server.url);
    const form = new FormData();
    form.set("bundle", new Blob([await exampleBundle() as Uint8Array<ArrayBuffer>]), "t.tgz");
    const installed = await fetch(`${server.url}/api/metacore/installations`, {
      method: "POST",
      headers,
      body: form,
    });
    assert.equal(installed.status, 200, await installed.text());
    const created = await fetch(`${server.url}/api/dynamic/tickets`, {
      method: "POST",
      headers: { ...headers, "content-type": "application/json" },
      body: JSON.stringify({ number: "T-1", title: "Printer on fire" }),
    });
    assert.equal(created.status, 201, await created.text());
    assert.equal(await server.stop(), 0, server.output());
    assert.match(server.output(), /Listening on http:\/\/127\.0\.0\.1:\d+\//);
  }
  await using again = await serve(dataDir);
  const headers = await logIn(again.url);
  const list = await fetch(`${again.url}/api/dynamic/tickets`, { headers });
  const { data } = await list.json();
  assert.deepEqual(data.map((row: { title: string }) => row.title), ["Printer on fire"]);
});

Deno.test("deno task serve: a request in flight at SIGTERM is answered", async () => {
  await using server = await serve(await Deno.makeTempDir());
  // A login costs a password hash on another thread, long enough to be caught in flight.
  const login = logIn(server.url);
  await new Promise((resolve) => setTimeout(resolve, 40));
  const stopped = server.stop();
  assert.match((await login)["authorization"]!, /^Bearer ./);
  assert.equal(await stopped, 0, server.output());
});

Deno.test("deno task serve: at SIGTERM a guest that never ends is stopped, its caller told", async () => {
  await using server = await serve(await Deno.makeTempDir(), {
    ALLOW_UNSIGNED_BUNDLES: "true",
    METACORE_ENFORCE: "shadow",
  });
  const headers = { ...await logIn(server.url), "content-type": "application/json" };
  const bundle = await addonBundle({
    key: "probe",
    ...await fixtureModule("probe"),
    exports: ["spin"],
    capabilities: [
      { kind: "event:emit", target: "probe.*" },
      { kind: "http:fetch", target: "example.com" },
    ],
    timeoutMs: 30_000,
  });
  const api = `${server.url}/api`;
  const installed = await fetch(`${api}/metacore/installations`, {
    method: "POST",
    headers: { ...headers, "content-type": "application/gzip" },
    body: bundle as Uint8Array<ArrayBuffer>,
  });
  assert.equal(installed.status, 200, await installed.text());
  const created = await fetch(`${api}/dynamic/probe_notes`, {
    method: "POST",
    headers,
    body: JSON.stringify({ title: "x" }),
  });
  const { data } = await created.json();
  const path = `${api}/dynamic/probe_notes/${data.id}/action/spin`;
  const spinning = fetch(path, { method: "POST", headers });
  while (!/starting the first worker/.test(server.output())) {
    await new Promise((resolve) => setTimeout(resolve, 30));
  }
  await new Promise((resolve) => setTimeout(resolve, 300));
  const before = performance.now();
  const stopped = server.stop();
  const answer = await spinning;
  assert.equal(answer.status, 503);
  assert.equal((await answer.json()).code, "sandbox.killed");
  assert.equal(await stopped, 0, server.output());
  assert.ok(performance.now() - before < 9_800);
  // Nothing but the log's own lines: no warning of the runtime, no stack, no prompt.
  const lines = server.output().split("\n").filter((line) => line !== "" && !/^\d{4}-/.test(line));
  assert.deepEqual(
    lines.filter((line) => !/^(Task|Created|Listening|Stopping|METACORE_)/.test(line)),
    [],
  );
  assert.match(server.output(), /METACORE_ENFORCE=shadow/);
  assert.doesNotMatch(server.output(), / ERROR /);
});

Deno.test("deno task serve: an unknown setting value refuses to start, in one line", async () => {
  const wrong = [
    [
      "METACORE_ENFORCE",
      "False",
      /METACORE_ENFORCE="False" is not understood: set it to enforce or shadow/,
    ],
    ["PORT", "eighty", /PORT="eighty" is not understood/],
    ["DATABASE_URL", "mysql://x", /DATABASE_URL="…" is not understood/],
    ["JWT_SECRET", "short", /JWT_SECRET has 5 bytes; give it at least 32/],
    ["METACORE_MASTER_KEY", "abc", /METACORE_MASTER_KEY must be 32 bytes/],
    ["ALLOW_UNSIGNED_BUNDLES", "maybe", /ALLOW_UNSIGNED_BUNDLES="maybe" is not understood/],
    ["MARKETPLACE_PUBKEYS", "zz", /MARKETPLACE_PUBKEYS="zz" is not understood/],
  ] as const;
  await Promise.all(wrong.map(async ([name, value, message]) => {
    const server = await serve(await Deno.makeTempDir(), { [name]: value });
    assert.equal(await server.stop(), 1, server.output());
    const lines = server.output().split("\n").filter((line) => /\[kernel\./.test(line));
    assert.equal(lines.length, 1, server.output());
    assert.match(lines[0]!, message);
  }));
});

Deno.test("deno task serve: a second process on the same SQLite file is refused", async () => {
  const dataDir = await Deno.makeTempDir();
  await using first = await serve(dataDir);
  const second = await serve(dataDir);
  assert.equal(await second.stop(), 1, second.output());
  assert.match(second.output(), /\[db\.locked\]/);
  await logIn(first.url);
});

Deno.test("README: the embedding example runs as it stands", async () => {
  const readme = await Deno.readTextFile(`${root}README.md`);
  const section = readme.slice(readme.indexOf("## Embed it"));
  const code = /```ts\n([\s\S]*?)```/.exec(section)![1]!;
  assert.ok(code.trim().split("\n").length <= 15, "README promises 15 lines");
  const folder = await Deno.makeTempDir();
  const source = code
    .replace('"@metacore/kernel"', JSON.stringify(`file://${root}mod.ts`))
    .replace("8080", 'Number(Deno.env.get("PORT"))')
    .replace("sqlite:data/app.db", `sqlite:${folder}/app.db`);
  await Deno.writeTextFile(`${folder}/app.ts`, source);
  await using server = await startProcess([
    "run",
    "--quiet",
    "--cached-only",
    "--no-prompt",
    `--config=${root}deno.json`,
    `--allow-read=${folder}`,
    `--allow-write=${folder}`,
    "--allow-net=127.0.0.1",
    "--allow-env",
    `${folder}/app.ts`,
  ], { JWT_SECRET: "a secret for tests, 32 bytes and more", METACORE_MASTER_KEY: "07".repeat(32) });
  const response = await fetch(`${server.url}/api/dynamic/customers`);
  assert.equal(response.status, 401, server.output());
  await response.body?.cancel();
});

Deno.test("README: the example of an addon as code runs as it stands", async () => {
  const readme = await Deno.readTextFile(`${root}README.md`);
  const section = readme.slice(readme.indexOf("The application can bring addons as code"));
  const code = /```ts\n([\s\S]*?)```/.exec(section)![1]!;
  const folder = await Deno.makeTempDir();
  const source = code
    .replace('"@metacore/kernel"', JSON.stringify(`file://${root}mod.ts`))
    .replace("createKernel({ …,", `createKernel({ ...OPTIONS,`)
    .replace("await kernel.services.addons.", `${OPENING}$&`);
  assert.ok(source.includes(OPENING) && source.includes("...OPTIONS"), source);
  const options = { databaseUrl: "sqlite::memory:", jwtSecret: "a".repeat(32) };
  const lines = [
    `const OPTIONS = ${JSON.stringify({ ...options, masterKey: "07".repeat(32) })};`,
    source,
    PAYING,
  ];
  await Deno.writeTextFile(`${folder}/app.ts`, lines.join("\n"));
  const { code: exit, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: [
      ...["run", "--check", "--quiet", "--cached-only", "--no-prompt", `--config=${root}deno.json`],
      ...["--allow-env", `${folder}/app.ts`],
    ],
  }).output();
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  assert.equal(exit, 0, text(stderr));
  const told = text(stdout).trim().split("\n");
  assert.deepEqual(told, ["open", "done", "paid", "addon.action_invalid_state"]);
});

const OPENING = `await kernel.start();
const { organization: { id: organizationId } } = await kernel.services.auth.createOrganization({
  organizationName: "Acme", name: "Ana", email: "ana@example.test", password: "correct horse",
});
`;

/** Pays an invoice, looks at it, and pays it again. */
const PAYING = `
const caller = systemCaller(organizationId);
const { records, actions } = kernel.services;
const { id, status } = (await records.create(caller, "invoices", { title: "Chairs" })).value();
console.log(status);
const pay = () => actions.run(caller, "invoices", String(id), "pay", {});
console.log((await pay()).outcome);
console.log((await records.get(caller, "invoices", String(id))).value().status);
await pay().catch(({ code }) => console.log(code));
await kernel.stop();
`;

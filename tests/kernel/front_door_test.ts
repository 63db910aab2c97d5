/**
 * From nothing to a live tenant through the front door: the main journey on both engines.
 *
 * @module
 */

import assert from "node:assert/strict";
import { Client, newOwner, sendAnonymous } from "../_support/client.ts";
import { exampleBundle, realBundles } from "../_support/bundles.ts";
import { engines } from "../_support/engines.ts";
import { kernelTest, startKernel, testPlace } from "../_support/kernel.ts";
import { isKernelError } from "../../src/base/error.ts";
import { openBundle, packBundle } from "../../src/bundle/mod.ts";
import { openDatabase } from "../../src/db/open.ts";
import { type Logger, silentLogger } from "../../src/telemetry/log.ts";
import { DatabaseSync } from "node:sqlite";

kernelTest(
  "an installed bundle is live at once: log in, list, create, view, edit, delete",
  async ({ kernel }) => {
    const owner = await newOwner(kernel);
    const before = await owner.send("GET", "/api/dynamic/tickets");
    assert.equal(before.status, 404);
    assert.equal(before.body.message, "model not found in registry");

    const installed = await owner.install(await exampleBundle());
    assert.equal(installed.status, 200, JSON.stringify(installed.body));
    assert.match(installed.body.install_secret, /^[0-9a-f]{64}$/);
    assert.equal(installed.body.success, true);
    assert.equal(installed.body.addon_key, "tickets");
    assert.equal(installed.body.installation.status, "enabled");

    const created = await owner.create("tickets", { number: "T-1", title: "Printer on fire" });
    assert.equal(created["title"], "Printer on fire");
    assert.equal(created["organization_id"], owner.organizationId);
    assert.equal(created["created_by_id"], owner.userId);
    const id = created["id"];

    for (const base of ["/api/dynamic/tickets", "/api/data/tickets", "/api/data/tickets/me"]) {
      const list = await owner.get(base);
      assert.deepEqual(list.body.data.map((row: { id: string }) => row.id), [id], base);
      assert.deepEqual(list.body.meta, { total: 1, page: 1, per_page: 15, last_page: 1 });
      assert.equal((await owner.get(`${base}/${id}`)).body.data.title, "Printer on fire");
    }

    const edited = await owner.send("PUT", `/api/dynamic/tickets/${id}`, {
      ...created,
      title: "Printer put out",
      organization_id: crypto.randomUUID(),
      id: crypto.randomUUID(),
    });
    assert.equal(edited.status, 200, JSON.stringify(edited.body));
    assert.equal(edited.body.data.title, "Printer put out");
    assert.equal(edited.body.data.id, id);
    assert.equal(edited.body.data.organization_id, owner.organizationId);

    assert.equal((await owner.send("DELETE", `/api/dynamic/tickets/${id}`)).status, 200);
    assert.equal((await owner.send("GET", `/api/dynamic/tickets/${id}`)).status, 404);
    assert.equal((await owner.get("/api/dynamic/tickets")).body.meta.total, 0);
  },
);

kernelTest(
  "metadata, manifests and navigation of an installed bundle are served",
  async ({ kernel }) => {
    const owner = await newOwner(kernel);
    await owner.install(await exampleBundle());
    const table = (await owner.get("/api/metadata/table/tickets")).body.data;
    assert.ok(table.columns.some((column: { key: string }) => column.key === "title"));
    assert.equal(table.enableCRUDActions, true);
    const modal = (await owner.get("/api/metadata/modal/tickets")).body.data;
    assert.ok(modal.fields.some((field: { key: string }) => field.key === "title"));
    const all = (await owner.get("/api/metadata/all")).body.data;
    assert.ok(all.tables.tickets && all.modals.tickets && typeof all.version === "string");
    const manifests = await owner.get("/api/metacore/manifests");
    assert.deepEqual(manifests.body.map((m: { key: string }) => m.key), ["tickets"]);
    assert.equal(manifests.headers.get("x-metacore-kernel-version"), "2.0.0");
    const navigation = (await owner.get("/api/metacore/navigation")).body;
    assert.equal(navigation[0].items[0].owner, "addon:tickets");
  },
);

kernelTest("another organization sees neither the addon nor its rows", async ({ kernel }) => {
  const owner = await newOwner(kernel);
  const stranger = await newOwner(kernel, "Rival");
  await owner.install(await exampleBundle());
  const ticket = await owner.create("tickets", { number: "T-1", title: "Ours" });
  assert.equal((await stranger.send("GET", "/api/dynamic/tickets")).status, 404);
  assert.deepEqual((await stranger.get("/api/metacore/manifests")).body, []);
  await stranger.install(await exampleBundle());
  assert.deepEqual((await stranger.get("/api/dynamic/tickets")).body.data, []);
  const path = `/api/dynamic/tickets/${ticket["id"]}`;
  const probes = [["GET", undefined], ["PUT", { title: "Theirs" }], ["DELETE", undefined]] as const;
  for (const [method, body] of probes) {
    const answer = await stranger.send(method, path, body);
    assert.equal(answer.status, 404, method);
    assert.equal(answer.body.message, "record not found");
  }
  // The same number in two organizations: a global unique index would tell one about the other.
  await stranger.create("tickets", { number: "T-1", title: "Theirs" });
  assert.equal((await owner.get(path)).body.data.title, "Ours");
});

kernelTest("uninstalling keeps data for a later install, or drops it", async ({ kernel }) => {
  const owner = await newOwner(kernel);
  await owner.install(await exampleBundle());
  await owner.create("tickets", { number: "T-1", title: "Kept" });
  assert.equal((await owner.send("DELETE", "/api/metacore/installations/tickets")).status, 204);
  assert.equal((await owner.send("GET", "/api/dynamic/tickets")).status, 404);
  assert.deepEqual((await owner.get("/api/metacore/installations")).body, []);
  await owner.install(await exampleBundle());
  assert.equal((await owner.get("/api/dynamic/tickets")).body.data[0].title, "Kept");
  const dropped = await owner.send("DELETE", "/api/metacore/installations/tickets?drop=true");
  assert.equal(dropped.status, 204);
  await owner.install(await exampleBundle());
  assert.deepEqual((await owner.get("/api/dynamic/tickets")).body.data, []);
});

kernelTest("dropping one organization's data leaves the other's", async ({ kernel }) => {
  const [owner, other] = [await newOwner(kernel), await newOwner(kernel, "Other")];
  for (const client of [owner, other]) {
    await client.install(await exampleBundle());
    const ticket = await client.create("tickets", { number: "T-1", title: "Mine" });
    await client.create("ticket_comments", { ticket_id: ticket["id"], body: "Noted" });
  }
  assert.equal(
    (await owner.send("DELETE", "/api/metacore/installations/tickets?drop=true")).status,
    204,
  );
  assert.equal((await other.get("/api/dynamic/tickets")).body.meta.total, 1);
  await owner.install(await exampleBundle());
  assert.equal((await owner.get("/api/dynamic/tickets")).body.meta.total, 0);
});

kernelTest(
  "installing the same bundle again gives a new secret and changes nothing else",
  async ({ kernel }) => {
    const owner = await newOwner(kernel);
    const first = await owner.install(await exampleBundle());
    const second = await owner.install(await exampleBundle());
    assert.equal(second.status, 200, JSON.stringify(second.body));
    assert.equal(second.body.installation.id, first.body.installation.id);
    assert.notEqual(second.body.install_secret, first.body.install_secret);
    assert.equal((await owner.get("/api/metacore/installations")).body.length, 1);
  },
);

kernelTest("two organizations and two installs at once all come out whole", async ({ kernel }) => {
  const owners = [await newOwner(kernel), await newOwner(kernel, "Other")];
  const archive = await exampleBundle();
  const answers = await Promise.all([...owners, ...owners].map((owner) => owner.install(archive)));
  assert.deepEqual(answers.map((answer) => answer.status), [200, 200, 200, 200]);
  for (const owner of owners) {
    await owner.create("tickets", { number: "T-1", title: "Works" });
    assert.equal((await owner.get("/api/metacore/installations")).body.length, 1);
  }
});

kernelTest("a refused bundle leaves nothing behind", async ({ kernel }) => {
  const owner = await newOwner(kernel);
  const refused = await owner.install(new TextEncoder().encode("no archive at all"));
  assert.equal(refused.status, 400, JSON.stringify(refused.body));
  const mismatch = await owner.install(await exampleBundle(), "other");
  assert.equal(mismatch.body.message, 'bundle key "tickets" does not match URL key "other"');
  assert.deepEqual((await owner.get("/api/metacore/installations")).body, []);
});

kernelTest("an unsigned bundle is refused unless the setting allows it", async ({ kernel }) => {
  const owner = await newOwner(kernel);
  const refused = await owner.install(await exampleBundle());
  assert.equal(refused.status, 403);
  assert.match(refused.body.message, /ALLOW_UNSIGNED_BUNDLES=true/);
}, { unsignedBundles: "refuse" });

kernelTest("only who holds addons.install may install", async ({ kernel }) => {
  const owner = await newOwner(kernel);
  await kernel.services.auth.createUser({
    organizationId: owner.organizationId,
    name: "Agent",
    email: "agent@example.test",
    password: "correct horse battery",
    role: "agent",
  });
  const login = await sendAnonymous(kernel, "POST", "/api/auth/login", {
    email: "agent@example.test",
    password: "correct horse battery",
  });
  const agent = new Client(
    kernel,
    login.body.data.token,
    login.body.data.user.id,
    owner.organizationId,
  );
  const refused = await agent.install(await exampleBundle());
  assert.equal(refused.status, 403);
  assert.equal(refused.body.message, 'permission denied: missing capability "addons.install"');
});

for (const { name, archive } of await realBundles()) {
  kernelTest(
    `the real bundle ${name} installs, serves every model and uninstalls`,
    async ({ kernel }) => {
      const owner = await newOwner(kernel);
      const installed = await owner.install(archive);
      assert.equal(installed.status, 200, JSON.stringify(installed.body));
      const { manifest } = installed.body;
      for (const { model_key } of manifest.model_definitions ?? []) {
        const list = await owner.get(`/api/dynamic/${model_key}`);
        assert.equal(list.body.meta.total, 0);
        await owner.get(`/api/metadata/table/${model_key}`);
        const { fields } = (await owner.get(`/api/metadata/modal/${model_key}`)).body.data;
        const record = await owner.create(model_key, filledForm(fields, manifest, model_key));
        await owner.get(`/api/dynamic/${model_key}/${record["id"]}`);
        const put = await owner.send("PUT", `/api/dynamic/${model_key}/${record["id"]}`, record);
        assert.equal(put.status, 200, JSON.stringify(put.body));
        assert.equal((await owner.get(`/api/dynamic/${model_key}`)).body.meta.total, 1);
        const removed = await owner.send("DELETE", `/api/dynamic/${model_key}/${record["id"]}`);
        assert.equal(removed.status, 200);
      }
      const path = `/api/metacore/installations/${manifest.key}?drop=true`;
      assert.equal((await owner.send("DELETE", path)).status, 204);
    },
  );
}

for (const { name, archive } of await realBundles()) {
  kernelTest(
    `the real bundle ${name} installs with a schema per tenant, for two of them`,
    async ({ kernel }) => {
      const own = await withIsolation(archive, "schema-per-tenant");
      const owners = [await newOwner(kernel), await newOwner(kernel, "Other")];
      for (const owner of owners) {
        const installed = await owner.install(own);
        assert.equal(installed.status, 200, JSON.stringify(installed.body));
        for (const { model_key, columns } of installed.body.manifest.model_definitions ?? []) {
          const record = Object.fromEntries(
            columns.map((column: Column) => [column.name, sample(column.type)]),
          );
          await owner.create(model_key, record);
          assert.equal((await owner.get(`/api/dynamic/${model_key}`)).body.meta.total, 1);
        }
      }
      const key = (await owners[0]!.get("/api/metacore/installations")).body[0].addon_key;
      const path = `/api/metacore/installations/${key}?drop=true`;
      for (const owner of owners) assert.equal((await owner.send("DELETE", path)).status, 204);
    },
  );
}

/** The same bundle, its manifest asking for another isolation. */
async function withIsolation(archive: Uint8Array, isolation: string): Promise<Uint8Array> {
  const { entries, manifest } = await openBundle(archive);
  const files = new Map([...entries].map(([path, { bytes }]) => [path, bytes]));
  const document = { ...manifest.document, tenant_isolation: isolation };
  files.set("manifest.json", new TextEncoder().encode(JSON.stringify(document)));
  return await packBundle(files);
}

interface Field {
  readonly key: string;
  readonly type: string;
  readonly options?: { value: unknown }[];
}

interface Column {
  readonly name: string;
  readonly type: string;
  readonly required?: boolean;
}

/** What a person types: a value for every field of the form and every required column. */
function filledForm(
  fields: Field[],
  manifest: { model_definitions: { model_key: string; columns: Column[] }[] },
  model: string,
): Record<string, unknown> {
  const columns = manifest.model_definitions.find((one) => one.model_key === model)!.columns;
  const form: Record<string, unknown> = Object.fromEntries(fields.map((field) => [field.key, ""]));
  for (const column of columns) {
    if (column.required || column.name in form) form[column.name] = sample(column.type);
  }
  for (const field of fields) {
    if (field.options?.length) form[field.key] = field.options[0]!.value;
  }
  return form;
}

function sample(type: string): unknown {
  switch (type) {
    case "uuid":
      return crypto.randomUUID();
    case "integer":
      return 3;
    case "float":
      return "12.5";
    case "boolean":
      return true;
    case "date":
      return "2026-01-31";
    case "datetime":
      return "2026-01-31T10:00:00Z";
    default:
      return "x1";
  }
}

for (const engine of engines) {
  Deno.test(`uninstalling with its data drops a bundle that nobody runs any more [${engine}]`, async () => {
    await using place = await testPlace(engine, "file");
    const kernel = await startKernel(place.databaseUrl);
    const [owner, other] = [await newOwner(kernel), await newOwner(kernel, "Other")];
    for (const client of [owner, other]) await client.install(await exampleBundle());
    const drop = (client: Client) =>
      client.send("DELETE", "/api/metacore/installations/tickets?drop=true");
    assert.equal((await drop(owner)).status, 204);
    await other.get("/api/dynamic/tickets");
    assert.equal((await other.get("/api/metacore/manifests")).body.length, 1);
    assert.equal((await drop(other)).status, 204);
    await kernel.stop();
    const database = await openDatabase({ url: place.databaseUrl, logger: silentLogger });
    const left = await database.kysely.selectFrom("bundles").select("digest").execute();
    await database.close();
    assert.deepEqual(left, []);
  });
}

Deno.test("An operator's token that can be guessed, or that no header carries, is refused at the start", async () => {
  await using place = await testPlace("sqlite", "file");
  for (const operatorToken of ["", "short", `${"x".repeat(40)} y`]) {
    await assert.rejects(
      startKernel(place.databaseUrl, { operatorToken }),
      (thrown) => isKernelError(thrown, "kernel.weak_key") && !thrown.message.includes("xxx"),
    );
  }
});

Deno.test("createKernel() refuses bounds of the sandbox that would be none", async () => {
  const wrong: readonly (readonly [string, unknown])[] = [
    ["maxWorkers", 0],
    ["maxWorkers", 1_025],
    ["memoryLimitMiB", 0.5],
    ["timeoutMs", 30_001],
    ["fuel", NaN],
    ["memoryLimitMb", 64],
  ];
  for (const [name, value] of wrong) {
    await assert.rejects(
      startKernel("sqlite::memory:", { sandbox: { [name]: value } }),
      (thrown) =>
        isKernelError(thrown, "kernel.invalid_setting") &&
        thrown.message.includes(`sandbox.${name}`),
    );
  }
});

Deno.test("createKernel() refuses a wrong trust before it touches the database", async () => {
  await using place = await testPlace("sqlite", "file");
  const key = { id: "short", publicKey: new Uint8Array(31), role: "marketplace" } as const;
  await assert.rejects(
    startKernel(place.databaseUrl, { trust: { keys: [key], unsigned: "refuse" } }),
    { code: "kernel.invalid_setting" },
  );
  await assert.rejects(Deno.stat(place.databaseUrl.slice("sqlite:".length)), Deno.errors.NotFound);
});

Deno.test("An operator hears soon after the start that SQL of addons cannot run", async () => {
  await using place = await testPlace("sqlite", "memory");
  const lines: string[] = [];
  const heard = Promise.withResolvers<void>();
  const logger: Logger = {
    ...silentLogger,
    warn: (message) => {
      lines.push(message);
      heard.resolve();
    },
    with: () => logger,
  };
  // What the engine lacks where the runtime is older.
  const { setAuthorizer } = DatabaseSync.prototype as { setAuthorizer?: unknown };
  Object.assign(DatabaseSync.prototype, { setAuthorizer: undefined });
  try {
    const kernel = await startKernel(place.databaseUrl, { logger });
    await heard.promise;
    await kernel.stop();
  } finally {
    Object.assign(DatabaseSync.prototype, { setAuthorizer });
  }
  assert.deepEqual(lines, ["SQL of addon code is refused"]);
});

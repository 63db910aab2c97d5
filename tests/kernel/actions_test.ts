/**
 * Actions through the front door: routes, statuses and envelopes as clients read them, with a real
 * module and a real backend.
 *
 * @module
 */

import assert from "node:assert/strict";
import { type Answer, type Client, newOwner } from "../_support/client.ts";
import { kernelTest } from "../_support/kernel.ts";
import { lifeBundle } from "./life_addon.ts";

const STATUS = { name: "status", type: "string", default: "'draft'" };

function action(key: string, extra: Record<string, unknown> = {}): Record<string, unknown> {
  return { key, name: key, label: key, ...extra };
}

async function installLife(
  owner: Client,
  actions: readonly Record<string, unknown>[],
  extra: Record<string, unknown> = {},
): Promise<string> {
  const archive = await lifeBundle({
    version: "1.0.0",
    columns: [STATUS],
    functions: {
      approve: {
        exec: ["update notes set status = 'approved'"],
        answer: '{"success":true,"data":"yes"}',
      },
      refuse: {
        exec: ["update notes set status = 'refused'"],
        answer: '{"success":false,"error":{"code":"later","message":"not now"}}',
      },
      trap: { ends: "trap" },
    },
    manifest: { actions: { life_notes: actions }, ...extra },
  });
  const installed = await owner.install(archive);
  assert.equal(installed.status, 200, JSON.stringify(installed.body));
  const note = await owner.create("life_notes", { title: "one" });
  return `/api/dynamic/life_notes/${note.id}`;
}

const IN_TX = { type: "wasm", export: "approve", run_in_tx: true };

kernelTest(
  "actions over HTTP: of parallel approvals one passes, the others hear why",
  async ({ kernel }) => {
    const owner = await newOwner(kernel);
    const record = await installLife(owner, [
      action("approve", { requiresState: ["draft"], trigger: IN_TX }),
      action("refuse", { trigger: { type: "wasm", export: "refuse", run_in_tx: true } }),
      action("trap", { trigger: { type: "wasm", export: "trap", run_in_tx: true } }),
      action("pay", {
        fields: [{ name: "sum", label: "Sum", type: "number", required: true }],
        trigger: { type: "noop" },
      }),
    ]);
    const send = (key: string, body?: unknown): Promise<Answer> =>
      owner.send("POST", `${record}/action/${key}`, body);

    const declined = await send("refuse", {});
    assert.equal(declined.status, 422);
    assert.deepEqual(declined.body.error, { code: "later", message: "not now" });
    assert.equal(declined.body.message, "not now");
    assert.equal(declined.body.meta.rolled_back, true);
    const trapped = await send("trap", {});
    assert.deepEqual([trapped.status, trapped.body.error.code], [502, "runtime_error"]);
    assert.equal((await owner.get(record)).body.data.status, "draft");

    const invalid = await send("pay", { sum: "much" });
    assert.equal(invalid.status, 422);
    assert.equal(invalid.body.code, "addon.action_invalid");
    assert.deepEqual(invalid.body.errors, { sum: [{ code: "numeric" }] });
    assert.equal((await send("pay")).body.errors.sum[0].code, "required");
    const paid = await send("pay", { sum: "2" });
    assert.deepEqual(paid.body, {
      success: true,
      data: null,
      meta: { no_op: true, model: "life_notes", action: "pay", trigger_type: "noop" },
    });

    const answers = await Promise.all(Array.from({ length: 6 }, () => send("approve", {})));
    const passed = answers.filter(({ status }) => status === 200);
    assert.equal(passed.length, 1, answers.map(({ status }) => status).join());
    assert.equal(passed[0]!.body.meta.rolled_back, false);
    for (const { status, body } of answers.filter((answer) => answer.status !== 200)) {
      assert.deepEqual([status, body.code, body.error.code], [
        409,
        "addon.action_invalid_state",
        "invalid_state",
      ]);
      assert.deepEqual(body.info.expected, ["draft"]);
      assert.match(body.message, /status to be draft; it is approved/);
    }
  },
);

kernelTest(
  "actions over HTTP: without a record, under every base, and never with an id `me`",
  async ({ kernel }) => {
    const owner = await newOwner(kernel);
    const record = await installLife(owner, [
      action("import", { placement: "table", trigger: { type: "noop" } }),
      action("one", { trigger: { type: "noop" } }),
    ]);
    const id = record.split("/").at(-1)!;
    for (const base of ["/api/dynamic/life_notes", "/api/data/life_notes"]) {
      for (const under of [base, `${base}/me`]) {
        const collection = await owner.send("POST", `${under}/action/import`, {});
        assert.equal(collection.status, 200, `${under}: ${JSON.stringify(collection.body)}`);
        assert.equal(collection.body.meta.action, "import");
        const single = await owner.send("POST", `${under}/${id}/action/one`);
        assert.equal(single.status, 200, JSON.stringify(single.body));
        const lost = await owner.send("POST", `${under}/action/one`, {});
        assert.deepEqual([lost.status, lost.body.code], [400, "addon.action_needs_record"]);
      }
    }
  },
);

kernelTest(
  "actions over HTTP: a webhook that fails, and a key that makes a repeat safe",
  async ({ kernel }) => {
    let calls = 0;
    let answer = () => new Response("out of order", { status: 503 });
    await using server = Deno.serve({ port: 0, hostname: "127.0.0.1", onListen: () => {} }, () => {
      calls++;
      return answer();
    });
    const owner = await newOwner(kernel);
    const url = `http://127.0.0.1:${server.addr.port}/hook`;
    const record = await installLife(owner, [
      action("send", { trigger: { type: "webhook", url } }),
    ]);
    const send = async (key: string): Promise<Answer> => {
      const request = new Request(`http://kernel.test${record}/action/send`, {
        method: "POST",
        headers: { authorization: `Bearer ${owner.token}`, "idempotency-key": key },
      });
      const response = await kernel.fetch(request, { remoteAddress: "192.0.2.1" });
      return { status: response.status, headers: response.headers, body: await response.json() };
    };
    const failed = await send("k");
    assert.equal(failed.status, 502);
    assert.equal(failed.body.code, "addon.backend_failed");
    assert.equal(failed.body.error.code, "webhook_unreachable");
    assert.match(failed.body.message, /^addon life webhook returned 503: out of order$/);
    answer = () => Response.json({ success: true, data: { n: calls } });
    const sent = await send("k");
    assert.deepEqual([sent.status, sent.body.data], [200, { n: 2 }]);
    const again = await send("k");
    assert.deepEqual(again.body, sent.body);
    assert.equal(again.headers.get("idempotent-replay"), "true");
    assert.equal(calls, 2);
    await server.shutdown();
    const unreachable = await send("other");
    assert.deepEqual([unreachable.status, unreachable.body.error.code], [
      502,
      "webhook_unreachable",
    ]);
  },
  { egress: { hosts: "any", privateAddresses: ["127.0.0.1"] } },
);

kernelTest(
  "actions over HTTP: a condition on a resolved reference holds in a transaction, too",
  async ({ kernel }) => {
    const owner = await newOwner(kernel);
    const archive = await lifeBundle({
      version: "1.0.0",
      columns: [{ name: "parent_id", type: "uuid", ref: "notes" }],
      functions: { approve: { exec: ["update notes set title = 'done'"] } },
      manifest: {
        actions: {
          life_notes: [
            action("approve", {
              condition: { field: "parent.label", operator: "eq", value: "one" },
              trigger: IN_TX,
            }),
          ],
        },
      },
    });
    const installed = await owner.install(archive);
    assert.equal(installed.status, 200, JSON.stringify(installed.body));
    const parent = await owner.create("life_notes", { title: "one" });
    const child = await owner.create("life_notes", { title: "two", parent_id: parent.id });
    const orphan = await owner.create("life_notes", { title: "three" });
    const send = (id: unknown) =>
      owner.send("POST", `/api/data/life_notes/me/${id}/action/approve`, {});
    const refused = await send(orphan.id);
    assert.deepEqual([refused.status, refused.body.error.code], [409, "invalid_state"]);
    const done = await send(child.id);
    assert.equal(done.status, 200, JSON.stringify(done.body));
    assert.equal(done.body.meta.rolled_back, false);
  },
);

/**
 * Tools through the front door: the list, and a call with its statuses and envelopes.
 *
 * @module
 */

import assert from "node:assert/strict";
import type { CompiledAddon } from "../../mod.ts";
import { packBundle } from "../../src/bundle/mod.ts";
import { newOwner } from "../_support/client.ts";
import { realBundles } from "../_support/bundles.ts";
import { kernelTest } from "../_support/kernel.ts";

const DESK: CompiledAddon = {
  manifest: {
    key: "desk",
    name: "Desk",
    version: "1.0.0",
    kernel: ">=2.0.0 <3.0.0",
    tools: [{
      id: "double",
      name: "Double",
      description: "Doubles a number",
      endpoint: "",
      input_schema: [{ name: "n", type: "number", description: "", required: true }],
    }],
  },
  tools: { double: ({ parameters }) => Promise.resolve({ doubled: Number(parameters["n"]) * 2 }) },
};

const EXECUTE = "/api/metacore/tools/execute";

kernelTest("tools over HTTP: statuses, texts and envelopes of the contract", async ({ kernel }) => {
  const owner = await newOwner(kernel);
  const stranger = await newOwner(kernel);
  const installed = await owner.send("POST", "/api/metacore/installations/desk");
  assert.equal(installed.status, 200, JSON.stringify(installed.body));
  const installationId = installed.body.installation.id;
  const listed = await owner.get("/api/metacore/tools?addon_key=desk");
  assert.equal(listed.body.length, 1);
  const [tool] = listed.body;
  assert.deepEqual([tool.addon_key, tool.id, tool.endpoint], ["desk", "double", ""]);
  assert.deepEqual((await stranger.get("/api/metacore/tools")).body, []);

  const call = { addon_key: "desk", tool_id: "double", parameters: { n: "21" } };
  const done = await owner.send("POST", EXECUTE, { ...call, installation_id: installationId });
  assert.deepEqual([done.status, done.body], [200, { success: true, data: { doubled: 42 } }]);
  const invalid = await owner.send("POST", EXECUTE, { ...call, parameters: { n: "x" } });
  assert.deepEqual([invalid.status, invalid.body], [200, {
    success: false,
    error: 'invalid params: n: expected number, got "x"',
  }]);
  const rows: readonly (readonly [unknown, number, string])[] = [
    [{}, 400, "addon_key and tool_id are required"],
    [{ addon_key: "desk" }, 400, "addon_key and tool_id are required"],
    [[], 400, "invalid JSON body: an object is expected"],
    [{ ...call, parameters: [] }, 400, "invalid JSON body: parameters must be an object"],
    [{ ...call, installation_id: "x" }, 400, "invalid installation_id"],
    [
      { ...call, installation_id: "0193a000-0000-7000-8000-00000000000a" },
      403,
      "installation not found for this organization/addon",
    ],
    [{ ...call, tool_id: "other" }, 404, "tool not registered"],
  ];
  for (const [body, status, message] of rows) {
    const answer = await owner.send("POST", EXECUTE, body);
    assert.deepEqual([answer.status, answer.body.message], [status, message]);
    assert.equal(answer.body.success, false);
  }
  const broken = await kernel.fetch(
    new Request(`http://kernel.test${EXECUTE}`, {
      method: "POST",
      headers: { authorization: `Bearer ${owner.token}`, "content-type": "application/json" },
      body: "{",
    }),
  );
  assert.deepEqual([broken.status, (await broken.json()).message], [
    400,
    "invalid JSON body: the body is not JSON in UTF-8",
  ]);
  const foreign = await stranger.send("POST", EXECUTE, call);
  assert.deepEqual([foreign.status, foreign.body.message], [404, "tool not registered"]);
}, { addons: [DESK] });

kernelTest(
  "tools over HTTP: real addons; what cannot be reached is 502 with an error",
  async ({ kernel }) => {
    const bundles = await realBundles();
    if (bundles.length === 0) return;
    const owner = await newOwner(kernel);
    for (const { name, archive } of bundles) {
      const answer = await owner.install(archive);
      assert.equal(answer.status, 200, `${name}: ${JSON.stringify(answer.body)}`);
    }
    const { body } = await owner.get("/api/metacore/tools");
    const ids: string[] = body.map((tool: Record<string, string>) =>
      `${tool.addon_key}#${tool.id}`
    );
    assert.deepEqual(ids, [...ids].sort());
    assert.ok(ids.includes("stripe#get_payment") && ids.includes("tickets#create-ticket"));
    assert.equal(new Set(ids).size, ids.length, "a tool that is written twice is offered once");
    const call = (addon_key: string, tool_id: string, parameters: unknown) =>
      owner.send("POST", EXECUTE, { addon_key, tool_id, parameters });
    const payment = await call("stripe", "get_payment", { charge_id: "ch_1" });
    assert.equal(payment.status, 502, JSON.stringify(payment.body));
    assert.equal(payment.body.success, false);
    assert.match(payment.body.error, /stripe/);
    const lost = await call("tickets", "list-tickets", {});
    assert.deepEqual([lost.status, lost.body.error], [502, "tool has no endpoint"]);
    const slack = await call("slack", "send_message", { message: "hi" });
    assert.equal(slack.body.success, false);
    assert.match(slack.body.error, /slack_webhook_url/);
  },
);

kernelTest(
  "tools over HTTP: an empty endpoint may make a record, with the caller's own right",
  async ({ kernel }) => {
    const owner = await newOwner(kernel);
    const manifest = {
      key: "inbox",
      name: "Inbox",
      version: "1.0.0",
      kernel: ">=2.0.0 <3.0.0",
      model_definitions: [{
        table_name: "mails",
        model_key: "mails",
        label: "Mails",
        org_scoped: true,
        columns: [{ name: "subject", type: "string", required: true }],
      }],
      tools: [{
        id: "note",
        name: "Note",
        description: "",
        endpoint: "",
        auto_create_record: "mails",
        input_schema: [{ name: "subject", type: "string", description: "" }],
      }],
    };
    const installed = await owner.install(
      await packBundle(new Map([["manifest.json", JSON.stringify(manifest)]])),
    );
    assert.equal(installed.status, 200, JSON.stringify(installed.body));
    const call = (parameters: unknown) =>
      owner.send("POST", EXECUTE, { addon_key: "inbox", tool_id: "note", parameters });
    const made = await call({ subject: "Hello" });
    assert.deepEqual([made.body.success, made.body.data.subject], [true, "Hello"]);
    const list = await owner.get("/api/dynamic/mails");
    assert.equal(list.body.meta.total, 1);
    const refused = await call({});
    assert.deepEqual([refused.status, refused.body.success], [200, false]);
  },
);

/**
 * Addon code through the front door: a bundle is uploaded over HTTP and its functions are called as
 * actions, on both engines.
 *
 * @module
 */

import assert from "node:assert/strict";
import { systemCaller } from "../../mod.ts";
import { addonBundle, expensesBundle, fixtureModule, type TestAddon } from "../_support/addon.ts";
import { type Answer, type Client, newOwner } from "../_support/client.ts";
import { kernelTest } from "../_support/kernel.ts";

const PROBE_EXPORTS = ["echo", "raw", "call", "calls", "count", "grow", "fail", "spin"];

async function installProbe(owner: Client, extra: Partial<TestAddon> = {}): Promise<string> {
  const archive = await addonBundle({
    key: "probe",
    ...await fixtureModule("probe"),
    exports: PROBE_EXPORTS,
    capabilities: [
      { kind: "event:emit", target: "probe.*" },
      { kind: "http:fetch", target: "api.example.com" },
    ],
    ...extra,
  });
  const installed = await owner.install(archive);
  assert.equal(installed.status, 200, JSON.stringify(installed.body));
  const note = await owner.create("probe_notes", { title: "first", amount: 12.5 });
  return String(note.id);
}

async function run(owner: Client, id: string, action: string, payload?: unknown): Promise<Answer> {
  return await owner.send("POST", `/api/dynamic/probe_notes/${id}/action/${action}`, payload);
}

/** Calls one host function of the probe; its raw answer. */
async function host(owner: Client, id: string, call: string, ...args: unknown[]) {
  const answer = await run(owner, id, "calls", { calls: [{ call, args }], then: "done" });
  assert.equal(answer.status, 200, JSON.stringify(answer.body));
  const [text] = answer.body.data;
  return text === null ? null : JSON.parse(text);
}

kernelTest(
  "The example addon: its code decides, writes in the transaction, emits",
  async ({ kernel }) => {
    const owner = await newOwner(kernel);
    const installed = await owner.install(await expensesBundle());
    assert.equal(installed.status, 200, JSON.stringify(installed.body));
    assert.deepEqual(installed.body.warnings, []);
    const expense = await owner.create("expenses", {
      title: "Train",
      category: "travel",
      amount: 80,
    });
    const path = `/api/data/expenses/me/${expense.id}/action`;
    const approved = await owner.send("POST", `${path}/approve`, { note: "fine" });
    assert.equal(approved.status, 200, JSON.stringify(approved.body));
    assert.equal(approved.body.data.status, "approved");
    assert.deepEqual(approved.body.meta, {
      model: "expenses",
      action: "approve",
      trigger_type: "wasm",
      rolled_back: false,
    });
    const read = await owner.get(`/api/dynamic/expenses/${expense.id}`);
    assert.equal(read.body.data.status, "approved");
    assert.equal(read.body.data.decision_note, "fine");
    // The code itself says no: what it wrote, had it written, would be rolled back.
    const other = await owner.create("expenses", { title: "Taxi", category: "travel", amount: 9 });
    const reject = `/api/data/expenses/me/${other.id}/action/reject`;
    const declined = await owner.send("POST", reject, { note: " " });
    assert.equal(declined.status, 422, JSON.stringify(declined.body));
    assert.equal(declined.body.success, false);
    assert.deepEqual(declined.body.error, {
      code: "reason_missing",
      message: "say why the expense is rejected",
    });
    assert.equal(declined.body.message, declined.body.error.message);
    assert.equal(declined.body.meta.rolled_back, true);
    const undecided = await owner.get(`/api/dynamic/expenses/${other.id}`);
    assert.equal(undecided.body.data.status, "submitted");
    const again = await owner.send("POST", `${path}/approve`, {});
    // The manifest says in which state: the code is not asked any more.
    assert.equal(again.status, 409);
    assert.equal(again.body.error.code, "invalid_state");
    const summary = await owner.send("POST", `${path}/summary`);
    assert.equal(summary.status, 200, JSON.stringify(summary.body));
    assert.equal(summary.body.data.category, "travel");
    assert.equal(summary.body.data.by_status[0].status, "approved");
    const events = await kernel.services.events.read(systemCaller(owner.organizationId), 0, 100);
    const names = events.map((event) => event.name);
    assert.ok(names.includes("expenses.expense.approved"), names.join());
    assert.ok(names.includes("expenses.expenses.changed"), names.join());
  },
);

kernelTest("What a guest is given, and what becomes of its answer", async ({ kernel }) => {
  const owner = await newOwner(kernel);
  const id = await installProbe(owner);
  const echoed = await run(owner, id, "echo", { color: "red" });
  assert.equal(echoed.status, 200, JSON.stringify(echoed.body));
  const { row, payload, args, user, ctx, action, actionKey, model } = echoed.body.data;
  assert.equal(row.title, "first");
  assert.deepEqual(payload, { color: "red" });
  assert.deepEqual(args, payload);
  assert.equal(user.id, owner.userId);
  assert.equal(ctx.organization_id, owner.organizationId);
  assert.equal(ctx.addon, "probe");
  assert.deepEqual([model, action, actionKey], ["probe_notes", "echo", "echo"]);
  // Nothing survives from one invocation to the next.
  for (let i = 0; i < 3; i++) assert.equal((await run(owner, id, "count")).body.data, 1);
  const declined = await run(owner, id, "calls", { calls: [], then: "declined" });
  assert.equal(declined.status, 422);
  assert.deepEqual(declined.body.error, { code: "asked", message: "asked to decline" });
  const garbage = await run(owner, id, "calls", { calls: [], then: "garbage" });
  assert.equal(garbage.status, 502);
  assert.equal(garbage.body.code, "sandbox.bad_result");
  const missing = await run(owner, id, "nothing");
  assert.equal(missing.status, 404);
  assert.equal(missing.body.message, "action not found");
  const unknown = await run(owner, "0190a000-0000-7000-8000-00000000000c", "echo");
  assert.equal(unknown.status, 404);
});

kernelTest("Host functions answer as the contract has it", async ({ kernel }) => {
  const owner = await newOwner(kernel);
  const id = await installProbe(owner, { settings: { greeting: "hello" } });
  const direct = await run(owner, id, "call", { call: "env_get", args: ["greeting"] });
  assert.equal(direct.status, 502, "a bare text is no JSON answer of an action");
  const rows = await host(owner, id, "db_query", "select title, amount from notes", "[]");
  assert.equal(rows.success, true, JSON.stringify(rows));
  assert.deepEqual(
    rows.data.rows,
    [{ title: "first", amount: "12.5" }].map((each) => ({
      ...each,
      amount: rows.data.rows[0].amount,
    })),
  );
  assert.equal(rows.data.rowCount, 1);
  assert.deepEqual(rows.data.columns[0], { name: "title", type: "varchar" });
  const inserted = await host(
    owner,
    id,
    "db_exec",
    "insert into notes (title, done) values ($1, $2) returning title, done",
    JSON.stringify(["second", true]),
  );
  assert.equal(inserted.success, true, JSON.stringify(inserted));
  assert.equal(inserted.data.rowsAffected, 1);
  assert.deepEqual(inserted.data.rows, [{ title: "second", done: true }]);
  const list = await owner.get("/api/dynamic/probe_notes");
  assert.equal(list.body.meta.total, 2);
  const forbidden = await host(owner, id, "db_query", "select email from metacore.users", "[]");
  assert.equal(forbidden.success, false);
  assert.ok(["forbidden", "invalid_sql"].includes(forbidden.error.code), forbidden.error.code);
  const drop = await host(owner, id, "db_exec", "drop table notes", "[]");
  assert.equal(drop.error.code, "invalid_sql");
  assert.equal(await host(owner, id, "event_emit", "probe.note.seen", '{"n":1}'), null);
  const forged = await host(owner, id, "event_emit", "tickets.ticket.created", "{}");
  assert.equal(forged.error, "forbidden");
  const fetched = await host(owner, id, "http_fetch", "https://api.example.com/", "GET", "");
  assert.equal(fetched.error, "forbidden", JSON.stringify(fetched));
  const elsewhere = await host(owner, id, "http_fetch", "https://example.org/", "GET", "");
  assert.equal(elsewhere.error, "forbidden");
});

kernelTest("A transaction is the action's: committed, declined, failed", async ({ kernel }) => {
  const owner = await newOwner(kernel);
  const id = await installProbe(owner);
  const insert = (title: string) => ({
    call: "db_exec",
    args: ["insert into notes (title) values ($1)", JSON.stringify([title])],
  });
  const broken = { call: "db_exec", args: ["insert into notes (title) values (null)", "[]"] };
  const count = async () => (await owner.get("/api/dynamic/probe_notes")).body.meta.total;
  const look = { call: "db_query", args: ["select count(*) as n from notes", "[]"] };
  const done = await run(owner, id, "calls_tx", {
    calls: [insert("a"), broken, look, insert("b")],
    then: "done",
  });
  assert.equal(done.status, 200, JSON.stringify(done.body));
  const answers = done.body.data.map((text: string) => JSON.parse(text));
  assert.deepEqual(answers.map((each: { success: boolean }) => each.success), [
    true,
    false,
    true,
    true,
  ]);
  assert.equal(answers[1].error.code, "constraint_violation");
  assert.equal(answers[2].data.rows[0].n, 2, "it sees its own rows");
  assert.equal(await count(), 3);
  const ends = [["declined", 422], ["trap", 502], ["garbage", 502], ["spin", 504]] as const;
  for (const [then, status] of ends) {
    const answer = await run(owner, id, "calls_tx", { calls: [insert("gone")], then });
    assert.equal(answer.status, status, `${then}: ${JSON.stringify(answer.body)}`);
    assert.equal(await count(), 3, then);
  }
}, { sandbox: { timeoutMs: 700 } });

kernelTest("Traps are readable for the organization, and the breaker opens", async ({ kernel }) => {
  const owner = await newOwner(kernel);
  const id = await installProbe(owner);
  const failed = await run(owner, id, "fail");
  assert.equal(failed.status, 502, JSON.stringify(failed.body));
  assert.equal(failed.body.error.code, "runtime_error");
  const { body } = await owner.get("/api/metacore/installations/probe/traps");
  const [trap] = body.data;
  assert.equal(trap.code, "sandbox.trap");
  assert.match(`${trap.message} ${trap.guestMessage}`, /the probe was asked to fail/);
  const frame = trap.frames.find((each: { function?: string }) => each.function?.endsWith("inner"));
  assert.ok(frame, JSON.stringify(trap.frames));
  assert.match(frame.file, /index\.ts$/);
  assert.ok(frame.line > 10);
  const stranger = await newOwner(kernel, "Other");
  const hidden = await stranger.send("GET", "/api/metacore/installations/probe/traps");
  assert.equal(hidden.status, 404);
  for (let i = 0; i < 4; i++) await run(owner, id, "fail");
  const refused = await run(owner, id, "echo");
  assert.equal(refused.status, 503, JSON.stringify(refused.body));
  assert.equal(refused.body.error.code, "addon_unavailable");
  assert.ok(Number(refused.headers.get("retry-after")) >= 1);
  const status = await owner.get("/api/metacore/installations/probe/code");
  assert.equal(status.body.data.breaker, "open");
  const reset = await owner.send("POST", "/api/metacore/installations/probe/code/reset");
  assert.equal(reset.status, 204);
  assert.equal((await run(owner, id, "echo")).status, 200);
});

kernelTest("A guest that never ends is stopped, and memory has its bound", async ({ kernel }) => {
  const owner = await newOwner(kernel);
  const id = await installProbe(owner, { timeoutMs: 200, memoryLimitMiB: 2 });
  const before = performance.now();
  const spun = await run(owner, id, "spin");
  assert.equal(spun.status, 504, JSON.stringify(spun.body));
  assert.equal(spun.body.error.code, "timeout");
  assert.ok(performance.now() - before < 3_000);
  assert.equal((await run(owner, id, "echo")).status, 200);
  const grown = await run(owner, id, "grow", { pages: 1_000 });
  assert.equal(grown.status, 200);
  assert.ok(grown.body.data <= 32, String(grown.body.data));
});

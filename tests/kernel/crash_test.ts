/**
 * A crash at any instant of an install leaves the old state or the new one, never half, and trying
 * again succeeds: at every statement boundary by the fault port, and once for real by SIGKILL.
 *
 * @module
 */

import assert from "node:assert/strict";
import { type Kernel, type SystemCaller, systemCaller } from "../../mod.ts";
import type { FaultPort } from "../../src/db/database.ts";
import { expensesBundle } from "../_support/addon.ts";
import { exampleBundle } from "../_support/bundles.ts";
import { engines } from "../_support/engines.ts";
import { startKernel, TEST_KEYS, testPlace } from "../_support/kernel.ts";
import { lifeBundle, UPGRADE } from "./life_addon.ts";

class Crash extends Error {}

/** Crashes before the n-th statement after it was armed. */
class Crasher implements FaultPort {
  seen = 0;
  crashAt = Infinity;

  beforeStatement(): void {
    if (++this.seen >= this.crashAt) throw new Crash(`statement ${this.seen}`);
  }

  arm(at: number): void {
    this.seen = 0;
    this.crashAt = at;
  }
}

for (const engine of engines) {
  Deno.test(`install: a crash before any statement leaves the old state or the new [${engine}]`, async () => {
    const archive = await exampleBundle();
    await using place = await testPlace(engine, "file");
    const caller = await newOrganization(place.databaseUrl);
    let [crashes, commits] = [0, 0];
    for (let at = 1;; at++) {
      const fault = new Crasher();
      const kernel = await startKernel(place.databaseUrl, { fault });
      fault.arm(at);
      const outcome = await kernel.services.addons.install(caller, { archive }).then(
        () => "finished",
        () => "crashed",
      );
      fault.arm(Infinity);
      await kernel.stop().catch(() => {});
      if (outcome === "finished") {
        assert.ok(crashes > 15, `only ${crashes} statements`);
        assert.ok(commits <= 2, `${commits} crashes came after the commit`);
        break;
      }
      crashes++;
      if (await stateAfterCrash(place.databaseUrl, caller, archive) === "new") commits++;
    }
  });
}

async function newOrganization(databaseUrl: string): Promise<SystemCaller> {
  const kernel = await startKernel(databaseUrl);
  const { organization } = await kernel.services.auth.createOrganization({
    organizationName: "Acme",
    name: "Olivia Owner",
    email: "owner@example.test",
    password: "correct horse battery",
  });
  await kernel.stop();
  return systemCaller(organization.id);
}

/** Starts anew on what the crash left, checks that it is whole, and tries again. */
async function stateAfterCrash(
  databaseUrl: string,
  caller: SystemCaller,
  archive: Uint8Array,
): Promise<"old" | "new"> {
  const kernel = await startKernel(databaseUrl);
  const { addons, records } = kernel.services;
  const state = (await addons.installations(caller)).length === 0 ? "old" : "new";
  if (state === "old") {
    await assert.rejects(records.list(caller, "tickets", new URLSearchParams()), {
      code: "model.not_found",
    });
  } else {
    await records.list(caller, "tickets", new URLSearchParams());
  }
  await addons.install(caller, { archive });
  const ticket = await records.create(caller, "tickets", { number: "T-1", title: "Works" });
  const { id } = ticket.value() as { id: string };
  await records.create(caller, "ticket_comments", { ticket_id: id, body: "Noted" });
  // The next round starts from nothing again.
  await addons.uninstall(caller, "tickets", "drop");
  await kernel.stop();
  return state;
}

for (const engine of engines) {
  Deno.test(`install of code: a crash before any statement leaves the old state or the new [${engine}]`, async () => {
    const archive = await expensesBundle();
    await using place = await testPlace(engine, "file");
    const caller = await newOrganization(place.databaseUrl);
    let [crashes, commits] = [0, 0];
    for (let at = 1;; at++) {
      const fault = new Crasher();
      const kernel = await startKernel(place.databaseUrl, { fault });
      fault.arm(at);
      const outcome = await kernel.services.addons.install(caller, { archive }).then(
        () => "finished",
        () => "crashed",
      );
      fault.arm(Infinity);
      await kernel.stop().catch(() => {});
      if (outcome === "finished") break;
      crashes++;
      if (await codeAfterCrash(place.databaseUrl, caller, archive) === "new") commits++;
    }
    assert.ok(crashes > 15, `only ${crashes} statements`);
    assert.ok(commits <= 2, `${commits} crashes came after the commit`);
  });
}

/** As {@link stateAfterCrash}, for an addon with code: module and rows are both there, or neither. */
async function codeAfterCrash(
  databaseUrl: string,
  caller: SystemCaller,
  archive: Uint8Array,
): Promise<"old" | "new"> {
  const kernel = await startKernel(databaseUrl);
  const { addons, actions, code, records } = kernel.services;
  const state = (await addons.installations(caller)).length === 0 ? "old" : "new";
  if (state === "old") {
    await assert.rejects(code.status(caller, "expenses"), { code: "addon.not_installed" });
    await addons.install(caller, { archive });
  }
  const draft = { title: "Train", category: "travel", amount: 80 };
  // Border: a created record is an object with its id.
  const { id } = (await records.create(caller, "expenses", draft)).value() as { id: string };
  const { outcome } = await actions.run(caller, "expenses", id, "summary", {});
  assert.equal(outcome, "done");
  await addons.uninstall(caller, "expenses", "drop");
  await kernel.stop();
  return state;
}

for (const engine of engines) {
  Deno.test(`install: SIGKILL of the process leaves a state that installs again [${engine}]`, async () => {
    const archive = await exampleBundle();
    await using place = await testPlace(engine, "file");
    const caller = await newOrganization(place.databaseUrl);
    for (const at of [3, 12, 20]) {
      await killed("install", place.databaseUrl, caller.organizationId, at);
      assert.equal(await stateAfterCrash(place.databaseUrl, caller, archive), "old");
    }
  });
}

/** Works in a child process that kills itself, by SIGKILL, before a statement. */
async function killed(
  what: "install" | "upgrade",
  databaseUrl: string,
  organization: string,
  at: number,
): Promise<void> {
  const child = await new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      "--quiet",
      "--no-prompt",
      "--cached-only",
      "--allow-read",
      "--allow-write",
      "--allow-env",
      "--allow-net=127.0.0.1,localhost",
      "--allow-run",
      new URL("./killed_install.ts", import.meta.url).pathname,
    ],
    env: {
      KILLED_WHAT: what,
      KILLED_DATABASE_URL: databaseUrl,
      KILLED_ORGANIZATION: organization,
      KILLED_AT: String(at),
      KILLED_JWT_SECRET: TEST_KEYS.jwtSecret,
      KILLED_MASTER_KEY: TEST_KEYS.masterKey,
    },
    stderr: "inherit",
  }).output();
  assert.equal(child.signal, "SIGKILL", new TextDecoder().decode(child.stdout));
}

for (const engine of engines) {
  Deno.test(`upgrade: a crash before any statement leaves the old version or the new [${engine}]`, async () => {
    const [older, newer] = await Promise.all(UPGRADE.map(lifeBundle));
    await using place = await testPlace(engine, "file");
    const caller = await newOrganization(place.databaseUrl);
    let [crashes, commits, hasFinished] = [0, 0, false];
    for (let at = 0; !hasFinished; at++) {
      const fault = new Crasher();
      const kernel = await startKernel(place.databaseUrl, { fault });
      // What the round before has left, looked at by a new kernel.
      const version = at === 0 ? undefined : await wholeVersion(kernel, caller);
      if (version === "1.1.0") commits++;
      if (version !== "1.0.0") await beginAnew(kernel, caller, older!);
      fault.arm(at + 1);
      hasFinished = await kernel.services.addons.install(caller, { archive: newer! }).then(
        () => true,
        () => false,
      );
      fault.arm(Infinity);
      if (hasFinished) assert.equal(await wholeVersion(kernel, caller), "1.1.0");
      else crashes++;
      await kernel.stop().catch(() => {});
    }
    assert.ok(crashes > 30, `only ${crashes} statements`);
    // After the commit: the breaker, and reading what came of it.
    assert.ok(commits <= 6, `${commits} crashes came after the commit`);
  });

  Deno.test(`upgrade: SIGKILL of the process leaves the old version, whole [${engine}]`, async () => {
    const [older, newer] = await Promise.all(UPGRADE.map(lifeBundle));
    await using place = await testPlace(engine, "file");
    const caller = await newOrganization(place.databaseUrl);
    let kernel = await startKernel(place.databaseUrl);
    await beginAnew(kernel, caller, older!);
    for (const at of [4, 16, 28]) {
      await kernel.stop();
      await killed("upgrade", place.databaseUrl, caller.organizationId, at);
      kernel = await startKernel(place.databaseUrl);
      assert.equal(await wholeVersion(kernel, caller), "1.0.0");
    }
    await kernel.services.addons.install(caller, { archive: newer! });
    assert.equal(await wholeVersion(kernel, caller), "1.1.0");
    await kernel.stop();
  });
}

async function beginAnew(kernel: Kernel, caller: SystemCaller, archive: Uint8Array) {
  const { addons, records } = kernel.services;
  if ((await addons.installations(caller)).length > 0) {
    await addons.uninstall(caller, "life", "drop");
  }
  await addons.install(caller, { archive }, { downgrade: "allow" });
  await records.create(caller, "life_notes", { title: "a", state: "open" });
}

/** Demands that model, table, module, hook and migration are of one version. @returns which */
async function wholeVersion(kernel: Kernel, caller: SystemCaller): Promise<string> {
  const { addons, code, events, records } = kernel.services;
  const installation = await addons.installation(caller, "life");
  const { version } = installation;
  const isNew = version === "1.1.0";
  assert.equal(installation.previous_version, isNew ? "1.0.0" : undefined);
  const answer = await code.call(caller, "life", "look", { input: {} });
  const { data } = JSON.parse(new TextDecoder().decode(answer));
  assert.deepEqual(data.rows, [
    isNew ? { code: "1.1.0", ranks: data.rows[0].ranks } : { code: "1.0.0", notes: 1 },
  ]);
  if (isNew) assert.equal(Number(data.rows[0].ranks), 14);
  const { rows } = await records.list(caller, "life_notes", new URLSearchParams());
  const titles = rows.value().map(({ title }) => title).toSorted();
  assert.deepEqual(titles, isNew ? ["a", "by the hook"] : ["a"]);
  const names = (await events.read(caller, 0, 1_000)).map(({ name }) => name);
  assert.equal(
    names.lastIndexOf("kernel.addon.upgraded") >
      names.lastIndexOf("kernel.addon.installed"),
    isNew,
  );
  const plan = await addons.plan(caller, { archive: await lifeBundle(UPGRADE[isNew ? 1 : 0]) });
  assert.deepEqual([plan.changes, plan.migrations], [[], []], "nothing is half done");
  return version;
}

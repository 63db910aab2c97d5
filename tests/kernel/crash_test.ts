/**
 * A crash at any instant of an install leaves the old state or the new one, never half, and trying
 * again succeeds: at every statement boundary by the fault port, and once for real by SIGKILL.
 *
 * @module
 */

import assert from "node:assert/strict";
import { type SystemCaller, systemCaller } from "../../mod.ts";
import type { FaultPort } from "../../src/db/database.ts";
import { expensesBundle } from "../_support/addon.ts";
import { exampleBundle } from "../_support/bundles.ts";
import { engines } from "../_support/engines.ts";
import { startKernel, TEST_KEYS, testPlace } from "../_support/kernel.ts";

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
      await installAndKill(place.databaseUrl, caller.organizationId, at);
      assert.equal(await stateAfterCrash(place.databaseUrl, caller, archive), "old");
    }
  });
}

/** Installs in a child process that kills itself, by SIGKILL, before a statement. */
async function installAndKill(databaseUrl: string, organization: string, at: number) {
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

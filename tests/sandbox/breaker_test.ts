import assert from "node:assert/strict";
import { KernelError } from "../../src/base/error.ts";
import { type BreakerChange, CircuitBreakers } from "../../src/sandbox/breaker.ts";
import type { BreakerStore } from "../../src/sandbox/breaker_records.ts";
import type { BreakerState } from "../../src/sandbox/breaker_state.ts";
import { sandboxError } from "../../src/sandbox/errors.ts";
import { silentLogger } from "../../src/telemetry/log.ts";
import { outcome } from "./pool_fakes.ts";

const SUBJECT = { installationId: "inst-1", addonKey: "billing", organizationId: "org-a" };

/** A table in memory that can break. */
class MemoryStore implements BreakerStore {
  readonly rows = new Map<string, BreakerState>();
  reads = 0;
  writes = 0;
  isBroken = false;
  isReadOnly = false;

  async read(installationId: string): Promise<BreakerState | undefined> {
    await this.#work();
    this.reads++;
    return this.rows.get(installationId);
  }

  async write(installationId: string, state: BreakerState): Promise<void> {
    await this.#work();
    if (this.isReadOnly) throw new Error("the database is read-only");
    this.writes++;
    this.rows.set(installationId, state);
  }

  async claimProbe(id: string, expectedMs: number, nextMs: number): Promise<boolean> {
    await this.#work();
    const row = this.rows.get(id);
    if (row?.state !== "open" || row.retryAtMs !== expectedMs) return false;
    this.rows.set(id, { ...row, retryAtMs: nextMs });
    return true;
  }

  async #work(): Promise<void> {
    await undefined;
    if (this.isBroken) throw new Error("the database is away");
  }
}

class Fixture {
  readonly clock = { ms: 1_000_000, nowMs: (): number => this.clock.ms };
  readonly changes: BreakerChange[] = [];

  constructor(readonly store: MemoryStore = new MemoryStore()) {}

  breakers(): CircuitBreakers {
    return new CircuitBreakers({
      store: this.store,
      clock: this.clock,
      logger: silentLogger,
      onChange: (change) => this.changes.push(change),
    });
  }

  /** Transitions as short words. */
  get told(): string[] {
    return this.changes.map(({ from, to, cause }) => `${from}>${to} ${cause}`);
  }
}

const fail = () => Promise.reject(sandboxError("sandbox.trap", "trap"));
const succeed = () => Promise.resolve("fine");

async function times(count: number, work: () => Promise<unknown>): Promise<string[]> {
  const outcomes: string[] = [];
  for (let at = 0; at < count; at++) outcomes.push(await outcome(work()));
  return outcomes;
}

/** Opens a breaker. */
async function opened(fixture: Fixture): Promise<CircuitBreakers> {
  const breakers = fixture.breakers();
  await times(5, () => breakers.run(SUBJECT, fail));
  return breakers;
}

Deno.test("breaker opens after failures within its window and refuses at once", async () => {
  const fixture = new Fixture();
  const breakers = await opened(fixture);
  let ran = 0;
  await assert.rejects(
    breakers.run(SUBJECT, () => Promise.resolve(ran++)),
    (thrown) =>
      thrown instanceof KernelError && thrown.code === "sandbox.circuit_open" &&
      thrown.kind === "unavailable" && thrown.details?.["retry_after_seconds"] === 10 &&
      thrown.message.includes('"billing"') && thrown.message.includes("reset"),
  );
  assert.equal(ran, 0);
  assert.equal(await breakers.run({ ...SUBJECT, installationId: "inst-2" }, succeed), "fine");
  assert.deepEqual(fixture.told, ["closed>open failures"]);
  assert.equal(fixture.changes[0]?.addonKey, "billing");
});

Deno.test("breaker counts failures of the guest only, and only those of its window", async () => {
  const fixture = new Fixture();
  const breakers = fixture.breakers();
  const others = ["sandbox.busy", "sandbox.guest_error", "sandbox.killed", "sandbox.bad_payload"];
  for (const code of others as ["sandbox.busy"]) {
    await times(5, () => breakers.run(SUBJECT, () => Promise.reject(sandboxError(code, "no"))));
  }
  await times(5, () =>
    breakers.run(SUBJECT, () => Promise.reject(new Error("kernel")))
      .catch(() => {}));
  for (let at = 0; at < 12; at++) {
    assert.equal(await outcome(breakers.run(SUBJECT, fail)), "sandbox.trap");
    fixture.clock.ms += 15_000;
  }
  assert.deepEqual(fixture.told, []);
  await times(2, () => breakers.run(SUBJECT, fail));
  assert.deepEqual(fixture.told, ["closed>open failures"], "4 of the last minute and these");
});

Deno.test("breaker lets one probe through after its pause, which doubles", async () => {
  const fixture = new Fixture();
  const breakers = await opened(fixture);
  for (const seconds of [10, 20, 40, 80, 160, 300, 300]) {
    fixture.clock.ms += seconds * 1_000 - 1;
    assert.equal(await outcome(breakers.run(SUBJECT, succeed)), "sandbox.circuit_open");
    fixture.clock.ms += 1;
    let end: (thrown: unknown) => void = () => {};
    const probe = outcome(breakers.run(SUBJECT, () => new Promise((_, reject) => end = reject)));
    const crowd = await times(3, () => breakers.run(SUBJECT, succeed));
    assert.deepEqual(crowd, Array(3).fill("sandbox.circuit_open"), "one is under way");
    end(sandboxError("sandbox.timeout", "still bad"));
    assert.equal(await probe, "sandbox.timeout");
  }
  fixture.changes.length = 0;
  fixture.clock.ms += 300_000;
  assert.equal(await breakers.run(SUBJECT, succeed), "fine");
  assert.equal(await breakers.run(SUBJECT, succeed), "fine");
  assert.deepEqual(fixture.told, ["open>half_open pause_over", "half_open>closed probe_succeeded"]);
  await times(5, () => breakers.run(SUBJECT, fail));
  fixture.clock.ms += 10_000;
  assert.equal(await breakers.run(SUBJECT, succeed), "fine", "the pause starts anew");
});

Deno.test("breaker learns nothing from a probe that did not reach the guest", async () => {
  const fixture = new Fixture();
  const breakers = await opened(fixture);
  fixture.clock.ms += 10_000;
  const busy = () => Promise.reject(sandboxError("sandbox.busy", "full"));
  assert.deepEqual(await times(2, () => breakers.run(SUBJECT, busy)), [
    "sandbox.busy",
    "sandbox.busy",
  ]);
  assert.equal((await breakers.show("inst-1")).phase, "open");
  const answers = () => Promise.reject(sandboxError("sandbox.guest_error", "no such invoice"));
  assert.equal(await outcome(breakers.run(SUBJECT, answers)), "sandbox.guest_error");
  assert.equal((await breakers.show("inst-1")).phase, "closed", "it answers: it runs");
});

Deno.test("breaker survives a restart and is seen by other replicas", async () => {
  const fixture = new Fixture();
  const first = fixture.breakers();
  const other = fixture.breakers();
  assert.equal(await other.run(SUBJECT, succeed), "fine");
  await times(5, () => first.run(SUBJECT, fail));
  await first.flush();
  const restarted = fixture.breakers();
  assert.equal(await outcome(restarted.run(SUBJECT, succeed)), "sandbox.circuit_open");
  fixture.clock.ms += 5_000;
  assert.equal(await other.run(SUBJECT, succeed), "fine", "the old state serves while it is read");
  await other.flush();
  assert.equal(await outcome(other.run(SUBJECT, succeed)), "sandbox.circuit_open");
  fixture.clock.ms += 5_000;
  let end: (value: string) => void = () => {};
  const slow = () => new Promise<string>((resolve) => end = resolve);
  const probes = [first, other, restarted].map((breakers) => outcome(breakers.run(SUBJECT, slow)));
  while (fixture.told.at(-1) !== "open>half_open pause_over") await Promise.resolve();
  await first.flush();
  end("fine");
  assert.deepEqual((await Promise.all(probes)).toSorted(), [
    "ok",
    "sandbox.circuit_open",
    "sandbox.circuit_open",
  ], "one probe over all replicas");
  await Promise.all([first.flush(), other.flush(), restarted.flush()]);
  fixture.clock.ms += 30_000;
  assert.deepEqual(await times(1, () => other.run(SUBJECT, succeed)), ["ok"]);
  assert.equal(fixture.changes.length, 3, "told once, by who made the change");
});

Deno.test("breaker is read once by a crowd, and asked again by who had to wait", async () => {
  const fixture = new Fixture();
  const breakers = fixture.breakers();
  await Promise.all(Array.from({ length: 20 }, () => breakers.run(SUBJECT, succeed)));
  assert.equal(fixture.store.reads, 1);
  const waited = Promise.withResolvers<void>();
  const late = outcome(breakers.run(SUBJECT, async (refuseIfOpen) => {
    refuseIfOpen();
    await waited.promise;
    refuseIfOpen();
    return "ran";
  }));
  await times(5, () => breakers.run(SUBJECT, fail));
  waited.resolve();
  assert.equal(await late, "sandbox.circuit_open");
  fixture.clock.ms += 10_000;
  const probe = breakers.run(
    SUBJECT,
    (refuseIfOpen) => Promise.resolve(refuseIfOpen()).then(succeed),
  );
  assert.equal(await probe, "fine", "the probe itself is let through");
  assert.equal(fixture.changes[0]?.organizationId, "org-a");
});

Deno.test("breaker joins failures that two replicas have counted", async () => {
  const fixture = new Fixture();
  const [one, two] = [fixture.breakers(), fixture.breakers()];
  await times(3, () => one.run(SUBJECT, fail));
  await one.flush();
  fixture.clock.ms += 10;
  await times(2, () => two.run(SUBJECT, fail));
  assert.deepEqual(fixture.told, ["closed>open failures"]);
});

Deno.test("breaker refuses what it cannot know, and keeps what it cannot write", async () => {
  const store = new MemoryStore();
  const fixture = new Fixture(store);
  store.isBroken = true;
  assert.equal(
    await outcome(fixture.breakers().run(SUBJECT, succeed)),
    "sandbox.circuit_unknown",
  );
  store.isBroken = false;
  const breakers = fixture.breakers();
  await breakers.run(SUBJECT, succeed);
  store.isBroken = true;
  await times(5, () => breakers.run(SUBJECT, fail));
  await breakers.flush();
  assert.equal(await outcome(breakers.run(SUBJECT, succeed)), "sandbox.circuit_open");
  fixture.clock.ms += 10_000;
  assert.equal(await outcome(breakers.run(SUBJECT, succeed)), "sandbox.circuit_unknown");
  store.isBroken = false;
  await breakers.flush();
  assert.equal(store.rows.get("inst-1")?.state, "open", "written as soon as it can be");
  assert.equal(await breakers.run(SUBJECT, succeed), "fine");
  await breakers.flush();
  store.isBroken = true;
  fixture.clock.ms += 29_999;
  assert.equal(await breakers.run(SUBJECT, succeed), "fine", "borne for a while");
  await breakers.flush();
  fixture.clock.ms += 1;
  assert.equal(await outcome(breakers.run(SUBJECT, succeed)), "sandbox.circuit_unknown");
});

Deno.test("breaker does not take an old row for the truth while its own is not written", async () => {
  const fixture = new Fixture();
  const breakers = fixture.breakers();
  await times(1, () => breakers.run(SUBJECT, fail));
  await breakers.flush();
  fixture.store.isReadOnly = true;
  await times(4, () => breakers.run(SUBJECT, fail));
  for (const passedMs of [5_000, 1_000]) {
    fixture.clock.ms += passedMs;
    assert.equal(await outcome(breakers.run(SUBJECT, succeed)), "sandbox.circuit_open");
    await breakers.flush();
  }
  assert.equal(fixture.store.rows.get("inst-1")?.state, "closed");
});

Deno.test("breaker is reset by an operator, who is told when it did not work", async () => {
  const fixture = new Fixture();
  const breakers = await opened(fixture);
  await breakers.flush();
  fixture.store.isBroken = true;
  await assert.rejects(breakers.reset(SUBJECT));
  assert.equal(await outcome(breakers.run(SUBJECT, succeed)), "sandbox.circuit_open");
  fixture.store.isBroken = false;
  await breakers.reset(SUBJECT);
  assert.equal(await breakers.run(SUBJECT, succeed), "fine");
  assert.equal(fixture.store.rows.get("inst-1")?.state, "closed");
  await breakers.reset(SUBJECT);
  assert.deepEqual(fixture.told, ["closed>open failures", "open>closed reset"]);
});

Deno.test("breaker that is reset during a probe does not care how the probe ends", async () => {
  const fixture = new Fixture();
  const breakers = await opened(fixture);
  fixture.clock.ms += 10_000;
  let end: (thrown: unknown) => void = () => {};
  const probe = outcome(breakers.run(SUBJECT, () => new Promise((_, reject) => end = reject)));
  while (fixture.told.length < 2) await Promise.resolve();
  await breakers.reset(SUBJECT);
  end(sandboxError("sandbox.trap", "trap"));
  await probe;
  assert.equal(fixture.told.at(-1), "half_open>closed reset");
  assert.equal((await breakers.show("inst-1")).phase, "closed");
});

Deno.test("breaker costs no input or output while it is closed, and tells in spite of a bad listener", async () => {
  const fixture = new Fixture();
  const breakers = fixture.breakers();
  await breakers.run(SUBJECT, succeed);
  const { reads, writes } = fixture.store;
  for (let at = 0; at < 1_000; at++) await breakers.run(SUBJECT, succeed);
  assert.deepEqual([fixture.store.reads, fixture.store.writes], [reads, writes]);
  const deaf = new CircuitBreakers({
    store: fixture.store,
    clock: fixture.clock,
    logger: silentLogger,
    onChange: () => {
      throw new Error("deaf");
    },
  });
  assert.deepEqual(await times(6, () => deaf.run(SUBJECT, fail)), [
    ...Array(5).fill("sandbox.trap"),
    "sandbox.circuit_open",
  ]);
});

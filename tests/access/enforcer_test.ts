import assert from "node:assert/strict";
import fc from "fast-check";
import { createDatabaseAudit } from "../../src/access/audit_store.ts";
import { listAudit } from "../../src/access/audit_table.ts";
import type { CapabilitySet, EnforcementMode } from "../../src/access/capability.ts";
import { compileCapabilities, compileGonextCapabilities } from "../../src/access/capability_set.ts";
import { createEnforcer } from "../../src/access/enforcer.ts";
import { systemClock } from "../../src/base/clock.ts";
import { isKernelError } from "../../src/base/error.ts";
import { hostOf } from "../../src/base/host_pattern.ts";
import type { Database } from "../../src/db/database.ts";
import type { AuditRecord } from "../../src/telemetry/audit.ts";
import { MAX_KEYS_PER_SOURCE, REPORT_EVERY_MS } from "../../src/telemetry/audit_limit.ts";
import { createLogger, silentLogger } from "../../src/telemetry/log.ts";
import { createMetrics } from "../../src/telemetry/metrics_registry.ts";
import { engineTest } from "../_support/engines.ts";

const ORGANIZATION = "01890a5d-ac96-774b-bcce-b302099a8001";
const OTHER = "01890a5d-ac96-774b-bcce-b302099a8002";

function assertAllows(
  set: CapabilitySet,
  cases: readonly (readonly [kind: string, target: string, isAllowed: boolean])[],
): void {
  for (const [kind, target, isAllowed] of cases) {
    assert.equal(set.allows(kind, target), isAllowed, `${kind} ${target}`);
  }
}

Deno.test("compileCapabilities: tables and events by name, prefix and suffix", () => {
  const set = compileCapabilities("Tickets", [
    { kind: "db:read", target: "addon_crm.customers" },
    { kind: "db:read", target: "*.orders" },
    { kind: "db:write", target: "addon_shop.*" },
    { kind: "event:emit", target: "*" },
    { kind: "event:subscribe", target: "crm.*" },
    { kind: "secrets:read", target: "*" },
  ]);
  assertAllows(set, [
    ["db:read", "addon_tickets.anything", true],
    ["db:write", "addon_tickets.anything", true],
    ["db:write", "addon_tickets.*", true],
    ["db:read", "addon_tickets2.anything", false],
    ["db:read", "addon_crm.customers", true],
    ["db:write", "addon_crm.customers", false],
    ["db:read", "addon_crm.customers2", false],
    ["db:read", "ADDON_CRM.customers", false],
    ["db:read", "orders", true],
    ["db:read", "addon_x.orders", true],
    ["db:read", "addon_x.reorders", false],
    ["db:write", "addon_shop", true],
    ["db:write", "addon_shop.a.b", true],
    ["db:read", "addon_shop.a", true],
    ["db:write", "addon_shopping.a", false],
    ["db:read", "", false],
    ["event:emit", "any.thing", true],
    ["event:emit", "", false],
    ["event:subscribe", "crm.customer.created", true],
    ["event:subscribe", "crm", true],
    ["event:subscribe", "crmx.customer", false],
    ["secrets:read", "x", false],
    ["__proto__", "x", false],
    ["constructor", "x", false],
  ]);
  assert.equal(set.holds("event:emit"), true);
  assert.equal(set.holds("http:fetch"), false);
  assert.equal(set.holds("secrets:read"), false);
  assert.deepEqual(set.targets("db:read"), ["addon_crm.customers", "*.orders"]);
  assert.deepEqual(set.targets("http:fetch"), []);
  // The manifest refuses it; a row that came another way opens nothing.
  const wide = compileCapabilities("a", [{ kind: "db:write", target: "*" }]);
  assertAllows(wide, [["db:read", "addon_b.c", false], ["db:write", "addon_b.c", false]]);
});

Deno.test("compileCapabilities: hosts", () => {
  const allows = (target: string, url: string) =>
    compileCapabilities("a", [{ kind: "http:fetch", target }])
      .allows("http:fetch", hostOf(new URL(url)));
  const cases: readonly (readonly [target: string, url: string, isAllowed: boolean])[] = [
    ["api.stripe.com", "https://api.stripe.com/v1", true],
    ["API.Stripe.com", "https://api.stripe.COM./v1", true],
    ["api.stripe.com", "https://api.stripe.com:8443/", false],
    ["api.stripe.com:8443", "https://api.stripe.com:8443/", true],
    ["api.stripe.com:8443", "https://api.stripe.com/", false],
    ["api.stripe.com", "https://api.stripe.com.evil.io/", false],
    ["api.stripe.com", "https://api.stripe.com@evil.io/", false],
    ["api.stripe.com", "https://xapi.stripe.com/", false],
    ["*.stripe.com", "https://stripe.com/", true],
    ["*.stripe.com", "https://a.b.stripe.com/", true],
    ["*.stripe.com", "https://evilstripe.com/", false],
    ["*.stripe.com", "https://a.stripe.com:444/", false],
    ["*.stripe.com:444", "https://a.stripe.com:444/", true],
    ["*.bücher.example", "https://www.xn--bcher-kva.example/", true],
    ["10.0.0.5:9000", "http://10.0.0.5:9000/", true],
    ["*.0.0.1", "http://127.0.0.1/", false],
    ["*.0.1", "http://127.0.0.1/", false],
    // URL-shaped, as manifests write them; a narrower path does not become the whole host.
    ["https://api.slack.com/*", "https://api.slack.com/x", true],
    ["https://api.slack.com", "https://api.slack.com/x", true],
    ["https://api.slack.com:443/", "https://api.slack.com/x", true],
    ["https://*.slack.com/*", "https://hooks.slack.com/x", true],
    ["https://api.slack.com/v1/*", "https://api.slack.com/v1/x", false],
    ["https://api.slack.com@evil.io/*", "https://evil.io/", false],
    ["ftp://api.slack.com/*", "https://api.slack.com/", false],
    ...["*", "*.*", "*.com", "com", "localhost", "a.*.com", "*.*.com", "a..com", ".com", "", " "]
      .flatMap((target) =>
        ["https://a.b.com/", "http://localhost/", "https://com/"]
          .map((url) => [target, url, false] as const)
      ),
  ];
  for (const [target, url, isAllowed] of cases) {
    assert.equal(allows(target, url), isAllowed, `${target} ${url}`);
  }
  const set = compileCapabilities("a", [{ kind: "http:fetch", target: "api.example.com" }]);
  assertAllows(set, [
    ["http:fetch", "API.EXAMPLE.COM", true],
    ["http:fetch", "api.example.com.", true],
    ["http:fetch", "api.example.com.:8443", false],
  ]);
});

Deno.test("compileCapabilities: matching is what the contract says (property)", () => {
  const name = fc.array(fc.constantFrom("a", "b", "ab", "addon_x"), { minLength: 1, maxLength: 4 })
    .map((parts) => parts.join("."));
  const pattern = fc.tuple(name, fc.constantFrom("", "prefix", "suffix"))
    .map(([text, form]) => form === "" ? text : form === "prefix" ? `${text}.*` : `*.${text}`);
  const expected = (target: string, patterns: readonly string[]) =>
    patterns.some((one) => {
      if (one.endsWith(".*")) return `${target}.`.startsWith(one.slice(0, -1));
      if (one.startsWith("*.")) return `.${target}`.endsWith(one.slice(1));
      return one === target;
    });
  fc.assert(fc.property(fc.array(pattern, { maxLength: 6 }), name, (patterns, target) => {
    const set = compileCapabilities(
      "own",
      patterns.map((one) => ({ kind: "db:write", target: one })),
    );
    assert.equal(set.allows("db:write", target), expected(target, patterns));
    assert.equal(set.allows("db:read", target), expected(target, patterns));
    assert.equal(set.allows("event:emit", target), false);
  }));
  // Nothing grants anything by accident, whatever is written.
  fc.assert(fc.property(fc.string(), fc.string(), fc.string(), (kind, target, asked) => {
    const set = compileCapabilities("own", [{ kind, target }]);
    assert.equal(set.allows("http:fetch", asked), false);
    assert.equal(set.allows("db:read", `x${asked}`), false);
  }));
});

Deno.test("compileGonextCapabilities: ids stand for kinds", () => {
  const set = compileGonextCapabilities(
    "seo",
    ["http.fetch", "kv.read", "db.read", "hooks.subscribe", "nothing.known", "kv:write", "secrets"],
    { allowedHosts: ["api.example.com"] },
  );
  assertAllows(set, [
    ["http:fetch", "api.example.com", true],
    ["http:fetch", "example.com", false],
    ["kv:read", "self", true],
    ["kv:write", "self", false],
    ["db:read", "addon_seo.pages", true],
    ["db:read", "self", true],
    ["db:read", "addon_other.pages", false],
    ["db:write", "addon_seo.pages", false],
    ["hooks:subscribe", "post.saved", true],
    ["jobs:enqueue", "x", false],
    ["secrets:read", "self", true],
    ["audit:emit", "self", true],
    ["cron:register", "self", true],
  ]);
  assertAllows(compileGonextCapabilities("seo", ["db.write"]), [
    ["db:write", "addon_seo.pages", true],
    ["db:read", "addon_seo.pages", false],
  ]);
  const strict = compileGonextCapabilities("seo", ["http.fetch", "audit.emit"], {
    platform: "asked",
  });
  assertAllows(strict, [
    ["http:fetch", "api.example.com", false],
    ["audit:emit", "self", true],
    ["secrets:read", "self", false],
  ]);
  assert.equal(strict.holds("db:read"), false);
  assert.equal(
    compileGonextCapabilities("seo", [], { allowedHosts: ["a.b"] }).holds("http:fetch"),
    false,
  );
});

function makeEnforcer(mode?: EnforcementMode) {
  const time = { ms: 1_000_000 };
  const records: AuditRecord[] = [];
  const lines: Record<string, unknown>[] = [];
  const metrics = createMetrics();
  const clock = { nowMs: () => time.ms };
  const audit = {
    record: (record: AuditRecord) => void records.push(record),
    flush: () => Promise.resolve(),
  };
  const logger = createLogger({
    sink: (line) => void lines.push(JSON.parse(line)),
    nowMs: clock.nowMs,
  });
  const options = { audit, metrics, logger, clock };
  const enforcer = createEnforcer(mode === undefined ? options : { ...options, mode });
  const subject = (installationId = "i1") => ({
    addonKey: "tickets",
    installationId,
    organizationId: ORGANIZATION,
    requestId: "r1",
    capabilities: compileCapabilities("tickets", [{ kind: "event:emit", target: "tickets.*" }]),
  });
  return { enforcer, records, lines, metrics, time, subject };
}

Deno.test("createEnforcer: a missing right refuses, is counted, recorded and logged", () => {
  const { enforcer, records, lines, metrics, subject } = makeEnforcer();
  assert.equal(enforcer.mode, "enforce");
  assert.equal(enforcer.check(subject(), "event:emit", "tickets.created"), true);
  assert.deepEqual([records, lines], [[], []]);
  const target = `crm\n\u001b[31m\u202e${"x".repeat(1_000)}`;
  assert.equal(enforcer.check(subject(), "event:emit", target), false);
  const shown = `crm\\u{a}\\u{1b}[31m\\u{202e}${"x".repeat(246)}…`;
  assert.deepEqual(records, [{
    name: "capability.violation",
    severity: "warning",
    addonKey: "tickets",
    installationId: "i1",
    organizationId: ORGANIZATION,
    requestId: "r1",
    details: { kind: "event:emit", target: shown, mode: "enforce", count: 1 },
  }]);
  assert.equal(lines[0]?.["message"], "metacore.capability.violation");
  assert.equal(lines[0]?.["target"], shown);
  const text = metrics.text();
  assert.match(text, /_decisions_total\{decision="allowed",kind="event:emit",mode="enforce"\} 1\n/);
  assert.match(text, /_decisions_total\{decision="denied",kind="event:emit",mode="enforce"\} 1\n/);
  assert.match(text, /\nmetacore_enforcement_shadow 0\n/);
});

Deno.test("createEnforcer: a flood of violations is few records, and every one is in the numbers", () => {
  const { enforcer, records, lines, metrics, time, subject } = makeEnforcer();
  for (let at = 0; at < 1_000; at++) enforcer.check(subject(), "db:read", "addon_b.c");
  assert.equal(records.length, 1);
  enforcer.check(subject("i2"), "db:read", "addon_b.c");
  assert.equal(records.length, 2, "another installation is told of at once");
  time.ms += REPORT_EVERY_MS;
  enforcer.check(subject(), "db:read", "addon_b.c");
  const counts = () => records.map((record) => Number(record.details?.["count"]));
  assert.equal(counts().reduce((sum, count) => sum + count), 1_002);
  assert.ok(records.length <= 4);

  records.length = 0;
  lines.length = 0;
  for (let at = 0; at < 5_000; at++) {
    enforcer.check(subject("i3"), "http:fetch", `h${at}.example.com`);
  }
  assert.equal(records.length, MAX_KEYS_PER_SOURCE + 1);
  assert.equal(lines.length, records.length);
  assert.equal(records.at(-1)?.details?.["differing"], true);
  enforcer.flush();
  assert.equal(counts().reduce((sum, count) => sum + count), 5_000);
  assert.match(metrics.text(), /decision="denied",kind="http:fetch",mode="enforce"\} 5000\n/);
  for (let at = 0; at < 3_000; at++) enforcer.check(subject(`many${at}`), "db:read", "addon_b.c");
  for (let at = 0; at < 500; at++) enforcer.check(subject(), `kind:${at}`, "x");
  const kinds = metrics.text().match(/^metacore_capability_decisions_total\{/gm)!.length;
  assert.ok(kinds < 100, `${kinds} series`);
});

Deno.test("createEnforcer: shadow is asked for, announced, counted and lets pass", async () => {
  const { enforcer, records, lines, metrics, subject } = makeEnforcer("shadow");
  assert.equal(lines[0]?.["mode"], "shadow");
  assert.equal(enforcer.check(subject(), "db:read", "addon_b.c"), true);
  assert.equal(records[0]?.details?.["mode"], "shadow");
  assert.match(metrics.text(), /decision="shadowed",kind="db:read",mode="shadow"\} 1\n/);
  assert.match(metrics.text(), /\nmetacore_enforcement_shadow 1\n/);
  await enforcer.setMode("enforce", "operator");
  assert.equal(enforcer.check(subject(), "db:read", "addon_b.d"), false);
  assert.match(metrics.text(), /\nmetacore_enforcement_shadow 0\n/);
  const change = records.find((record) => record.name === "enforcement.changed");
  assert.deepEqual(change?.details, { from: "shadow", to: "enforce" });
  assert.equal(change?.actorId, "operator");
  // Border: what a caller without types may hand over.
  const odd = "True" as EnforcementMode;
  await assert.rejects(enforcer.setMode(odd, "x"), (e) => isKernelError(e, "access.invalid_mode"));
  assert.throws(() => makeEnforcer(odd), (e) => isKernelError(e, "access.invalid_mode"));
  assert.equal(enforcer.mode, "enforce");
});

Deno.test("createEnforcer: shadow begins when it is on record, enforcement at once", async () => {
  const kept = Promise.withResolvers<void>();
  const enforcer = createEnforcer({
    audit: { record: () => {}, flush: () => kept.promise },
    metrics: createMetrics(),
    logger: silentLogger,
    clock: systemClock,
  });
  const widened = enforcer.setMode("shadow", "a");
  assert.equal(enforcer.mode, "enforce");
  const narrowed = enforcer.setMode("enforce", "b");
  kept.resolve();
  await Promise.all([widened, narrowed]);
  assert.equal(enforcer.mode, "enforce");
  await enforcer.setMode("shadow", "a");
  assert.equal(enforcer.mode, "shadow");
});

function makeAudit(
  database: Database,
  options: { maxQueued?: number; keepPerOrganization?: number } = {},
) {
  const metrics = createMetrics();
  const lines: string[] = [];
  const logger = createLogger({ sink: (line) => void lines.push(line), nowMs: () => 0 });
  const audit = createDatabaseAudit({ database, clock: systemClock, logger, metrics, ...options });
  return { audit, metrics, lines };
}

function record(organizationId: string, at: number, addonKey = "tickets"): AuditRecord {
  return { name: `n${at}`, severity: "info", organizationId, addonKey };
}

engineTest(
  "createDatabaseAudit: records are kept and listed by organization",
  async ({ database }) => {
    const { audit } = makeAudit(database);
    audit.record({
      name: "capability.violation",
      severity: "warning",
      organizationId: ORGANIZATION,
      addonKey: "tickets",
      installationId: OTHER,
      actorId: "me\u0000\n",
      requestId: "r1",
      details: {
        text: "a\u0000\u001b",
        big: "x".repeat(5_000),
        number: 1,
        none: null,
        lone: "\ud800",
      },
    });
    audit.record({ name: "odd", severity: "info", organizationId: "no uuid", installationId: "'" });
    for (let at = 0; at < 5; at++) audit.record(record(OTHER, at, at % 2 === 0 ? "a" : "b"));
    await audit.flush();
    const [kept, ...rest] = await listAudit(database, ORGANIZATION);
    assert.deepEqual(rest, []);
    assert.equal(kept?.actorId, "me\\u{0}\\u{a}");
    assert.equal(kept?.installationId, OTHER);
    assert.ok(!Number.isNaN(Date.parse(kept!.createdAt)));
    assert.deepEqual(kept?.details, {
      text: "a\\u{0}\\u{1b}",
      big: `${"x".repeat(1_024)}…`,
      number: 1,
      none: null,
      lone: "\\u{d800}",
    });
    const names = async (options: Parameters<typeof listAudit>[2]) =>
      (await listAudit(database, OTHER, options)).map(({ name }) => name);
    assert.deepEqual(await names({}), ["n4", "n3", "n2", "n1", "n0"]);
    assert.deepEqual(await names({ addonKey: "b" }), ["n3", "n1"]);
    const [first, second] = await listAudit(database, OTHER, { limit: 2 });
    assert.equal(first?.name, "n4");
    assert.deepEqual(await names({ after: second!.sequence, limit: 2 }), ["n2", "n1"]);
    assert.deepEqual(await listAudit(database, "no uuid"), []);
    // Of many facts, those that do not fit are left out.
    const details = Object.fromEntries(
      Array.from({ length: 50 }, (_, at) => [`k${at}`, "é".repeat(100)]),
    );
    audit.record({ ...record(ORGANIZATION, 1), details });
    await audit.close();
    const [cut] = await listAudit(database, ORGANIZATION);
    assert.equal(cut?.details?.["cut"], true);
    assert.ok(new TextEncoder().encode(JSON.stringify(cut?.details)).length <= 4_096);
  },
);

engineTest(
  "createDatabaseAudit: records are written by themselves, and beyond the bound counted",
  async ({ database }) => {
    const { audit, metrics, lines } = makeAudit(database, { maxQueued: 10 });
    for (let at = 0; at < 25; at++) audit.record(record(ORGANIZATION, at));
    assert.match(metrics.text(), /\nmetacore_audit_dropped_total 15\n/);
    assert.equal(lines.length, 1, "one line, however many");
    while ((await listAudit(database, ORGANIZATION)).length < 10) {
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    await audit.close();
    audit.record(record(ORGANIZATION, 99));
    await audit.flush();
    assert.equal((await listAudit(database, ORGANIZATION)).length, 10);
    assert.match(metrics.text(), /\nmetacore_audit_dropped_total 16\n/);
  },
);

engineTest("createDatabaseAudit: the newest of each organization stay", async ({ database }) => {
  const { audit } = makeAudit(database, { keepPerOrganization: 20 });
  for (let at = 0; at < 5; at++) audit.record(record(OTHER, at));
  for (let round = 0; round < 12; round++) {
    for (let at = 0; at < 100; at++) audit.record(record(ORGANIZATION, round * 100 + at));
    await audit.flush();
  }
  const names = (await listAudit(database, ORGANIZATION, { limit: 500 })).map(({ name }) => name);
  assert.equal(names[0], "n1199");
  assert.ok(names.length >= 20 && names.length < 20 + 500 + 100, `${names.length}`);
  assert.equal((await listAudit(database, OTHER)).length, 5);
  await audit.close();
  const again = makeAudit(database, { keepPerOrganization: 20 });
  again.audit.record(record(ORGANIZATION, 1_200));
  await again.audit.close();
  assert.equal((await listAudit(database, ORGANIZATION, { limit: 500 })).length, 20);
});

engineTest(
  "createDatabaseAudit: a database that fails loses nothing that fits the queue",
  async ({ database }) => {
    let failing = true;
    const failed = Promise.reject(new Error("down"));
    failed.catch(() => {});
    const flaky: Database = new Proxy(database, {
      get: (target, name) => {
        if (failing && name === "kysely") throw new Error("down");
        if (failing && name === "ping") return () => failed;
        const value: unknown = Reflect.get(target, name, target);
        return typeof value === "function" ? value.bind(target) : value;
      },
    });
    const { audit, metrics } = makeAudit(flaky);
    for (let at = 0; at < 3; at++) audit.record(record(ORGANIZATION, at));
    for (let at = 0; at < 5; at++) await audit.flush();
    assert.equal((await listAudit(database, ORGANIZATION)).length, 0);
    failing = false;
    await audit.flush();
    assert.equal((await listAudit(database, ORGANIZATION)).length, 3);
    assert.doesNotMatch(metrics.text(), /dropped_total \d/);
    failing = true;
    audit.record(record(ORGANIZATION, 4));
    await audit.close();
    assert.match(metrics.text(), /\nmetacore_audit_dropped_total 1\n/);
  },
);

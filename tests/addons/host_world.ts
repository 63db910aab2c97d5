/**
 * An invocation with fakes around it: what guests' calls meet, without guests.
 *
 * @module
 */

import { compileCapabilities, compileGonextCapabilities } from "../../src/access/capability_set.ts";
import type { Capability, CapabilitySet, EnforcementMode } from "../../src/access/capability.ts";
import { createEnforcer } from "../../src/access/enforcer.ts";
import type { HostContext, HostServices } from "../../src/addons/host/context.ts";
import { createHostPort } from "../../src/addons/host/host_port.ts";
import { createHostServices, type HostServicesOptions } from "../../src/addons/host/services.ts";
import { SystemIds } from "../../src/base/ids.ts";
import type { Database } from "../../src/db/database.ts";
import type {
  GuestSql,
  GuestSqlRequest,
  GuestSqlResult,
} from "../../src/db/guest_sql/guest_sql.ts";
import type { Egress, EgressRequest, EgressResponse } from "../../src/egress/egress.ts";
import type { HostArgument, HostPort, HostReply } from "../../src/sandbox/sandbox.ts";
import { openTestDatabase } from "../_support/engines.ts";
import type { AuditRecord } from "../../src/telemetry/audit.ts";
import { createLogger } from "../../src/telemetry/log.ts";
import { createMetrics } from "../../src/telemetry/metrics_registry.ts";

export const ORG = "0193a000-0000-7000-8000-00000000000a";
export const OTHER_ORG = "0193a000-0000-7000-8000-00000000000b";
export const INSTALLATION = "0193a000-0000-7000-8000-0000000000f1";

/** What a fake guest SQL is told to do. */
export type SqlAnswer = (
  request: GuestSqlRequest,
  place: "own" | "joined",
) => Promise<GuestSqlResult> | GuestSqlResult;

/** A world of one kernel; ports are made from it. */
export interface World {
  readonly services: HostServices;
  readonly records: AuditRecord[];
  readonly lines: string[];
  readonly metricsText: () => string;
  nowMs: number;
  answerSql: SqlAnswer;
  answerHttp: (request: EgressRequest) => Promise<EgressResponse> | EgressResponse;
  setMode(mode: EnforcementMode): Promise<void>;
  /** Port of an invocation of the addon `tickets`. */
  port(change?: Partial<HostContext>): HostPort;
}

/** A metacore addon's rights. */
export function rights(...capabilities: readonly Capability[]): CapabilitySet {
  return compileCapabilities("tickets", capabilities);
}

/** A plugin's rights. */
export function ids(list: readonly string[], allowedHosts: readonly string[] = []): CapabilitySet {
  return compileGonextCapabilities("tickets", list, { allowedHosts });
}

/** Makes a world over a database with two organizations. */
export async function makeHostWorld(
  database: Database,
  options: Partial<HostServicesOptions> = {},
): Promise<World> {
  for (const id of [ORG, OTHER_ORG]) {
    await database.kysely.insertInto("organizations").values({
      id,
      name: "Acme",
      slug: `acme${id.slice(-1)}`,
      created_at: "2026-01-01T00:00:00.000Z",
      updated_at: "2026-01-01T00:00:00.000Z",
    }).execute();
  }
  const records: AuditRecord[] = [];
  const lines: string[] = [];
  const metrics = createMetrics();
  const audit = { record: (one: AuditRecord) => void records.push(one), flush: async () => {} };
  const clock = { nowMs: () => world.nowMs };
  const logger = createLogger({
    level: "debug",
    sink: (line) => void lines.push(line),
    nowMs: () => world.nowMs,
  });
  const enforcer = createEnforcer({ audit, metrics, logger, clock });
  const services = createHostServices({
    database,
    guestSql: fakeSql(() => world.answerSql),
    egress: fakeEgress(() => world.answerHttp),
    enforcer,
    audit,
    metrics,
    logger,
    clock,
    ids: new SystemIds(),
    masterKey: new Uint8Array(32).fill(7),
    ...options,
  });
  const world: World = {
    services,
    records,
    lines,
    metricsText: () => metrics.text(),
    nowMs: Date.UTC(2026, 0, 1),
    answerSql: () => ({ columns: [], rows: [], changes: 0 }),
    answerHttp: () => ({ status: 200, headers: [], body: new Uint8Array(), truncated: false }),
    setMode: (mode) => enforcer.setMode(mode, "test"),
    port: (change = {}) => createHostPort({ ...contextOf(rights()), ...change }, services),
  };
  return world;
}

/** A world over SQLite, for what no engine decides. */
export function worldTest(name: string, run: (world: World) => Promise<void> | void): void {
  Deno.test(name, async () => {
    await using t = await openTestDatabase("sqlite");
    await run(await makeHostWorld(t.database));
  });
}

/** Port of an invocation of the plugin `tickets`. */
export function gonext(
  world: World,
  capabilityIds: readonly string[],
  hosts: readonly string[] = [],
): HostPort {
  const context = contextOf(ids(capabilityIds, hosts));
  return world.port({ ...context, abi: "gonext/1" });
}

/** A context with some rights. */
export function contextOf(capabilities: CapabilitySet, organizationId = ORG): HostContext {
  return {
    subject: {
      addonKey: "tickets",
      installationId: INSTALLATION,
      organizationId,
      requestId: "request-1",
      capabilities,
    },
    abi: "metacore/1",
    level: "1.3",
    settings: new Map(),
    schemaName: "addon_tickets",
    findSchema: (key) => key === "orders" ? "addon_orders$x" : undefined,
    transactionMode: "none",
  };
}

function fakeSql(answer: () => SqlAnswer): GuestSql {
  return {
    unavailableBecause: () => Promise.resolve(undefined),
    run: async (request) => await answer()(request, "own"),
    runIn: async (_tx, request) => await answer()(request, "joined"),
  };
}

function fakeEgress(answer: () => World["answerHttp"]): Egress {
  return { fetch: async (request) => await answer()(request), close: async () => {} };
}

/** Calls a host function with ten seconds left. */
export async function call(
  port: HostPort,
  name: string,
  ...given: readonly (HostArgument | string)[]
): Promise<HostReply> {
  return await port.call({
    name,
    arguments: given.map((one) =>
      typeof one === "string" && one !== "unreadable" && one !== "too_large"
        ? new TextEncoder().encode(one)
        : one as HostArgument
    ),
    deadlineMs: performance.now() + 10_000,
    signal: new AbortController().signal,
  });
}

/** The JSON that was answered. */
// Tests look into answers of every shape.
// deno-lint-ignore no-explicit-any
export function json(reply: HostReply): any {
  if (!("bytes" in reply)) throw new Error(`no bytes: ${JSON.stringify(reply)}`);
  return JSON.parse(new TextDecoder().decode(reply.bytes));
}

/** The text that was answered. */
export function text(reply: HostReply): string {
  if (!("bytes" in reply)) throw new Error(`no bytes: ${JSON.stringify(reply)}`);
  return new TextDecoder().decode(reply.bytes);
}

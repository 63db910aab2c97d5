/**
 * The record engine against SQL written by hand, on the same engine, table and machine, in the same
 * run, without HTTP: list, get and create, one at a time and sixteen at a time. The cost of a list's
 * total stands apart. Prints a table; asserts nothing.
 *
 * @module
 */

import { createAccessService } from "../../src/access/service.ts";
import type { UserCaller } from "../../src/base/caller.ts";
import { systemClock } from "../../src/base/clock.ts";
import { SystemIds } from "../../src/base/ids.ts";
import type { Database } from "../../src/db/database.ts";
import { applyChange } from "../../src/db/schema/apply.ts";
import type { SchemaChange, SchemaState } from "../../src/db/schema/spec.ts";
import { hostModel } from "../../src/models/host_model.ts";
import { createSnapshot } from "../../src/models/snapshot.ts";
import { tableSpecOf } from "../../src/models/table_spec.ts";
import { createRecordService } from "../../src/records/service.ts";
import { silentLogger } from "../../src/telemetry/log.ts";
import { engines, openTestDatabase } from "../_support/engines.ts";
import { openHandWritten } from "./hand_written_records.ts";

const ROWS = 100_000;
const DURATION_MS = Number(Deno.env.get("METACORE_BENCH_MS") ?? 1_500);
const ORGANIZATION = "0190aaaa-0000-7000-8000-000000000001";
const OTHER = "0190bbbb-0000-7000-8000-000000000002";

const model = hostModel({
  key: "tickets",
  columns: {
    title: { type: "string", required: true },
    status: { type: "string", default: "open", index: true },
    priority: { type: "integer" },
    amount: { type: "decimal" },
    active: { type: "boolean" },
    notes: { type: "text" },
  },
});

const caller: UserCaller = {
  kind: "user",
  organizationId: ORGANIZATION,
  userId: "0190aaaa-0000-7000-8000-00000000000a",
  requestId: "bench",
  role: "owner",
};

const BODY = {
  title: "Printer on fire",
  status: "open",
  priority: 3,
  amount: 12.5,
  active: true,
  notes: "Third floor, left of the coffee machine.",
};

async function fill(database: Database): Promise<void> {
  const table = tableSpecOf(model);
  const changes: SchemaChange[] = [
    { kind: "createSchema", schema: table.name.schema },
    { kind: "createTable", table },
  ];
  await database.schemaTransaction(null, async (tx) => {
    let state: SchemaState = new Map();
    for (const change of changes) {
      for (const statement of tx.profile.render(change, state)) await tx.execute(statement);
      state = applyChange(state, change);
    }
  });
  const name = database.profile.compile(database.profile.table(model.table)).sql;
  const ids = new SystemIds();
  const quote = (text: string): string => `'${text}'`;
  for (const organization of [ORGANIZATION, OTHER]) {
    for (let at = 0; at < ROWS; at += 1000) {
      const rows = Array.from({ length: 1000 }, (_, n) => {
        const number = at + n;
        const time = quote(new Date(Date.UTC(2026, 0, 1) + number * 1000).toISOString());
        return `(${quote(ids.next())}, ${quote(organization)}, 'Ticket ${number}', ${
          quote(["open", "done", "waiting", "closed", "new"][number % 5]!)
        }, ${number % 7}, ${number % 1000}.5, ${
          number % 2 === 0
        }, 'Some notes on ${number}', ${time}, ${time})`;
      });
      const sql =
        `insert into ${name} (id, organization_id, title, status, priority, amount, active,
        notes, created_at, updated_at) values ${rows.join(", ")}`;
      await database.batch(organization, [{ sql, parameters: [] }]);
    }
  }
  await database.kysely.selectFrom("events").select("id").execute();
  await database.batch(ORGANIZATION, [{ sql: `analyze ${name}`, parameters: [] }]);
}

/** Slices that two competitors take in turn, so that a machine that slows down slows both. */
const SLICES = 6;

/** Runs work again and again. @returns runs per second. */
async function rate(
  work: () => Promise<unknown>,
  concurrency: number,
  durationMs: number,
): Promise<number> {
  let runs = 0;
  const start = performance.now();
  const end = start + durationMs;
  const one = async (): Promise<void> => {
    while (performance.now() < end) {
      await work();
      runs++;
    }
  };
  await Promise.all(Array.from({ length: concurrency }, one));
  return runs / ((performance.now() - start) / 1000);
}

/** @returns medians of both. */
async function compete(
  ours: () => Promise<unknown>,
  theirs: () => Promise<unknown>,
  concurrency: number,
): Promise<[number, number]> {
  const rates: [number[], number[]] = [[], []];
  for (let slice = 0; slice <= SLICES; slice++) {
    const [mine, other] = [
      await rate(ours, concurrency, DURATION_MS / SLICES),
      await rate(theirs, concurrency, DURATION_MS / SLICES),
    ];
    // The first slice warms up.
    if (slice === 0) continue;
    rates[0].push(mine);
    rates[1].push(other);
  }
  return [median(rates[0]), median(rates[1])];
}

function median(values: number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)]!;
}

function print(line: string): void {
  Deno.stdout.writeSync(new TextEncoder().encode(line + "\n"));
}

async function measure(engine: (typeof engines)[number]): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "metacore-bench-" });
  await using test = await openTestDatabase(engine, {
    path: `${folder}/bench.db`,
    maxConnections: 8,
  });
  const { database } = test;
  await fill(database);
  const table = database.profile.compile(database.profile.table(model.table)).sql;
  const plain = openHandWritten(engine, test.url, table);
  const access = createAccessService({ database, clock: systemClock, logger: silentLogger });
  const snapshot = createSnapshot("1", [model]);
  const registry = { snapshot: () => Promise.resolve(snapshot), invalidate: () => {} };
  const records = createRecordService({ database, registry, access });

  const page = new URLSearchParams("page=1&per_page=25&f_status=open&sortBy=created_at&order=desc");
  const byPriority = new URLSearchParams("page=1&per_page=25&f_status=open&sortBy=priority");
  const known = (await records.list(caller, "tickets", page)).rows.value();
  let turn = 0;
  const id = (): string => String(known[turn++ % known.length]!["id"]);
  const envelope = async (query: URLSearchParams): Promise<string> => {
    const { rows, meta } = await records.list(caller, "tickets", query);
    return `{"data":${rows.text},"meta":${JSON.stringify(meta)},"success":true}`;
  };
  const ours = {
    list: () => envelope(page),
    sorted: () => envelope(byPriority),
    get: async () => `{"data":${(await records.get(caller, "tickets", id())).text},"success":true}`,
    create: async () =>
      `{"data":${(await records.create(caller, "tickets", BODY)).text},"success":true}`,
  };
  const theirs = plain.handlers(ORGANIZATION, caller.userId, BODY, id);
  const cases: [string, () => Promise<unknown>, () => Promise<unknown>][] = [
    ["list, total / by hand without a total", ours.list, theirs.list],
    ["list, total / by hand with count(*)", ours.list, theirs.listWithCount],
    ["list by priority, total / without", ours.sorted, theirs.sorted],
    ["get", ours.get, theirs.get],
    ["create / by hand with its event", ours.create, theirs.createWithEvent],
    ["create / by hand without an event", ours.create, theirs.create],
  ];
  for (const concurrency of [1, 16]) {
    print(`\n${engine}, ${concurrency} at a time`.padEnd(47) + "by hand      kernel   cost");
    for (const [name, kernel, hand] of cases) {
      const [measured, byHand] = await compete(kernel, hand, concurrency);
      print(
        `  ${name.padEnd(40)}${byHand.toFixed(0).padStart(10)}/s${
          measured.toFixed(0).padStart(10)
        }/s${(byHand / measured).toFixed(2).padStart(6)}x`,
      );
    }
  }
  await plain.close();
  await Deno.remove(folder, { recursive: true });
}

print(`list = 25 of ${ROWS} rows of one organization, ${DURATION_MS} ms a case`);
for (const engine of engines) await measure(engine);

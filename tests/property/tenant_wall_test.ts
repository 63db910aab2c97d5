/**
 * The wall between organizations: no sequence of requests of A reads, changes or infers a record of
 * B. A works in two databases that differ in B's records only; whatever A does, both must answer
 * alike, and B's records stay as they are. The wall is double, the predicate in the SQL and the
 * engine's row-level security; each must hold with the other taken away, and with both gone the
 * test must notice.
 *
 * @module
 */

import assert from "node:assert/strict";
import fc from "fast-check";
import { sql } from "kysely";
import type { Caller } from "../../src/base/caller.ts";
import { isKernelError } from "../../src/base/error.ts";
import { JsonText } from "../../src/base/json_text.ts";
import type { RecordService } from "../../src/records/record_service.ts";
import { organizationScope, type TenantScope } from "../../src/records/scope.ts";
import { type Engine, engines, openTestDatabase, type TestDatabase } from "../_support/engines.ts";
import { callerA, callerB, customers, makeWorld, ORG_B, query, tickets } from "../records/world.ts";

const noScope: TenantScope = () => sql`1 = 1`;
const MISSING = "0190ffff-0000-7000-8000-000000000000";
/** Stands in every record of B and nowhere else. */
const MARK = "zebra";

interface Request {
  readonly what: keyof RecordService;
  readonly model: string;
  readonly id: number;
  readonly body: Readonly<Record<string, unknown>>;
  readonly text: string;
}

/** One database with what A does in it. */
interface Side {
  readonly test: TestDatabase;
  readonly records: RecordService;
  /** Ids that A tries: B's, its own, one of nobody. */
  readonly ids: string[];
}

async function makeSide(
  engine: Engine,
  scope: TenantScope,
  content: "with B" | "without B",
): Promise<Side> {
  const test = await openTestDatabase(engine);
  const world = await makeWorld(test.database);
  const ids = [MISSING];
  const add = async (caller: Caller, model: string, body: Record<string, unknown>) => {
    const record = (await world.records.create(caller, model, body)).value();
    ids.push(String(record["id"]));
    return String(record["id"]);
  };
  const theirCustomer = await add(callerB, "customers", { name: `${MARK} Inc`, email: "b@x" });
  await add(callerB, "tickets", {
    title: `${MARK} one`,
    code: "C-1",
    priority: 7,
    price: 777,
    customer_id: theirCustomer,
  });
  await add(callerB, "tickets", { title: `${MARK} two`, code: "C-2", status: MARK });
  const customer = await add(callerA, "customers", { name: "Ann", email: "a@x" });
  await add(callerA, "tickets", { title: "mine", code: "C-3", priority: 1, customer_id: customer });
  if (content === "without B") {
    for (const model of [tickets, customers]) {
      const table = test.database.profile.compile(test.database.profile.table(model.table)).sql;
      await test.database.batch(ORG_B, [
        { sql: `delete from ${table} where organization_id = '${ORG_B}'`, parameters: [] },
      ]);
    }
  }
  return { test, records: world.recordsWith(scope), ids };
}

/** The role of the tests owns the tables, so it may take its own wall away. */
async function dropRowSecurity({ database }: TestDatabase): Promise<void> {
  await database.schemaTransaction(null, async (tx) => {
    for (const model of [tickets, customers]) {
      const table = tx.profile.compile(tx.profile.table(model.table)).sql;
      for (const change of ["disable row level security", "no force row level security"]) {
        await tx.execute({ sql: `alter table ${table} ${change}`, parameters: [] });
      }
    }
  });
}

/** What A is answered, whatever it is, as text. */
async function answer(side: Side, request: Request): Promise<string> {
  const { records, ids } = side;
  const id = ids[request.id % ids.length]!;
  const body = Object.fromEntries(
    Object.entries(request.body).map(([key, value]) => [
      key,
      typeof value === "number" && key.endsWith("_id") ? ids[value % ids.length] : value,
    ]),
  );
  const text = query(request.text.replace("$id", id));
  const run = async (): Promise<unknown> => {
    switch (request.what) {
      case "get":
        return await records.get(callerA, request.model, id);
      case "create": {
        const created = await records.create(callerA, request.model, body);
        ids.push(String(created.value()["id"]));
        return created;
      }
      case "update":
        return await records.update(callerA, request.model, id, body);
      case "remove":
        return await records.remove(callerA, request.model, id);
      case "list": {
        const { rows, meta } = await records.list(callerA, request.model, text);
        return [rows.value(), meta];
      }
      default:
        return await records[request.what](callerA, request.model, text);
    }
  };
  try {
    const given = await run();
    return JSON.stringify(given instanceof JsonText ? given.value() : given) ?? "done";
  } catch (thrown) {
    if (!isKernelError(thrown)) throw thrown;
    const { code, kind, message, fields, details } = thrown;
    return JSON.stringify({ code, kind, message, fields, details });
  }
}

const requests: fc.Arbitrary<Request> = fc.record({
  what: fc.constantFrom<keyof RecordService>(
    "list",
    "list",
    "get",
    "create",
    "update",
    "remove",
    "facets",
    "aggregate",
    "options",
    "search",
  ),
  model: fc.constantFrom("ticket", "customers"),
  id: fc.nat(30),
  body: fc.record({
    title: fc.constantFrom("x", MARK.slice(0, 2), "mine"),
    name: fc.constantFrom("x", "Ann"),
    code: fc.constantFrom("C-1", "C-2", "C-3", "C-4"),
    email: fc.constantFrom("a@x", "b@x"),
    priority: fc.nat(9),
    customer_id: fc.nat(30),
    parent_id: fc.nat(30),
    organization_id: fc.constant(ORG_B),
    id: fc.constant(MISSING),
  }, { requiredKeys: [] }),
  text: fc.array(
    fc.constantFrom(
      "search=z",
      `search=${MARK}`,
      "search=%25",
      "per_page=1",
      "page=2",
      "sortBy=title&order=asc",
      "sortBy=priority",
      "f_code=C-1",
      "f_code=NOT_IN:C-3",
      "f_priority=RANGE:1,9",
      `f_organization_id=${ORG_B}`,
      "f_id=$id",
      "f_customer_id=$id",
      "f_parent_id=NULL:",
      "field=status",
      "field=id",
      "field=customer_id",
      "q=z",
      "limit=3",
      "filter_value=$id",
    ),
    { maxLength: 4 },
  ).map((parts) => parts.join("&")),
});

/** Columns of one model are not columns of the other; a refusal for that would hide everything. */
function fitted(request: Request): Request {
  const own: readonly string[] = request.model === "customers"
    ? ["name", "email"]
    : ["title", "code", "priority", "customer_id", "parent_id"];
  const kept = [...own, "organization_id", "id"];
  const text = request.model === "ticket"
    ? request.text
    : request.text.replaceAll("title", "name").split("&").filter((part) =>
      !/^(f_code|f_priority|f_customer|f_parent|sortBy=priority)/.test(part)
    ).join("&");
  return {
    ...request,
    body: Object.fromEntries(Object.entries(request.body).filter(([key]) => kept.includes(key))),
    // Most requests name a field that exists; where several do, the first counts.
    text: `${text}&field=${request.model === "ticket" ? "customer_id" : "id"}`,
  };
}

async function contentOf(test: TestDatabase): Promise<string> {
  const texts: string[] = [];
  for (const model of [tickets, customers]) {
    const table = test.database.profile.compile(test.database.profile.table(model.table)).sql;
    const [result] = await test.database.batch(ORG_B, [{
      sql: `select * from ${table} where organization_id = '${ORG_B}' order by id`,
      parameters: [],
    }]);
    texts.push(JSON.stringify(result!.rows));
  }
  return texts.join("\n");
}

/** How the wall stands. */
interface Wall {
  readonly engine: Engine;
  readonly scope: TenantScope;
  readonly rowSecurity: "on" | "off";
}

const RUNS = 120;

const sequence = fc.sample(fc.array(requests.map(fitted), { minLength: 1, maxLength: 8 }), {
  numRuns: RUNS,
  seed: 20261121,
}).flat();

/** What A is answered in one database; where B is, B's records must stay as they are. */
async function answers(wall: Wall, content: "with B" | "without B"): Promise<string[]> {
  const side = await makeSide(wall.engine, wall.scope, content);
  await using test = side.test;
  if (wall.rowSecurity === "off" && wall.engine === "postgres") await dropRowSecurity(test);
  const before = await contentOf(test);
  assert.equal(before.includes(MARK), content === "with B");
  const given: string[] = [];
  for (const request of sequence) given.push(await answer(side, request));
  given.push((await contentOf(test)) === before ? "as before" : "B's records changed");
  return given;
}

/** Compares what A is answered beside B and without. @returns the first difference, if any. */
async function breach(wall: Wall): Promise<string | undefined> {
  const [beside, alone] = [await answers(wall, "with B"), await answers(wall, "without B")];
  assert.equal(alone.at(-1), "as before");
  const at = beside.findIndex((text, index) => text !== alone[index] || text.includes(`${MARK} `));
  if (at < 0) return undefined;
  return [JSON.stringify(sequence[at] ?? "end"), beside[at], alone[at]].join("\n");
}

for (const engine of engines) {
  Deno.test(`A neither reads, changes nor infers records of B [${engine}]`, async () => {
    const wall: Wall = { engine, scope: organizationScope, rowSecurity: "on" };
    assert.equal(await breach(wall), undefined);
  });

  Deno.test(`the tenant predicate holds alone [${engine}]`, async () => {
    const wall: Wall = { engine, scope: organizationScope, rowSecurity: "off" };
    assert.equal(await breach(wall), undefined);
  });

  Deno.test(`with both walls gone the test notices [${engine}]`, async () => {
    assert.notEqual(await breach({ engine, scope: noScope, rowSecurity: "off" }), undefined);
  });
}

if (engines.includes("postgres")) {
  Deno.test("row-level security holds alone [postgres]", async () => {
    const wall: Wall = { engine: "postgres", scope: noScope, rowSecurity: "on" };
    assert.equal(await breach(wall), undefined);
  });
}

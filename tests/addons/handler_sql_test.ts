/**
 * SQL of the host application's handlers: the addon's own tables, the organization, and for a time.
 *
 * @module
 */

import assert from "node:assert/strict";
import { handlerSql } from "../../src/addons/compiled/handler_sql.ts";
import type { HandlerSql } from "../../src/addons/compiled/compiled_addon.ts";
import { systemCaller } from "../../src/base/caller.ts";
import type { KernelError } from "../../src/base/error.ts";
import { SystemIds } from "../../src/base/ids.ts";
import { schemaChanges } from "../../src/events/change_scope.ts";
import { engineTest, type TestDatabase } from "../_support/engines.ts";
import { InstalledWorld, ORG, OTHER_ORG } from "./installed_world.ts";

function manifest(key: string) {
  return {
    key,
    model_definitions: [{
      table_name: `${key}_notes`,
      model_key: `${key}_notes`,
      label: "Notes",
      org_scoped: true,
      columns: [{ name: "title", type: "string" }],
    }],
  };
}

interface Place {
  readonly world: InstalledWorld;
  within<T>(
    organizationId: string,
    addonKey: string,
    work: (sql: HandlerSql) => Promise<T>,
    signal?: AbortSignal,
  ): Promise<T>;
}

async function placeOf({ database }: TestDatabase): Promise<Place> {
  const world = await new InstalledWorld(database).start();
  for (const key of ["desk", "shop"]) await world.put(manifest(key));
  await world.put(manifest("desk"), { organizationId: OTHER_ORG });
  const { clock } = world;
  const ids = new SystemIds();
  return {
    world,
    within: async (organizationId, addonKey, work, signal) => {
      const installation = (await world.catalog.all(organizationId)).get(addonKey)!;
      const caller = { ...systemCaller(organizationId), ...signal && { signal } };
      return await database.transaction(
        organizationId,
        (transaction) =>
          work(handlerSql({ database, transaction, caller, installation, clock, ids })),
      );
    },
  };
}

const INSERT = (table: string) =>
  `insert into ${table} (id, title) values (gen_random_uuid(), 'mine') returning title`;

const ENDLESS =
  "with recursive c(n) as (select 1 union all select n + 1 from c) select count(*) as n from c";

function coded(code: string, text = "") {
  return (thrown: KernelError) => {
    assert.equal(thrown.code, code, thrown.message);
    assert.ok(thrown.message.includes(text), thrown.message);
    return true;
  };
}

engineTest(
  "SQL of handlers: own tables of the own organization, by either name, and no others",
  async (t) => {
    const { world, within } = await placeOf(t);
    await within(ORG, "shop", (sql) => sql.execute(INSERT("shop_notes")));
    await within(OTHER_ORG, "desk", (sql) => sql.execute(INSERT("desk_notes")));
    const titles = "select title from desk_notes";
    await within(ORG, "desk", async (sql) => {
      assert.deepEqual(await sql.query(titles), [], "the other organization's");
      assert.deepEqual(await sql.execute(INSERT("addon_desk.desk_notes")), {
        changes: 1,
        rows: [{ title: "mine" }],
      });
      const foreign = ["addon_shop.shop_notes", "addon_shop.desk_notes"];
      for (const table of foreign) {
        const refused = coded("guest_sql.forbidden", `"${table}" is not one of the addon's own`);
        await assert.rejects(sql.query(`select * from ${table}`), refused, table);
        await assert.rejects(sql.execute(INSERT(table)), refused, table);
        await assert.rejects(sql.execute(`delete from ${table}`), refused, table);
      }
      const kernels = coded("guest_sql.forbidden");
      await assert.rejects(sql.query("select * from metacore.users"), kernels);
      await assert.rejects(sql.query("select * from shop_notes"), "unqualified: the addon's own");
      await assert.rejects(sql.query(INSERT("desk_notes")), coded("guest_sql.invalid"));
      // What was refused has left the transaction as it was.
      assert.deepEqual(await sql.query(titles), [{ title: "mine" }]);
    });
    const told = await world.database.kysely.selectFrom("events")
      .select(["organization_id", "name", "table_name"]).orderBy("sequence").execute();
    assert.deepEqual(
      told.map((each) => [each.organization_id, each.name, each.table_name]),
      [[ORG, "shop"], [OTHER_ORG, "desk"], [ORG, "desk"]].map(([organizationId, key]) => [
        organizationId,
        `${key}.${key}_notes.changed`,
        schemaChanges(`addon_${key}`),
      ]),
    );
  },
);

engineTest("SQL of handlers: a statement ends in time, and gives no more than fits", async (t) => {
  const { within } = await placeOf(t);
  const since = performance.now();
  // The signal is for a failing test alone: it comes after the time that a statement has.
  await within(ORG, "desk", async (sql) => {
    await assert.rejects(sql.query(ENDLESS), coded("guest_sql.timeout"));
    assert.ok(performance.now() - since < 7_000);
    const many = ENDLESS.replace("from c)", "from c where n < 10001)").replace(
      "count(*) as n",
      "n",
    );
    await assert.rejects(sql.query(many), coded("guest_sql.row_limit"));
    assert.deepEqual(await sql.query("select title from desk_notes"), []);
  }, AbortSignal.timeout(8_000));
  // Where statements run in this very process, none is given up midway.
  if (t.database.parallelTransactions === 1) return;
  await assert.rejects(
    within(ORG, "desk", (sql) => sql.query("select title from desk_notes"), AbortSignal.abort()),
  );
});

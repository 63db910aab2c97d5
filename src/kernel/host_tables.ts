/**
 * Brings the tables of the host application's own models up to date at start, by the same plan that
 * installs an addon's.
 *
 * @module
 */

import { applyChanges } from "../addons/install/apply.ts";
import { planInstall } from "../addons/install/plan.ts";
import type { Database } from "../db/database.ts";
import { hostSchema } from "../models/host_model.ts";
import type { Model } from "../models/model.ts";

/**
 * Creates or extends the tables of host models, in one transaction.
 *
 * @param database the database.
 * @param models models of the host application; none is no work.
 * @throws {KernelError} schema.* — naming what cannot be brought up to date.
 */
export async function prepareHostTables(
  database: Database,
  models: readonly Model[],
): Promise<void> {
  if (models.length === 0) return;
  await database.schemaTransaction(null, async (tx) => {
    await tx.lock(`install:${hostSchema}`);
    const current = await tx.profile.introspect(tx, hostSchema);
    const plan = planInstall({ schema: hostSchema, current, migrations: [], models });
    await applyChanges(tx, current, plan.changes);
  });
}

/**
 * The tables that the migrations of a version make, by admitting them on nothing: what the code of
 * that version may rely on beside its models. It runs nothing and knows no rows.
 *
 * @module
 */

import { isKernelError } from "../../base/error.ts";
import { admitMigration } from "../../db/migration_sql/admit.ts";
import { applyChange } from "../../db/schema/apply.ts";
import { completeChange } from "../../db/schema/complete.ts";
import type { SchemaState } from "../../db/schema/spec.ts";

/** A migration as its file has it. */
export interface WrittenMigration {
  /** Path of the file in the bundle. */
  readonly path: string;
  /** Text of the file. */
  readonly sql: string;
}

/**
 * Makes the shape that migrations lead to from nothing.
 *
 * @param migrations all of the version, in order.
 * @param place the addon, and the physical schema of its tables.
 * @returns the tables; undefined where the migrations only follow on what an earlier version left, so
 *   that nothing is known.
 */
export async function migratedShape(
  migrations: readonly WrittenMigration[],
  { schema, addonKey }: { readonly schema: string; readonly addonKey: string },
): Promise<SchemaState | undefined> {
  let state: SchemaState = new Map();
  try {
    for (const { path: file, sql } of migrations) {
      const context = { schema, addonKey, file, state, note: () => {} };
      for (const change of await admitMigration(sql, context)) {
        state = applyChange(state, completeChange(change));
      }
    }
  } catch (thrown) {
    if (isKernelError(thrown)) return undefined;
    throw thrown;
  }
  return state;
}

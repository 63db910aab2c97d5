/**
 * Rows of organizations' values. What a value may be is decided by its callers.
 *
 * @module
 */

import type { Json } from "../../base/json.ts";
import type { Tables } from "../installation_store.ts";

/**
 * Reads the values of an organization.
 *
 * @param tables where to look.
 * @param organizationId the organization.
 * @returns values by key, in the order of the keys.
 */
export async function organizationValues(
  tables: Tables,
  organizationId: string,
): Promise<Map<string, Json>> {
  const rows = await tables.selectFrom("organization_values").select(["key", "value"])
    .where("organization_id", "=", organizationId).orderBy("key").execute();
  // Border: the column holds what `keepOrganizationValue` has written.
  return new Map(rows.map(({ key, value }) => [key, JSON.parse(value) as Json]));
}

/** A value that is set. */
export interface OrganizationValue {
  readonly organizationId: string;
  readonly key: string;
  /** Null takes it away. */
  readonly value: Json;
  /** RFC 3339 time. */
  readonly at: string;
}

/**
 * Sets a value.
 *
 * @param tables the transaction of the change.
 * @param set what is set.
 */
export async function keepOrganizationValue(tables: Tables, set: OrganizationValue): Promise<void> {
  const { organizationId, key, at } = set;
  if (set.value === null) {
    await tables.deleteFrom("organization_values")
      .where("organization_id", "=", organizationId).where("key", "=", key).execute();
    return;
  }
  const value = JSON.stringify(set.value);
  await tables.insertInto("organization_values")
    .values({ organization_id: organizationId, key, value, updated_at: at })
    .onConflict((conflict) =>
      conflict.columns(["organization_id", "key"]).doUpdateSet({ value, updated_at: at })
    ).execute();
}

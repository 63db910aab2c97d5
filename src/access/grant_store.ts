/**
 * Permissions held by roles and users, as rows. Every statement names the organization: nothing is
 * held everywhere (contract/metacore.md ⚠G18).
 *
 * @module
 */

import type { Clock } from "../base/clock.ts";
import type { Database } from "../db/database.ts";

/** Who holds permissions inside one organization. */
export interface Holder {
  readonly organizationId: string;
  readonly kind: "role" | "user";
  /** Role name, or user id. */
  readonly name: string;
}

/** Permissions of holders. */
export class GrantStore {
  readonly #database: Database;
  readonly #clock: Clock;

  /**
   * Creates a store.
   *
   * @param database holds the table.
   * @param clock tells when a permission was given.
   */
  constructor(database: Database, clock: Clock) {
    this.#database = database;
    this.#clock = clock;
  }

  /** What a holder holds. @returns normalized permissions. */
  async held(holder: Holder): Promise<ReadonlySet<string>> {
    const rows = await this.#database.kysely.selectFrom("permission_grants").select("permission")
      .where("organization_id", "=", holder.organizationId)
      .where("holder_kind", "=", holder.kind).where("holder", "=", holder.name).execute();
    return new Set(rows.map((row) => row.permission));
  }

  /** Gives a permission; giving it twice changes nothing. */
  async add(holder: Holder, permission: string): Promise<void> {
    await this.#database.kysely.insertInto("permission_grants").values({
      organization_id: holder.organizationId,
      holder_kind: holder.kind,
      holder: holder.name,
      permission,
      created_at: new Date(this.#clock.nowMs()).toISOString(),
    }).onConflict((conflict) => conflict.doNothing()).execute();
  }

  /** Takes a permission; the row goes, so that it can be given again. */
  async remove(holder: Holder, permission: string): Promise<void> {
    await this.#database.kysely.deleteFrom("permission_grants")
      .where("organization_id", "=", holder.organizationId)
      .where("holder_kind", "=", holder.kind).where("holder", "=", holder.name)
      .where("permission", "=", permission).execute();
  }

  /** Whether a user belongs to an organization. */
  async hasUser(organizationId: string, userId: string): Promise<boolean> {
    const row = await this.#database.kysely.selectFrom("users").select("id")
      .where("id", "=", userId).where("organization_id", "=", organizationId).executeTakeFirst();
    return row !== undefined;
  }
}

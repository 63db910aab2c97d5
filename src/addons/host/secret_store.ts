/**
 * Secrets that operators give to an addon of an organization, sealed at rest under the master key.
 * Guests read them by name; nobody lists their values. What is sealed names its place, so that a row
 * moved to another organization, addon or name does not open.
 *
 * @module
 */

import { KernelError } from "../../base/error.ts";
import type { Clock } from "../../base/clock.ts";
import { openSecret, sealSecret } from "../../base/secret.ts";
import type { Database, Transaction } from "../../db/database.ts";

/** Whose secrets. */
export interface SecretOwner {
  readonly organizationId: string;
  readonly addonKey: string;
}

/** Longest value in bytes of UTF-8. */
export const MAX_SECRET_BYTES = 65_536;
/** Grammar of a secret's name. */
export const SECRET_NAME: RegExp = /^[A-Za-z0-9][A-Za-z0-9._/-]{0,127}$/;

/** Keeps secrets. */
export interface SecretStore {
  /**
   * Sets a secret; for operators.
   *
   * @throws {KernelError} addon.invalid_secret — name or length.
   */
  set(owner: SecretOwner, name: string, value: string): Promise<void>;
  /** Removes a secret. @returns whether there was one. */
  remove(owner: SecretOwner, name: string): Promise<boolean>;
  /** Lists names in order, never values. */
  names(owner: SecretOwner): Promise<string[]>;
  /**
   * Opens a secret.
   *
   * @param within a running transaction: on SQLite in memory nothing else can be read beside it.
   * @returns its value, or undefined when there is none.
   * @throws {KernelError} kernel.secret_unreadable — another master key, or the row was changed or
   *   moved.
   */
  open(owner: SecretOwner, name: string, within?: Transaction): Promise<string | undefined>;
}

/**
 * Makes the store of a database.
 *
 * @param database where sealed secrets are kept.
 * @param masterKey 32 bytes.
 * @param clock the time.
 * @returns the store.
 */
export function createSecretStore(
  database: Database,
  masterKey: Uint8Array,
  clock: Clock,
): SecretStore {
  return {
    set: async (owner, name, value) => {
      refuseInvalid(name, value);
      const sealed = await sealSecret(masterKey, place(owner, name) + value);
      const updated_at = new Date(clock.nowMs()).toISOString();
      await database.kysely.insertInto("addon_secrets").values({
        organization_id: owner.organizationId,
        addon_key: owner.addonKey,
        name,
        sealed,
        updated_at,
      }).onConflict((conflict) =>
        conflict.columns(["organization_id", "addon_key", "name"])
          .doUpdateSet({ sealed, updated_at })
      ).execute();
    },
    remove: async (owner, name) => {
      const result = await database.kysely.deleteFrom("addon_secrets")
        .where("organization_id", "=", owner.organizationId)
        .where("addon_key", "=", owner.addonKey)
        .where("name", "=", name)
        .executeTakeFirst();
      return result.numDeletedRows > 0n;
    },
    names: async (owner) => {
      const rows = await database.kysely.selectFrom("addon_secrets").select("name")
        .where("organization_id", "=", owner.organizationId)
        .where("addon_key", "=", owner.addonKey)
        .orderBy("name")
        .execute();
      return rows.map((row) => row.name);
    },
    open: async (owner, name, within) => {
      const row = await (within ?? database).kysely.selectFrom("addon_secrets").select("sealed")
        .where("organization_id", "=", owner.organizationId)
        .where("addon_key", "=", owner.addonKey)
        .where("name", "=", name)
        .executeTakeFirst();
      if (row === undefined) return undefined;
      const text = await openSecret(masterKey, row.sealed);
      const prefix = place(owner, name);
      if (!text.startsWith(prefix)) throw moved(owner.addonKey);
      return text.slice(prefix.length);
    },
  };
}

/** No part can hold the separator: UUIDs, keys and names have their grammars. */
function place(owner: SecretOwner, name: string): string {
  return `${owner.organizationId.toLowerCase()}\n${owner.addonKey}\n${name}\n`;
}

function refuseInvalid(name: string, value: string): void {
  const bytes = new TextEncoder().encode(value).length;
  const fault = !SECRET_NAME.test(name)
    ? "a secret's name has 1 to 128 letters, digits, dots, dashes, underscores and slashes"
    : bytes > MAX_SECRET_BYTES
    ? `a secret has ${MAX_SECRET_BYTES} bytes at most, not ${bytes}`
    : !value.isWellFormed()
    ? "a secret must be well-formed Unicode"
    : undefined;
  if (fault === undefined) return;
  throw new KernelError({ code: "addon.invalid_secret", kind: "invalid", message: fault });
}

function moved(addonKey: string): KernelError {
  return new KernelError({
    code: "kernel.secret_unreadable",
    kind: "internal",
    message: `A secret of addon "${addonKey}" was sealed for another place: its row was moved`,
  });
}

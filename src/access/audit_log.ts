/**
 * The audit as the people of an organization read it. Writing is `audit_store.ts`.
 *
 * @module
 */

import type { Caller } from "../base/caller.ts";
import type { Database } from "../db/database.ts";
import type { AccessService } from "./access_service.ts";
import { type AuditListOptions, type KeptAuditRecord, listAudit } from "./audit_table.ts";

/** Reads audit records. */
export interface AuditLog {
  /**
   * Lists records of the caller's organization, newest first.
   *
   * @throws {KernelError} access.denied — without `addons.inspect`.
   */
  list(caller: Caller, options?: AuditListOptions): Promise<readonly KeptAuditRecord[]>;
}

/**
 * Makes the log.
 *
 * @param database holds the records.
 * @param access decides who reads them.
 * @returns the log.
 */
export function createAuditLog(database: Database, access: AccessService): AuditLog {
  return {
    list: async (caller, options) => {
      await access.check(caller, "addons.inspect");
      return await listAudit(database, caller.organizationId, options);
    },
  };
}

/**
 * The audit as the people of an organization read it. Writing is `audit_store.ts`.
 *
 * @module
 */

import type { Caller } from "../base/caller.ts";
import type { Database } from "../db/database.ts";
import type { AuditSink } from "../telemetry/audit.ts";
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
 * @param sink takes this process's records.
 * @returns the log.
 */
export function createAuditLog(
  database: Database,
  access: AccessService,
  sink: Pick<AuditSink, "flush">,
): AuditLog {
  return {
    list: async (caller, options) => {
      await access.check(caller, "addons.inspect");
      // Who asks what became of a request just answered finds its records.
      await sink.flush();
      return await listAudit(database, caller.organizationId, options);
    },
  };
}

/**
 * The table of audit records: writing, removing the oldest, and listing for one organization. When
 * records are written is the matter of `audit_store.ts`.
 *
 * @module
 */

import type { Insertable } from "kysely";
import { isUuid } from "../base/ids.ts";
import type { Database } from "../db/database.ts";
import type { AuditRecordTable } from "../db/tables.ts";
import type { AuditRecord } from "../telemetry/audit.ts";

/** A record as it is written. */
export type AuditRow = Omit<Insertable<AuditRecordTable>, "sequence">;

/** Writes records and removes old ones. */
export interface AuditTable {
  /** Writes rows in one statement. */
  insert(rows: readonly AuditRow[]): Promise<void>;
  /** Removes what is too much of the organizations whose rows were just written, now and then. */
  trim(rows: readonly AuditRow[]): Promise<void>;
}

/** A record that is kept. */
export interface KeptAuditRecord extends AuditRecord {
  /** Rises with time. */
  readonly sequence: number;
  /** RFC 3339. */
  readonly createdAt: string;
}

/** Which records are listed. */
export interface AuditListOptions {
  /** `sequence` of the last record of the page before. @default from the newest */
  readonly after?: number;
  /** Records at most, 1 to 500. @default 50 */
  readonly limit?: number;
  /** Records about this addon only. @default every addon */
  readonly addonKey?: string;
}

/** Records of one organization after which the oldest are looked for. */
const TRIM_EVERY = 500;
const TRIM_ROWS = 1_000;
const MAX_REMEMBERED = 10_000;
const DEFAULT_LIMIT = 50;
const MAX_LIMIT = 500;

/**
 * Makes the writing side.
 *
 * @param database holds the table.
 * @param kept records of one organization that stay.
 * @returns the table.
 */
export function createAuditTable(database: Database, kept: number): AuditTable {
  /** Rows written since an organization was looked at; one that is not here has not been yet. */
  const written = new Map<string | null, number>();
  const isDue = (organizationId: string | null, count: number) => {
    const before = written.get(organizationId) ?? TRIM_EVERY;
    const due = before + count >= TRIM_EVERY;
    if (written.size >= MAX_REMEMBERED) written.clear();
    written.set(organizationId, due ? 0 : before + count);
    return due;
  };
  return {
    insert: async (rows) => {
      await database.kysely.insertInto("audit_records").values([...rows]).execute();
    },
    trim: async (rows) => {
      for (const [id, its] of Map.groupBy(rows, (row) => row.organization_id ?? null)) {
        if (isDue(id, its.length)) await trimOne(database, id, kept);
      }
    },
  };
}

/**
 * Lists the records of an organization, newest first.
 *
 * @param database holds the table.
 * @param organizationId whose; records of the kernel itself belong to none and are not listed.
 * @param options which, and how many.
 * @returns the records.
 */
export async function listAudit(
  database: Database,
  organizationId: string,
  options: AuditListOptions = {},
): Promise<KeptAuditRecord[]> {
  if (!isUuid(organizationId)) return [];
  const limit = Math.min(Math.max(Math.trunc(options.limit ?? DEFAULT_LIMIT), 1), MAX_LIMIT);
  let query = database.kysely.selectFrom("audit_records").selectAll()
    .where("organization_id", "=", organizationId);
  if (options.after !== undefined) query = query.where("sequence", "<", options.after);
  if (options.addonKey !== undefined) query = query.where("addon_key", "=", options.addonKey);
  const rows = await query.orderBy("sequence", "desc").limit(limit).execute();
  return rows.map(recordOf);
}

/** In small steps: one statement must not hold up the others. */
async function trimOne({ kysely }: Database, id: string | null, kept: number): Promise<void> {
  const ofOrganization = () => {
    const rows = kysely.selectFrom("audit_records").select("sequence");
    return id === null
      ? rows.where("organization_id", "is", null)
      : rows.where("organization_id", "=", id);
  };
  const last = await ofOrganization().orderBy("sequence", "desc").offset(kept).limit(1)
    .executeTakeFirst();
  if (last === undefined) return;
  for (let removed = TRIM_ROWS; removed === TRIM_ROWS;) {
    const oldest = await ofOrganization().where("sequence", "<=", last.sequence)
      .orderBy("sequence").limit(TRIM_ROWS).execute();
    const newest = oldest.at(-1)?.sequence;
    if (newest === undefined) return;
    const rows = kysely.deleteFrom("audit_records").where("sequence", "<=", newest);
    await (id === null
      ? rows.where("organization_id", "is", null)
      : rows.where("organization_id", "=", id)).execute();
    removed = oldest.length;
  }
}

function recordOf(row: KeptRow): KeptAuditRecord {
  return {
    sequence: Number(row.sequence),
    name: row.name,
    severity: row.severity === "warning" ? "warning" : "info",
    createdAt: row.created_at,
    ...row.organization_id !== null && { organizationId: row.organization_id },
    ...row.addon_key !== null && { addonKey: row.addon_key },
    ...row.installation_id !== null && { installationId: row.installation_id },
    ...row.actor_id !== null && { actorId: row.actor_id },
    ...row.request_id !== null && { requestId: row.request_id },
    // Border: `detailsText` wrote it.
    details: JSON.parse(row.details) as NonNullable<AuditRecord["details"]>,
  };
}

type KeptRow = Omit<AuditRecordTable, "sequence"> & { readonly sequence: number };

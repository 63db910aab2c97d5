/**
 * The statements of the kernel around a guest's: they name organization, schemas and time, take on
 * the guest's role, and put everything back.
 *
 * @module
 */

import { invalidStatement } from "../errors.ts";
import { type WireStatement, wireStatement } from "../postgres_exchange.ts";
import { GUEST_ROLE } from "../roles.ts";
import { GUEST_READS, GUEST_WRITES } from "../schema/postgres_policy.ts";
import type { GuestSqlRequest } from "./guest_sql.ts";

/** What a statement runs under. */
export interface GuestSettings {
  readonly organizationId: string;
  readonly access: "read" | "write";
  readonly reads: string;
  readonly writes: string;
  readonly timeoutMs: number;
}

/** What stands around a statement. */
export interface GuestFrame {
  readonly opening: readonly WireStatement[];
  /**
   * Keeps what the statement did; ends with the proof.
   *
   * @param epilogue runs with the kernel's rights.
   */
  keep(epilogue: readonly WireStatement[]): readonly WireStatement[];
  /** Undoes what the statement did; ends with the proof. */
  readonly undo: readonly WireStatement[];
}

const SAVEPOINT = "metacore_guest";
const AS_GUEST = fixed(`set local role ${GUEST_ROLE}`);
const AS_KERNEL = fixed("set local role none");
const ROLLBACK = fixed("rollback");

const HAS_LEFT = `current_user = session_user and current_setting('role') = 'none'
  and coalesce(current_setting('${GUEST_READS}', true), '') = ''
  and coalesce(current_setting('${GUEST_WRITES}', true), '') = ''`;
/** Of a session that goes back to the pool. */
const PROOF = fixed(`select ${HAS_LEFT}
  and coalesce(current_setting('app.current_org', true), '') = ''
  and not exists (select from pg_catalog.pg_locks where locktype = 'advisory'
    and pid = pg_catalog.pg_backend_pid())`);

/**
 * Reads what a statement runs under.
 *
 * @param request what is asked for.
 * @param endMs on the clock of `performance.now()`.
 * @returns the settings.
 */
export function guestSettings(request: GuestSqlRequest, endMs: number): GuestSettings {
  const { readable, writable } = request.relations;
  return {
    organizationId: request.organizationId,
    access: request.access,
    // Rows that are changed are read first.
    reads: schemaList([...readable, ...writable]),
    writes: request.access === "read" ? "" : schemaList(writable),
    timeoutMs: Math.max(1, Math.ceil(endMs - performance.now())),
  };
}

/**
 * The frame of a statement in a transaction of its own.
 *
 * @param settings what it runs under.
 * @returns the frame.
 */
export function standaloneFrame(settings: GuestSettings): GuestFrame {
  const { organizationId, access, reads, writes, timeoutMs } = settings;
  return {
    opening: [
      fixed(access === "read" ? "begin read only" : "begin"),
      configure({
        "app.current_org": organizationId,
        [GUEST_READS]: reads,
        [GUEST_WRITES]: writes,
        statement_timeout: String(timeoutMs),
      }),
      AS_GUEST,
    ],
    keep: (epilogue) => [
      AS_KERNEL,
      configure({ [GUEST_READS]: "", [GUEST_WRITES]: "" }),
      ...epilogue,
      fixed("commit"),
      PROOF,
    ],
    undo: [ROLLBACK, PROOF],
  };
}

/**
 * The frame of a statement in a running transaction.
 *
 * @param settings what it runs under.
 * @param kernelTimeoutMs what the transaction's own statements have.
 * @returns the frame.
 */
export function joiningFrame(settings: GuestSettings, kernelTimeoutMs: number): GuestFrame {
  const { organizationId, access, reads, writes, timeoutMs } = settings;
  const release = fixed(`release savepoint ${SAVEPOINT}`);
  const proof = wireStatement({
    sql: `select ${HAS_LEFT} and current_setting('app.current_org') = $1`,
    parameters: [organizationId],
  });
  return {
    opening: [
      fixed(`savepoint ${SAVEPOINT}`),
      configure({
        [GUEST_READS]: reads,
        [GUEST_WRITES]: writes,
        statement_timeout: String(timeoutMs),
        // Lifted again by the rollback that ends every read.
        ...(access === "read" && { transaction_read_only: "on" }),
      }),
      AS_GUEST,
    ],
    keep: (epilogue) => [
      AS_KERNEL,
      configure({
        [GUEST_READS]: "",
        [GUEST_WRITES]: "",
        statement_timeout: String(kernelTimeoutMs),
      }),
      ...epilogue,
      release,
      proof,
    ],
    undo: [fixed(`rollback to savepoint ${SAVEPOINT}`), release, proof],
  };
}

function fixed(sql: string): WireStatement {
  return wireStatement({ sql, parameters: [] });
}

/** For the rest of the transaction. */
function configure(settings: Readonly<Record<string, string>>): WireStatement {
  const calls = Object.keys(settings).map((name, index) =>
    `pg_catalog.set_config('${name}', $${index + 1}, true)`
  );
  return wireStatement({ sql: `select ${calls.join(", ")}`, parameters: Object.values(settings) });
}

function schemaList(schemas: readonly string[]): string {
  // The policies split the list at commas.
  if (schemas.some((schema) => schema.includes(",") || schema === "")) {
    throw invalidStatement("The name of a schema holds a comma or is empty");
  }
  return [...new Set(schemas)].join(",");
}

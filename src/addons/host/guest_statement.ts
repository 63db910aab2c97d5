/**
 * Runs a guest's SQL for both interfaces: where names lead, which transaction it joins, which events
 * a change leaves behind, and what its failures are called.
 *
 * @module
 */

import { isKernelError } from "../../base/error.ts";
import type { Statement } from "../../db/database.ts";
import type {
  GuestArgument,
  GuestSqlLimits,
  GuestSqlRequest,
  GuestSqlResult,
} from "../../db/guest_sql/guest_sql.ts";
import { schemaChanges, tableChanges } from "../../events/change_scope.ts";
import { eventStatement } from "./guest_event.ts";
import type { CallBounds, HostInvocation } from "./host_function.ts";
import { Refusal, type RefusalKind } from "./refusal.ts";
import { type OwnedRelations, relationsOf } from "./relations.ts";

/** A statement as decoded. */
export interface GuestStatement {
  readonly access: "read" | "write";
  readonly sql: string;
  readonly arguments: readonly GuestArgument[];
  readonly limits: Omit<GuestSqlLimits, "timeoutMs">;
}

/** Removing a row for good can take rows of other tables with it. */
const MAY_REMOVE = /\b(?:delete|merge)\b/i;

/**
 * Runs a statement: inside the action's transaction where there is one, else in its own.
 *
 * @param invocation who is asking.
 * @param statement what is run.
 * @param bounds how long.
 * @returns its result.
 * @throws {Refusal} in the words of contract/metacore.md §5.3.
 */
export async function runStatement(
  invocation: HostInvocation,
  statement: GuestStatement,
  bounds: CallBounds,
): Promise<GuestSqlResult> {
  const { context, services } = invocation;
  const { transaction } = context;
  if (transaction === undefined && context.transactionMode === "action") {
    throw new Refusal("unavailable", "no active transaction", "no_active_tx");
  }
  const request = requestOf(invocation, statement, bounds);
  try {
    if (transaction !== undefined) return await services.guestSql.runIn(transaction, request);
    return await services.guestSql.run(request);
  } catch (thrown) {
    throw refusalOf(thrown) ?? thrown;
  }
}

function requestOf(
  invocation: HostInvocation,
  statement: GuestStatement,
  { timeoutMs, signal }: CallBounds,
): GuestSqlRequest {
  const relations = relationsOf(invocation);
  return {
    organizationId: invocation.context.subject.organizationId,
    access: statement.access,
    sql: statement.sql,
    arguments: statement.arguments,
    relations,
    limits: { ...statement.limits, timeoutMs },
    signal,
    ...statement.access === "write" && {
      epilogue: (tables, changes) =>
        changeEvents(invocation, { sql: statement.sql, relations, tables, changes }),
    },
  };
}

/** One event for each table that was written: what was counted of it is counted anew. */
function changeEvents(
  invocation: HostInvocation,
  { sql, relations, tables, changes }: Change,
): Statement[] {
  const isWide = MAY_REMOVE.test(sql);
  return tables.map((table) => {
    const addonKey = relations.ownerOf(table.schema);
    return eventStatement(invocation, {
      name: `${addonKey}.${table.table}.changed`,
      addonKey,
      model: table.table,
      tableName: isWide ? schemaChanges(table.schema) : tableChanges(table),
      payload: JSON.stringify({ changes }),
    });
  });
}

interface Change {
  readonly sql: string;
  readonly relations: OwnedRelations;
  readonly tables: Parameters<NonNullable<GuestSqlRequest["epilogue"]>>[0];
  readonly changes: number;
}

/** Kind and code by the failure's code in `db/`. */
const FAILURES: Readonly<Record<string, readonly [RefusalKind, string]>> = {
  "guest_sql.invalid": ["bad_request", "invalid_sql"],
  "guest_sql.argument_count": ["bad_request", "arg_count_mismatch"],
  "guest_sql.forbidden": ["blocked", "forbidden"],
  "guest_sql.row_limit": ["quota", "row_limit_exceeded"],
  "guest_sql.timeout": ["upstream", "query_timeout"],
  "guest_sql.failed": ["upstream", "db_error"],
  "guest_sql.constraint": ["upstream", "constraint_violation"],
  "guest_sql.serialization": ["upstream", "serialization_failure"],
  "guest_sql.unavailable": ["unavailable", "db_unavailable"],
  "db.unavailable": ["unavailable", "db_unavailable"],
};

const UNAVAILABLE = "SQL of addons is not available now; an operator of this server finds out why";

/** Undefined for what the kernel itself did wrong: the gate hides it. */
function refusalOf(thrown: unknown): Refusal | undefined {
  if (!isKernelError(thrown)) return undefined;
  const found = FAILURES[thrown.code];
  if (found === undefined) return undefined;
  // Why it is unavailable names roles and databases: it is for operators, who read it in the log.
  const message = found[0] === "unavailable" ? UNAVAILABLE : thrown.message;
  return new Refusal(found[0], message, found[1]);
}

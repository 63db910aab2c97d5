/**
 * SQL of the host application's handlers inside a transaction: confined like that of a guest to the
 * addon's own tables and to the organization, the same on both engines. What it changes stands or
 * falls with the transaction.
 *
 * @module
 */

import type { Caller } from "../../base/caller.ts";
import type { Clock } from "../../base/clock.ts";
import type { IdSource } from "../../base/ids.ts";
import type { JsonObject } from "../../base/json.ts";
import type { Database, Statement, Transaction } from "../../db/database.ts";
import type { GuestRelations, GuestSqlRequest } from "../../db/guest_sql/guest_sql.ts";
import { schemaChanges } from "../../events/change_scope.ts";
import { rowObjects } from "../host/row_objects.ts";
import type { LiveInstallation } from "../live_installations.ts";
import type { HandlerSql, HandlerValue } from "./compiled_addon.ts";

/** What the SQL of a handler runs with. */
export interface HandlerSqlOptions {
  readonly database: Database;
  readonly transaction: Transaction;
  readonly caller: Caller;
  readonly installation: LiveInstallation;
  readonly clock: Clock;
  readonly ids: IdSource;
}

const LIMITS = {
  textBytes: 64 * 1024,
  arguments: 64,
  rows: 10_000,
  responseBytes: 8 * 1024 * 1024,
  timeoutMs: 5_000,
} as const;

/**
 * Makes what a handler is given.
 *
 * @param options what it runs with.
 * @returns SQL on the addon's own tables, named as its manifest does.
 */
export function handlerSql(options: HandlerSqlOptions): HandlerSql {
  const run = async (access: "read" | "write", sql: string, values: readonly HandlerValue[]) => {
    const { database, transaction } = options;
    return await database.guestSql.runIn(transaction, requestOf(options, access, sql, values));
  };
  return {
    query: async (sql, values = []) => rowObjects(await run("read", sql, values)),
    execute: async (sql, values = []) => {
      const result = await run("write", sql, values);
      return { changes: result.changes, rows: rowObjects(result) };
    },
  };
}

function requestOf(
  options: HandlerSqlOptions,
  access: "read" | "write",
  sql: string,
  values: readonly HandlerValue[],
): GuestSqlRequest {
  const { caller, installation: { row } } = options;
  return {
    organizationId: caller.organizationId,
    access,
    sql,
    arguments: values,
    relations: ownRelations(row.addon_key, row.schema_name),
    limits: LIMITS,
    ...(caller.signal === undefined ? {} : { signal: caller.signal }),
    ...(access === "read" ? {} : {
      epilogue: (tables, changes) => tables.map(({ table }) => changed(options, table, changes)),
    }),
  };
}

function ownRelations(addonKey: string, ownSchema: string): GuestRelations {
  return {
    ownSchema,
    readable: [ownSchema],
    writable: [ownSchema],
    find: (schema, table) => {
      if (schema === undefined || schema === `addon_${addonKey}`) {
        return { schema: ownSchema, table };
      }
      return { refused: `relation "${schema}.${table}" is not one of the addon's own` };
    },
  };
}

/** What was counted of the addon's tables is counted anew, on every replica. */
function changed(options: HandlerSqlOptions, table: string, changes: number): Statement {
  const { transaction, caller, installation: { row }, clock, ids } = options;
  const event: JsonObject = { changes };
  return transaction.kysely.insertInto("events").values({
    id: ids.next(),
    organization_id: caller.organizationId,
    name: `${row.addon_key}.${table}.changed`,
    addon_key: row.addon_key,
    model: table,
    table_name: schemaChanges(row.schema_name),
    record_id: null,
    payload: JSON.stringify(event),
    actor_id: caller.kind === "user" ? caller.userId : null,
    request_id: caller.requestId,
    created_at: new Date(clock.nowMs()).toISOString(),
  }).compile();
}

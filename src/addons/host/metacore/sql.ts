/**
 * `db_query` and `db_exec` (contract/metacore.md §5.3): envelopes around guests' SQL.
 *
 * @module
 */

import type { GuestSqlResult } from "../../../db/guest_sql/guest_sql.ts";
import type { HostReply } from "../../../sandbox/sandbox.ts";
import { textOf } from "../arguments.ts";
import { type GuestStatement, runStatement } from "../guest_statement.ts";
import type { HostFunction, HostInvocation, NeededRight } from "../host_function.ts";
import { Refusal } from "../refusal.ts";
import { envelopeRefusal, jsonReply } from "../reply.ts";
import { logicalSchema } from "../relations.ts";
import { rowObjects, rowObjectsBytes } from "../row_objects.ts";
import { decodeArguments } from "../sql_arguments.ts";

const SQL = { what: "sql", maxBytes: 16_384, code: "invalid_sql" };
const ARGUMENTS = {
  what: "args",
  maxBytes: 1024 * 1024,
  code: "arg_decode",
  tooLargeCode: "payload_too_large",
};
const MAX_ARGUMENTS = 64;
const MAX_TIME_MS = 5_000;
const MAX_RESPONSE_BYTES = 8 * 1024 * 1024;
const LIMITS = {
  textBytes: SQL.maxBytes,
  arguments: MAX_ARGUMENTS,
  rows: 10_000,
  responseBytes: MAX_RESPONSE_BYTES,
};

/** Reads rows. */
export const dbQuery: HostFunction = sqlFunction("read", "db_query_limit_exceeded");

/** Changes rows. */
export const dbExec: HostFunction = sqlFunction("write", "db_exec_limit_exceeded");

function sqlFunction(access: GuestStatement["access"], budgetCode: string): HostFunction {
  return {
    budget: access === "read" ? "db_read" : "db_write",
    maxTimeMs: MAX_TIME_MS,
    codes: { budget: budgetCode, timeout: "query_timeout", internal: "db_error" },
    right: ({ context }): NeededRight => ({
      kind: `db:${access}`,
      target: `${logicalSchema(context.subject.addonKey)}.*`,
    }),
    refuse: (invocation) => envelopeRefusal({ schema: schemaOf(invocation) }),
    prepare: (invocation, call) => {
      const sql = textOf(call.arguments[0], SQL);
      const args = decodeArguments(textOf(call.arguments[1], ARGUMENTS), ARGUMENTS, MAX_ARGUMENTS);
      return {
        run: async (bounds) => {
          const startedMs = performance.now();
          const statement = { access, sql, arguments: args, limits: LIMITS };
          const result = await runStatement(invocation, statement, bounds);
          const durationMs = Math.round(performance.now() - startedMs);
          const meta = { schema: schemaOf(invocation), durationMs };
          return access === "read" ? readReply(result, meta) : writeReply(result, meta);
        },
      };
    },
  };
}

interface Meta {
  readonly schema: string;
  readonly durationMs: number;
}

function readReply(result: GuestSqlResult, meta: Meta): HostReply {
  const isTooLarge = rowObjectsBytes(result, MAX_RESPONSE_BYTES) > MAX_RESPONSE_BYTES;
  if (isTooLarge) throw new Refusal("quota", "response exceeds size cap", "row_limit_exceeded");
  const { columns, rows } = result;
  const data = { rows: rowObjects(result), rowCount: rows.length, columns };
  return jsonReply({ success: true, data, meta: { ...meta, truncated: false } });
}

/** The change stands: rows that do not fit are left out, and `meta.truncated` says so. */
function writeReply(result: GuestSqlResult, meta: Meta): HostReply {
  const { columns, changes } = result;
  if (columns.length === 0) {
    const data = { rowsAffected: changes };
    return jsonReply({ success: true, data, meta: { ...meta, truncated: false } });
  }
  const truncated = rowObjectsBytes(result, MAX_RESPONSE_BYTES) > MAX_RESPONSE_BYTES;
  const rows = truncated ? [] : rowObjects(result);
  const data = { rowsAffected: changes, rows, columns };
  return jsonReply({ success: true, data, meta: { ...meta, truncated } });
}

/** As the addon knows it, which is not always what the database calls it. */
function schemaOf({ context }: HostInvocation): string {
  return logicalSchema(context.subject.addonKey);
}

/**
 * `gn_db_read` and `gn_db_write` (contract/gonext.md §2.4), and the one-envelope form of the Rust SDK
 * (§19).
 *
 * @module
 */

import { isJsonObject, type Json } from "../../../base/json.ts";
import type { GuestSqlResult } from "../../../db/guest_sql/guest_sql.ts";
import type { HostCall, HostReply } from "../../../sandbox/sandbox.ts";
import { parseJson, textOf } from "../arguments.ts";
import { type GuestStatement, runStatement } from "../guest_statement.ts";
import type { HostFunction } from "../host_function.ts";
import { Refusal } from "../refusal.ts";
import { jsonReply, numericRefusal } from "../reply.ts";
import { rowObjects, rowObjectsBytes } from "../row_objects.ts";
import { decodeArguments } from "../sql_arguments.ts";
import { recordCall } from "../audit.ts";
import { ownRight, slugOf } from "./rights.ts";

const QUERY = { what: "the query", maxBytes: 65_536 };
const ARGUMENTS = { what: "the arguments", maxBytes: 65_536 };
const MAX_ARGUMENTS = 64;
const MAX_RESPONSE_BYTES = 8 * 1024 * 1024;
const MAX_INT32 = 2 ** 31 - 1;
const LIMITS = {
  textBytes: QUERY.maxBytes,
  arguments: MAX_ARGUMENTS,
  rows: 10_000,
  responseBytes: MAX_RESPONSE_BYTES,
};

/** Gives rows. */
export const dbRead: HostFunction = sqlFunction("read");

/** Changes rows and gives how many. */
export const dbWrite: HostFunction = sqlFunction("write");

/** Which form the guest used, and so expects. */
interface Decoded extends Pick<GuestStatement, "sql" | "arguments"> {
  readonly form: "pair" | "envelope";
}

function sqlFunction(access: GuestStatement["access"]): HostFunction {
  return {
    budget: access === "read" ? "db_read" : "db_write",
    maxTimeMs: 5_000,
    right: ownRight(`db:${access}`),
    refuse: () => numericRefusal("data"),
    prepare: (invocation, call) => {
      const { form, ...decoded } = decode(call);
      return {
        run: async (bounds) => {
          const statement = { access, ...decoded, limits: LIMITS };
          const result = await runStatement(invocation, statement, bounds);
          if (access === "read") return rowsReply(result, form);
          const affected = Math.min(result.changes, MAX_INT32);
          const details = { plugin: slugOf(invocation), affected };
          recordCall(invocation, { name: "plugin.db.write", details });
          return { status: affected };
        },
      };
    },
  };
}

function decode(call: HostCall): Decoded {
  const text = textOf(call.arguments[0], QUERY);
  if (text.trimStart().startsWith("{")) return decodeEnvelope(text);
  const args = textOf(call.arguments[1], ARGUMENTS);
  return { form: "pair", sql: text, arguments: decodeArguments(args, ARGUMENTS, MAX_ARGUMENTS) };
}

/** No statement begins with a brace. */
function decodeEnvelope(text: string): Decoded {
  const value = parseJson(text, QUERY);
  if (!isJsonObject(value)) throw new Refusal("bad_request", "the query is no object");
  const sql = value.sql ?? value.query;
  if (typeof sql !== "string") throw new Refusal("bad_request", "the query holds no SQL");
  const args: Json = value.args ?? value.params ?? null;
  return {
    form: "envelope",
    sql,
    arguments: decodeArguments(JSON.stringify(args), ARGUMENTS, MAX_ARGUMENTS),
  };
}

function rowsReply(result: GuestSqlResult, form: Decoded["form"]): HostReply {
  if (form === "envelope") {
    return jsonReply({ columns: result.columns.map(({ name }) => name), rows: result.rows });
  }
  if (rowObjectsBytes(result, MAX_RESPONSE_BYTES) > MAX_RESPONSE_BYTES) {
    throw new Refusal("quota", "the rows are too large");
  }
  return jsonReply(rowObjects(result));
}

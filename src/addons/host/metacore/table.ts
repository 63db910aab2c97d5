/**
 * The host functions of the metacore interface by the name of their import.
 *
 * @module
 */

import type { HostFunctionTable } from "../host_function.ts";
import { eventEmit } from "./event.ts";
import { httpFetch, httpRequest } from "./http.ts";
import { envGet } from "./settings.ts";
import { dbExec, dbQuery } from "./sql.ts";

/** Everything that metacore guests may call; `log` goes another way. */
export const metacoreFunctions: HostFunctionTable = new Map([
  ["metacore_host.env_get", envGet],
  ["metacore_host.http_fetch", httpFetch],
  ["metacore_host.http_request", httpRequest],
  ["metacore_host.event_emit", eventEmit],
  ["metacore_host.db_query", dbQuery],
  ["metacore_host.db_exec", dbExec],
]);

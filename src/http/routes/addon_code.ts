/**
 * What the people of an organization see of its addons' code, and what they may do about it: traps,
 * circuit breakers, running calls, the audit of capabilities.
 *
 * @module
 */

import type { UserCaller } from "../../base/caller.ts";
import { bare, data, NO_CONTENT } from "../answer.ts";
import type { Answer } from "../answer.ts";
import { invalidQueryValue } from "../errors.ts";
import type { Exchange } from "../exchange.ts";
import type { RouteContext, UserRoute } from "../route.ts";

const BASE = "/api/metacore/installations/:key";
const MAX_AUDIT_RECORDS = 500;

/** Routes about addon code. */
export const ADDON_CODE_ROUTES: readonly UserRoute[] = [
  {
    method: "GET",
    path: `${BASE}/traps`,
    summary: "Lists the newest traps of an addon's code, with functions and positions.",
    access: "user",
    permission: "addons.inspect",
    answer: { status: 200, shape: "{success, data: Trap[]}" },
    handle: async (exchange, { services }, caller) =>
      data(await services.code.traps(caller, exchange.param("key"))),
  },
  {
    method: "GET",
    path: `${BASE}/code`,
    summary:
      "Tells whether an addon's code is being called, and what its circuit breaker has seen.",
    access: "user",
    permission: "addons.inspect",
    answer: { status: 200, shape: "{success, data: {breaker, failures, retryAt?}}" },
    handle: async (exchange, { services }, caller) =>
      data(await services.code.status(caller, exchange.param("key"))),
  },
  {
    method: "POST",
    path: `${BASE}/code/reset`,
    summary: "Closes the circuit breaker of an addon.",
    access: "user",
    permission: "addons.operate",
    answer: { status: 204 },
    handle: async (exchange, { services }, caller) => {
      await services.code.resetBreaker(caller, exchange.param("key"));
      return NO_CONTENT;
    },
  },
  {
    method: "POST",
    path: `${BASE}/code/stop`,
    summary: "Stops the running calls of an addon.",
    access: "user",
    permission: "addons.operate",
    answer: { status: 200, shape: "{success, data: {stopped: number}}" },
    handle: async (exchange, { services }, caller) =>
      data({ stopped: await services.code.stop(caller, exchange.param("key")) }),
  },
  {
    method: "GET",
    path: "/api/metacore/audit",
    summary: "Lists audit records of the organization, newest first.",
    access: "user",
    permission: "addons.inspect",
    query: ["addon_key", "after", "limit"],
    answer: { status: 200, shape: "AuditRecord[]" },
    handle: audit,
  },
];

async function audit(
  exchange: Exchange,
  { services }: RouteContext,
  caller: UserCaller,
): Promise<Answer> {
  const { query } = exchange;
  const addonKey = query.get("addon_key");
  const after = wholeNumber(query, "after", Number.MAX_SAFE_INTEGER);
  const limit = wholeNumber(query, "limit", MAX_AUDIT_RECORDS);
  return bare(
    await services.audit.list(caller, {
      ...(addonKey === null ? {} : { addonKey }),
      ...(after === undefined ? {} : { after }),
      limit: limit ?? 100,
    }),
  );
}

function wholeNumber(query: URLSearchParams, name: string, max: number): number | undefined {
  const value = query.get(name);
  if (value === null) return undefined;
  const number = Number(value);
  if (/^\d{1,16}$/.test(value) && number >= 1 && number <= max) return number;
  throw invalidQueryValue(name, value, [`1 to ${max}`]);
}

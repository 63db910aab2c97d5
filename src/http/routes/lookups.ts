/**
 * Choices for fields of forms and filters (contract/metacore.md §1.7, contract/client.md §6).
 *
 * @module
 */

import type { UserCaller } from "../../base/caller.ts";
import { data } from "../answer.ts";
import type { Answer } from "../answer.ts";
import type { Exchange } from "../exchange.ts";
import type { RouteContext, UserRoute } from "../route.ts";

/** Routes under `/api/options` and `/api/search`. */
export const LOOKUP_ROUTES: readonly UserRoute[] = [
  {
    method: "GET",
    path: "/api/options/:model",
    summary: "Gives the choices of a field, or records of a referenced model as choices.",
    access: "user",
    permission: "<model>.read",
    query: ["field", "q", "filter_value", "limit", "offset"],
    answer: { status: 200, shape: "{success, data: Option[], meta: {type, count}}" },
    handle: options,
  },
  {
    method: "GET",
    path: "/api/search/:model",
    summary: "Gives records that contain a text, as choices.",
    access: "user",
    permission: "<model>.read",
    query: ["q", "search", "limit"],
    answer: { status: 200, shape: "{success, data: Option[]}" },
    handle: search,
  },
];

async function options(
  exchange: Exchange,
  { services }: RouteContext,
  caller: UserCaller,
): Promise<Answer> {
  const list = await services.records.options(caller, exchange.param("model"), exchange.query);
  return data(list.options, { type: list.type, count: list.options.length });
}

async function search(
  exchange: Exchange,
  { services }: RouteContext,
  caller: UserCaller,
): Promise<Answer> {
  return data(await services.records.search(caller, exchange.param("model"), exchange.query));
}

/**
 * Values that an organization configures for the whole of itself: what `$org.<key>` in a column's
 * `validation.custom` names.
 *
 * @module
 */

import type { UserCaller } from "../../base/caller.ts";
import { isJsonObject, type Json } from "../../base/json.ts";
import { type Answer, data, NO_CONTENT } from "../answer.ts";
import { invalidBody } from "../errors.ts";
import type { Exchange } from "../exchange.ts";
import { readJson } from "../middleware/body.ts";
import type { RouteContext, UserRoute } from "../route.ts";

const BASE = "/api/organization/values";

/** Routes of values of organizations. */
export const ORGANIZATION_VALUE_ROUTES: readonly UserRoute[] = [
  {
    method: "GET",
    path: BASE,
    summary: "Lists the values of the organization, by key.",
    access: "user",
    permission: "organization.inspect",
    answer: { status: 200, shape: "{success, data: {[key]: Json}}" },
    handle: async (_exchange, { services }, caller) =>
      data(await services.organizationValues.list(caller)),
  },
  {
    method: "PUT",
    path: `${BASE}/:key`,
    summary:
      "Sets a value: a validator's name, {regex?, min?, max?}, or any JSON; null removes it.",
    access: "user",
    permission: "organization.configure",
    body: { contentTypes: ["application/json"], shape: "{value: Json}" },
    answer: { status: 204 },
    handle: set,
  },
];

async function set(
  exchange: Exchange,
  { services, limits }: RouteContext,
  caller: UserCaller,
): Promise<Answer> {
  // Border: what was parsed as JSON is JSON.
  const body = await readJson(exchange, limits) as Json;
  const value = isJsonObject(body) ? body["value"] : undefined;
  if (value === undefined) throw invalidBody("the body is {value: JSON}");
  await services.organizationValues.set(caller, exchange.param("key"), value);
  return NO_CONTENT;
}

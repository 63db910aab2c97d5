/**
 * Secrets of addons: set, named and removed by people, never shown.
 *
 * @module
 */

import type { UserCaller } from "../../base/caller.ts";
import { isJsonObject } from "../../base/json.ts";
import type { Json } from "../../base/json.ts";
import { data, NO_CONTENT } from "../answer.ts";
import type { Answer } from "../answer.ts";
import { invalidBody } from "../errors.ts";
import type { Exchange } from "../exchange.ts";
import { readJson } from "../middleware/body.ts";
import type { RouteContext, UserRoute } from "../route.ts";

const BASE = "/api/metacore/installations/:key/secrets";

/** Routes of secrets. */
export const ADDON_SECRET_ROUTES: readonly UserRoute[] = [
  {
    method: "GET",
    path: BASE,
    summary: "Lists the names of an addon's secrets.",
    access: "user",
    permission: "addons.operate",
    answer: { status: 200, shape: "{success, data: string[]}" },
    handle: async (exchange, { services }, caller) =>
      data(await services.secrets.names(caller, exchange.param("key"))),
  },
  {
    method: "PUT",
    path: `${BASE}/:name`,
    summary: "Gives a secret to an addon.",
    access: "user",
    permission: "addons.operate",
    body: { contentTypes: ["application/json"], shape: "{value: string}" },
    answer: { status: 204 },
    handle: set,
  },
  {
    method: "DELETE",
    path: `${BASE}/:name`,
    summary: "Takes a secret from an addon; taking what is not there is no error.",
    access: "user",
    permission: "addons.operate",
    answer: { status: 204 },
    handle: async (exchange, { services }, caller) => {
      await services.secrets.remove(caller, exchange.param("key"), exchange.param("name"));
      return NO_CONTENT;
    },
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
  if (typeof value !== "string") throw invalidBody("the body is {value: text}");
  await services.secrets.set(caller, exchange.param("key"), exchange.param("name"), value);
  return NO_CONTENT;
}

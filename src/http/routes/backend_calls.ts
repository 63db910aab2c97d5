/**
 * Calls that addons' own backends make to the kernel, signed with their install secret
 * (contract/metacore.md §6.4). Nobody is logged in here: the signature is checked before anything of
 * the body is looked at.
 *
 * @module
 */

import type { Json } from "../../base/json.ts";
import { isJsonObject } from "../../base/json.ts";
import { isUuid } from "../../base/ids.ts";
import type { Answer } from "../answer.ts";
import { SUCCESS } from "../answer.ts";
import { invalidBody, unsignedCall } from "../errors.ts";
import type { Exchange } from "../exchange.ts";
import { parseJson, readBytes } from "../middleware/body.ts";
import type { OpenRoute, RouteContext } from "../route.ts";

/** Twice what the payload of an event may have: its frame is small. */
const MAX_BODY_BYTES = 512 * 1024;

/** Routes for backends. */
export const BACKEND_CALL_ROUTES: readonly OpenRoute[] = [
  {
    method: "POST",
    path: "/api/metacore/callbacks/events",
    summary: "Takes an event that an addon's backend publishes; signed as calls to it are.",
    access: "public",
    body: { contentTypes: ["application/json"], shape: "{name: string, payload: any}" },
    answer: { status: 200, shape: "{success}" },
    handle: publish,
  },
];

async function publish(
  exchange: Exchange,
  { services, limits }: RouteContext,
): Promise<Answer> {
  const { method, headers } = exchange.request;
  const installationId = headers.get("x-metacore-installation-id") ?? "";
  if (!isUuid(installationId)) throw unsignedCall();
  const body = await readBytes(exchange, Math.min(MAX_BODY_BYTES, limits.jsonBytes));
  const path = exchange.search === "" ? exchange.path : `${exchange.path}?${exchange.search}`;
  const call = { installationId, method, path, headers, body };
  const sender = await services.signedCalls.verify(call);
  // Border: what was parsed as JSON is JSON.
  const event = parseJson(body, limits) as Json;
  if (!isJsonObject(event)) throw invalidBody("the body is {name, payload}");
  const { name, payload } = event;
  if (typeof name !== "string" || name === "") throw invalidBody("name is the event's name");
  await services.backendEvents.publish(sender, name, payload ?? null, exchange.requestId);
  return SUCCESS;
}

/**
 * Settings of installations and their install secret (contract/client.md §7 and §9). Values of secret
 * settings go in and never come out.
 *
 * @module
 */

import type { UserCaller } from "../../base/caller.ts";
import { isKernelError } from "../../base/error.ts";
import type { Json, JsonObject } from "../../base/json.ts";
import { isJsonObject } from "../../base/json.ts";
import type { Answer } from "../answer.ts";
import { bare, data } from "../answer.ts";
import { invalidBody } from "../errors.ts";
import type { Exchange } from "../exchange.ts";
import { installationAnswer } from "../installation_answer.ts";
import { readJson, readJsonOrNothing } from "../middleware/body.ts";
import type { RouteContext, UserRoute } from "../route.ts";

const BASE = "/api/metacore/installations/:key";

const UPDATE = {
  path: `${BASE}/settings`,
  summary: "Changes settings; those that are not named stay, null takes a value away.",
  access: "user",
  permission: "addons.operate",
  body: { contentTypes: ["application/json"], shape: "{[key]: value}" },
  answer: { status: 200, shape: "Installation & {success, installation, data: {[key]: value}}" },
  handle: update,
} as const;

/** Routes of settings and of the install secret. */
export const ADDON_SETTING_ROUTES: readonly UserRoute[] = [
  {
    method: "GET",
    path: `${BASE}/settings`,
    summary: "Lists an addon's settings with their values; of secret ones, whether they are set.",
    access: "user",
    permission: "addons.inspect",
    answer: { status: 200, shape: "{success, data: SettingView[]}" },
    handle: async (exchange, { services }, caller) =>
      data(await services.settings.list(caller, exchange.param("key"))),
  },
  { ...UPDATE, method: "POST" },
  { ...UPDATE, method: "PUT" },
  {
    method: "POST",
    path: `${BASE}/rotate-secret`,
    summary: "Gives an installation a new secret; the one before may hold for a while.",
    access: "user",
    permission: "addons.operate",
    body: {
      contentTypes: ["application/json"],
      shape: "{overlap_seconds?: 0 to 604800}; may be absent",
    },
    answer: { status: 200, shape: "{success, install_secret, previous_valid_until?}" },
    handle: rotate,
  },
  {
    method: "GET",
    path: "/api/addons/:key/settings",
    summary: "Gives the values of an addon's settings that are not secret.",
    access: "user",
    answer: { status: 200, shape: "{success, data: {[key]: value}}" },
    handle: async (exchange, { services }, caller) =>
      data(await services.settings.values(caller, exchange.param("key"))),
  },
  {
    method: "PUT",
    path: "/api/addons/:key/settings",
    summary: "Changes settings; those that are not named stay, null takes a value away.",
    access: "user",
    permission: "addons.operate",
    body: { contentTypes: ["application/json"], shape: "{[key]: value}" },
    answer: { status: 200, shape: "{success, data: {[key]: value}}" },
    handle: async (exchange, context, caller) => data(await change(exchange, context, caller)),
  },
];

async function change(
  exchange: Exchange,
  { services, limits }: RouteContext,
  caller: UserCaller,
): Promise<JsonObject> {
  // Border: what was parsed as JSON is JSON.
  const changes = await readJson(exchange, limits) as Json;
  if (!isJsonObject(changes)) throw invalidBody("the body is an object of values by key");
  const key = exchange.param("key");
  try {
    return await services.settings.update(caller, key, changes);
  } catch (thrown) {
    const inner = unwrapped(changes, thrown);
    if (inner === undefined) throw thrown;
    return await services.settings.update(caller, key, inner);
  }
}

/** One form of clients wraps the values as an install does, whatever the addon's settings are called. */
function unwrapped(changes: JsonObject, thrown: unknown): JsonObject | undefined {
  if (!isKernelError(thrown, "addon.invalid_settings")) return undefined;
  const { settings = {}, credentials = {}, ...others } = changes;
  if (!isJsonObject(settings) || !isJsonObject(credentials)) return undefined;
  const isWrapped = Object.keys(others).length === 0 &&
    Object.keys(changes).every((name) => thrown.fields?.[name]?.[0]?.code === "unknown");
  return isWrapped ? { ...settings, ...credentials } : undefined;
}

async function update(
  exchange: Exchange,
  context: RouteContext,
  caller: UserCaller,
): Promise<Answer> {
  const values = await change(exchange, context, caller);
  const { addons } = context.services;
  const installation = await addons.installation(caller, exchange.param("key"));
  return installationAnswer(installation, { data: values });
}

const MAX_OVERLAP_SECONDS = 604_800;

async function rotate(
  exchange: Exchange,
  { services, limits }: RouteContext,
  caller: UserCaller,
): Promise<Answer> {
  const body = await readJsonOrNothing(exchange, limits) ?? {};
  const seconds = isJsonObject(body) ? body["overlap_seconds"] ?? 0 : undefined;
  const isWhole = typeof seconds === "number" && Number.isInteger(seconds);
  if (!isWhole || seconds < 0 || seconds > MAX_OVERLAP_SECONDS) {
    throw invalidBody(`overlap_seconds is a whole number from 0 to ${MAX_OVERLAP_SECONDS}`);
  }
  const rotated = await services.settings.rotateSecret(caller, exchange.param("key"), seconds);
  return bare({ success: true, ...rotated });
}

/**
 * Wishes for addons as the marketplace's clients make them (contract/metacore.md §1.8).
 *
 * @module
 */

import type { MarketplaceRequest } from "../../addons/catalog/addon_catalog.ts";
import type { UserCaller } from "../../base/caller.ts";
import type { Json, JsonObject } from "../../base/json.ts";
import { isJsonObject } from "../../base/json.ts";
import type { Answer } from "../answer.ts";
import { data } from "../answer.ts";
import { invalidBody, missingAddonKey } from "../errors.ts";
import type { Exchange } from "../exchange.ts";
import { readJson } from "../middleware/body.ts";
import { detached } from "../middleware/detached_caller.ts";
import { termsOfBody } from "../middleware/install_request.ts";
import type { RouteContext, UserRoute } from "../route.ts";

/** Routes under `/api/marketplace`. */
export const MARKETPLACE_ROUTES: readonly UserRoute[] = [
  {
    method: "POST",
    path: "/api/marketplace/install",
    summary: "Notes a wish for an addon, and fulfils it where it says where the bundle lies.",
    access: "user",
    permission: "addons.install",
    body: {
      contentTypes: ["application/json"],
      shape: "{addonKey, version?, bundleURL?, name?, category?, accepted_capabilities?, " +
        "plan_hash?, allow_downgrade?, settings?}",
    },
    answer: {
      status: 201,
      shape: "{success, data: MarketplaceRequest, installation?, install_secret?, warnings?}",
    },
    timeLimit: "upload",
    handle: install,
  },
  {
    method: "GET",
    path: "/api/marketplace/installs",
    summary: "Lists the organization's wishes, newest first, 200 at most.",
    access: "user",
    answer: { status: 200, shape: "{success, data: MarketplaceRequest[]}" },
    handle: async (_exchange, { services }, caller) =>
      data((await services.marketplace.list(caller)).map(shown)),
  },
];

async function install(
  exchange: Exchange,
  { services, limits, uploads }: RouteContext,
  user: UserCaller,
): Promise<Answer> {
  // Border: what was parsed as JSON is JSON.
  const body = await readJson(exchange, limits) as Json;
  if (!isJsonObject(body)) throw invalidBody("the body is a JSON object");
  const addonKey = textOf(body, "addonKey");
  if (addonKey === undefined) throw missingAddonKey();
  const wish = {
    addonKey,
    ...optional(body, "version"),
    ...optional(body, "bundleURL"),
    ...optional(body, "name"),
    ...optional(body, "category"),
    terms: termsOfBody(body, limits),
  };
  // A download is held in memory as an upload is.
  const { request, result } = await uploads.hold(() =>
    services.marketplace.install(detached(user), wish)
  );
  if (request.status === "failed") {
    const failure = { success: false, message: request.error_message, data: shown(request) };
    return { status: 422, body: JSON.stringify(failure) };
  }
  const { installSecret } = result ?? {};
  const answer = {
    success: true,
    data: shown(request),
    ...(result === undefined
      ? {}
      : { installation: result.installation, warnings: result.warnings }),
    ...(installSecret === undefined ? {} : { install_secret: installSecret }),
  };
  return { status: 201, body: JSON.stringify(answer) };
}

/** What is empty is left out, as the original does. */
function shown(request: MarketplaceRequest): object {
  return Object.fromEntries(
    Object.entries(request).filter(([, value]) => value !== "" && value !== null),
  );
}

function textOf(body: JsonObject, name: string): string | undefined {
  const value = body[name];
  if (value === undefined || value === null || value === "") return undefined;
  if (typeof value === "string") return value;
  throw invalidBody(`${name} is a text`);
}

type WishField = "version" | "bundleURL" | "name" | "category";

function optional(body: JsonObject, name: WishField): { readonly [K in WishField]?: string } {
  const value = textOf(body, name);
  return value === undefined ? {} : { [name]: value };
}

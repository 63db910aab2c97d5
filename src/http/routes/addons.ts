/**
 * Addons: what is installed, what it shows, whether it takes part, how it goes
 * (contract/metacore.md §1.9, contract/client.md §7 and §10). How it comes is in `addon_installs.ts`.
 *
 * @module
 */

import type { OwnedNavigationGroup } from "../../addons/addon_service.ts";
import type { UserCaller } from "../../base/caller.ts";
import type { JsonObject } from "../../base/json.ts";
import { bare, data, NO_CONTENT } from "../answer.ts";
import type { Answer } from "../answer.ts";
import { invalidQueryValue } from "../errors.ts";
import type { Exchange } from "../exchange.ts";
import type { HttpServices } from "../http_services.ts";
import { installationAnswer } from "../installation_answer.ts";
import { detached } from "../middleware/detached_caller.ts";
import { changeTerms } from "../middleware/change_terms.ts";
import type { RouteContext, UserRoute } from "../route.ts";

const BASE = "/api/metacore/installations";

const STATE = {
  method: "POST",
  access: "user",
  permission: "addons.operate",
  query: ["revision"],
  body: { contentTypes: ["application/json"], shape: "{revision?}; may be absent" },
  answer: { status: 200, shape: "Installation & {success, installation}" },
} as const;

/**
 * Routes under `/api/metacore`, and `/api/navigation`. Pages ask for manifests and navigation before
 * anybody has logged in, and get empty lists (contract/metacore.md §1.9).
 */
export const ADDON_ROUTES: readonly UserRoute[] = [
  {
    method: "GET",
    path: "/api/metacore/manifests",
    summary: "Gives the manifests of enabled addons; with `lite=1` only what a shell loads.",
    access: "user",
    query: ["lite"],
    answer: { status: 200, shape: "Manifest[]" },
    answerToNobody: ({ services }) => bare([], versionOf(services)),
    handle: manifests,
  },
  {
    method: "GET",
    path: "/api/metacore/navigation",
    summary: "Gives the merged navigation.",
    access: "user",
    answer: { status: 200, shape: "NavigationGroup[]" },
    answerToNobody: () => bare([]),
    handle: async (_exchange, { services }, caller) =>
      bare(await services.addons.navigation(caller)),
  },
  {
    method: "GET",
    path: "/api/navigation",
    summary: "Gives the navigation with the groups that only addons fill apart.",
    access: "user",
    answer: { status: 200, shape: "{success, data: {groups, addons: NavigationGroup[]}}" },
    handle: splitNavigation,
  },
  {
    method: "GET",
    path: BASE,
    summary: "Lists the organization's installations.",
    access: "user",
    answer: { status: 200, shape: "Installation[]" },
    handle: async (_exchange, { services }, caller) =>
      bare(await services.addons.installations(caller)),
  },
  {
    method: "GET",
    path: `${BASE}/:key`,
    summary: "Gives one installation; its ETag is its revision.",
    access: "user",
    answer: { status: 200, shape: "Installation & {success, installation}" },
    handle: async (exchange, { services }, caller) =>
      installationAnswer(await services.addons.installation(caller, exchange.param("key"))),
  },
  {
    ...STATE,
    path: `${BASE}/:key/enable`,
    summary: "Lets an addon take part again.",
    handle: async (exchange, context, caller) => {
      const terms = await changeTerms(exchange, context.limits);
      const { addons } = context.services;
      return installationAnswer(
        await addons.enable(detached(caller), exchange.param("key"), terms),
      );
    },
  },
  {
    ...STATE,
    path: `${BASE}/:key/disable`,
    summary: "Lets an addon take no part, keeping its data.",
    handle: async (exchange, context, caller) => {
      const terms = await changeTerms(exchange, context.limits);
      const { addons } = context.services;
      return installationAnswer(
        await addons.disable(detached(caller), exchange.param("key"), terms),
      );
    },
  },
  {
    method: "DELETE",
    path: `${BASE}/:key`,
    summary: "Removes an addon; its data stay unless `drop=true`.",
    access: "user",
    permission: "addons.uninstall",
    query: ["drop", "revision"],
    answer: { status: 204 },
    handle: uninstall,
  },
];

/** What a shell needs to load frontends (contract/client.md §7). */
const LITE: readonly string[] = [
  "key",
  "name",
  "version",
  "frontend",
  "icon",
  "icon_type",
  "icon_slug",
  "icon_color",
];

async function manifests(
  { query }: Exchange,
  { services }: RouteContext,
  caller: UserCaller,
): Promise<Answer> {
  const all = await services.addons.manifests(caller);
  const isLite = ["1", "true"].includes(query.get("lite") ?? "");
  return bare(isLite ? all.map(liteManifest) : all, versionOf(services));
}

function versionOf({ kernelContractVersion }: HttpServices): Readonly<Record<string, string>> {
  return { "x-metacore-kernel-version": kernelContractVersion };
}

function liteManifest(manifest: JsonObject): JsonObject {
  return Object.fromEntries(
    LITE.flatMap((name) => Object.hasOwn(manifest, name) ? [[name, manifest[name]!]] : []),
  );
}

async function splitNavigation(
  _exchange: Exchange,
  { services }: RouteContext,
  caller: UserCaller,
): Promise<Answer> {
  const all = await services.addons.navigation(caller);
  // Apart, not twice: clients show the two lists one after the other.
  const addons = all.filter(isFilledByAddons);
  return data({ groups: all.filter((group) => !isFilledByAddons(group)), addons });
}

function isFilledByAddons(group: OwnedNavigationGroup): boolean {
  return group.items.length > 0 && group.items.every((item) => item.owner !== undefined);
}

async function uninstall(
  exchange: Exchange,
  context: RouteContext,
  caller: UserCaller,
): Promise<Answer> {
  const what = dataOf(exchange);
  const terms = await changeTerms(exchange, context.limits);
  const { addons } = context.services;
  await addons.uninstall(detached(caller), exchange.param("key"), what, terms);
  return NO_CONTENT;
}

/** Only plain words drop data; what is not understood is refused and not read as either. */
function dataOf(exchange: Exchange): "keep" | "drop" {
  const drop = exchange.query.get("drop") ?? "";
  if (drop === "true" || drop === "1") return "drop";
  if (drop === "" || drop === "false" || drop === "0") return "keep";
  throw invalidQueryValue("drop", drop, ["true", "false"]);
}

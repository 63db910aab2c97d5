/**
 * The installer of a third client, with its own paths and the usual envelope (contract/client.md §7,
 * "OpsClient"). It does nothing that `/api/metacore/installations` does not.
 *
 * @module
 */

import type { Installation } from "../../addons/addon_service.ts";
import type { UserCaller } from "../../base/caller.ts";
import type { Answer } from "../answer.ts";
import { data, SUCCESS } from "../answer.ts";
import { claimUnsupported, invalidBody } from "../errors.ts";
import type { Exchange } from "../exchange.ts";
import { detached } from "../middleware/detached_caller.ts";
import { readInstallRequest } from "../middleware/install_request.ts";
import type { RouteContext, UserRoute } from "../route.ts";

const BASE = "/api/kernel/addons";

/** Routes under `/api/kernel/addons`. */
export const KERNEL_ADDON_ROUTES: readonly UserRoute[] = [
  {
    method: "GET",
    path: BASE,
    summary: "Lists the organization's installations.",
    access: "user",
    answer: { status: 200, shape: "{success, data: (Installation & {key})[]}" },
    handle: async (_exchange, { services }, caller) =>
      data((await services.addons.installations(caller)).map(keyed)),
  },
  {
    method: "GET",
    path: `${BASE}/:key`,
    summary: "Gives one installation.",
    access: "user",
    answer: { status: 200, shape: "{success, data: Installation & {key}}" },
    handle: async (exchange, { services }, caller) =>
      data(keyed(await services.addons.installation(caller, exchange.param("key")))),
  },
  {
    method: "POST",
    path: `${BASE}/claim`,
    summary: "Refuses: tokens of a hub are not redeemed here.",
    access: "user",
    answer: { status: 501 },
    handle: () => Promise.reject(claimUnsupported()),
  },
  {
    method: "POST",
    path: `${BASE}/:key/upgrade`,
    summary: "Brings an installed addon to another version that is on offer here.",
    access: "user",
    permission: "addons.install",
    body: {
      contentTypes: ["application/json"],
      shape: "{target_version, accepted_capabilities?, plan_hash?, revision?}",
    },
    answer: {
      status: 200,
      shape: "{success, data: Installation & {key, operation, warnings}}",
    },
    timeLimit: "upload",
    handle: upgrade,
  },
  {
    method: "DELETE",
    path: `${BASE}/:key`,
    summary: "Removes an addon; its data stay.",
    access: "user",
    permission: "addons.uninstall",
    answer: { status: 200, shape: "{success}" },
    handle: async (exchange, { services }, caller) => {
      await services.addons.uninstall(detached(caller), exchange.param("key"), "keep");
      return SUCCESS;
    },
  },
];

function keyed(installation: Installation): Installation & { readonly key: string } {
  return { key: installation.addon_key, ...installation };
}

async function upgrade(
  exchange: Exchange,
  { services, limits }: RouteContext,
  user: UserCaller,
): Promise<Answer> {
  const caller = detached(user);
  const key = exchange.param("key");
  await services.addons.checkInstall(caller, "on offer");
  await services.addons.installation(caller, key);
  const { archive, version, terms } = await readInstallRequest(exchange, limits);
  if (archive !== undefined) throw invalidBody("upload bundles to /api/metacore/installations");
  if (version === undefined) throw invalidBody("target_version is required");
  const result = await services.addons.installRegistered(caller, key, version, terms);
  const { operation, warnings } = result;
  return data({ ...keyed(result.installation), operation, warnings });
}

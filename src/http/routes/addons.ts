/**
 * Addons: what is installed, what it shows, how it comes and goes (contract/metacore.md §1.9,
 * contract/client.md §7 and §10). Answers here have no envelope, as clients expect.
 *
 * @module
 */

import type { InstallResult, OwnedNavigationGroup } from "../../addons/addon_service.ts";
import type { UserCaller } from "../../base/caller.ts";
import { bare, data, NO_CONTENT } from "../answer.ts";
import type { Answer } from "../answer.ts";
import { invalidQueryValue } from "../errors.ts";
import type { Exchange } from "../exchange.ts";
import { ARCHIVE_TYPES, readBundle } from "../middleware/bundle_upload.ts";
import type { RouteContext, UserRoute } from "../route.ts";

const INSTALL = {
  method: "POST",
  access: "user",
  permission: "addons.install",
  body: {
    contentTypes: ["multipart/form-data", ...ARCHIVE_TYPES],
    shape: "bundle: the .tgz as form field `bundle`, or as the whole body",
  },
  answer: {
    status: 200,
    shape: "Installation & {success, source, installation, install_secret, manifest, warnings}",
  },
  timeLimit: "upload",
  handle: install,
} as const;

/** Routes under `/api/metacore`, and `/api/navigation`. */
export const ADDON_ROUTES: readonly UserRoute[] = [
  {
    method: "GET",
    path: "/api/metacore/manifests",
    summary: "Gives the manifests of enabled addons.",
    access: "user",
    answer: { status: 200, shape: "Manifest[]" },
    handle: manifests,
  },
  {
    method: "GET",
    path: "/api/metacore/navigation",
    summary: "Gives the merged navigation.",
    access: "user",
    answer: { status: 200, shape: "NavigationGroup[]" },
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
    path: "/api/metacore/installations",
    summary: "Lists the organization's installations.",
    access: "user",
    answer: { status: 200, shape: "Installation[]" },
    handle: async (_exchange, { services }, caller) =>
      bare(await services.addons.installations(caller)),
  },
  {
    ...INSTALL,
    path: "/api/metacore/installations",
    summary: "Installs a bundle; its manifest says which addon it is.",
  },
  {
    ...INSTALL,
    path: "/api/metacore/installations/:key",
    summary: "Installs a bundle of the addon that the path names.",
  },
  {
    method: "DELETE",
    path: "/api/metacore/installations/:key",
    summary: "Removes an addon; its data stay unless `drop=true`.",
    access: "user",
    permission: "addons.uninstall",
    query: ["drop"],
    answer: { status: 204 },
    handle: uninstall,
  },
];

async function manifests(
  _exchange: Exchange,
  { services }: RouteContext,
  caller: UserCaller,
): Promise<Answer> {
  return bare(await services.addons.manifests(caller), {
    "x-metacore-kernel-version": services.kernelContractVersion,
  });
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

async function install(
  exchange: Exchange,
  { services, limits, uploads }: RouteContext,
  caller: UserCaller,
): Promise<Answer> {
  // Before the body: who may not install is not let upload either.
  await services.addons.checkInstall(caller);
  return await uploads.hold(async () => {
    const archive = await readBundle(exchange, limits);
    const expectedKey = exchange.params["key"];
    const offer = { archive, ...(expectedKey === undefined ? {} : { expectedKey }) };
    return installAnswer(await services.addons.install(caller, offer));
  });
}

/** One client reads the installation itself, the other the parts by name: here are both. */
function installAnswer(result: InstallResult): Answer {
  return bare({
    ...result.installation,
    success: true,
    source: "bundle",
    installation: result.installation,
    install_secret: result.installSecret,
    manifest: result.manifest.document,
    warnings: result.warnings,
  });
}

async function uninstall(
  exchange: Exchange,
  { services }: RouteContext,
  caller: UserCaller,
): Promise<Answer> {
  await services.addons.uninstall(caller, exchange.param("key"), dataOf(exchange));
  return NO_CONTENT;
}

/** Only plain words drop data; what is not understood is refused and not read as either. */
function dataOf(exchange: Exchange): "keep" | "drop" {
  const drop = exchange.query.get("drop") ?? "";
  if (drop === "true" || drop === "1") return "drop";
  if (drop === "" || drop === "false" || drop === "0") return "keep";
  throw invalidQueryValue("drop", drop, ["true", "false"]);
}

/**
 * Installing, upgrading and going back (contract/metacore.md §1.9 and §18.1, contract/client.md §7):
 * from an upload, or from what is on offer here; as a plan, at once, or with progress.
 *
 * @module
 */

import type { InstallTerms } from "../../addons/addon_service.ts";
import type { UserCaller } from "../../base/caller.ts";
import type { Answer } from "../answer.ts";
import { bare } from "../answer.ts";
import { invalidQueryValue, missingBundle } from "../errors.ts";
import type { Exchange } from "../exchange.ts";
import { installAnswer } from "../installation_answer.ts";
import { mediaTypeOf } from "../middleware/body.ts";
import { detached } from "../middleware/detached_caller.ts";
import type { InstallRequest } from "../middleware/install_request.ts";
import { readInstallRequest } from "../middleware/install_request.ts";
import { ARCHIVE_TYPES } from "../middleware/offer_fields.ts";
import { answerWithProgress } from "../middleware/progress.ts";
import type { RouteContext, UserRoute } from "../route.ts";

const QUERY: readonly string[] = [
  "plan",
  "progress",
  "signature",
  "checksum",
  "plan_hash",
  "accepted_capabilities",
  "allow_downgrade",
  "revision",
  "version",
];

const OFFER = {
  access: "user",
  permission: "addons.install",
  query: QUERY,
  body: {
    contentTypes: ["multipart/form-data", ...ARCHIVE_TYPES, "application/json"],
    shape: "bundle: the .tgz as form field `bundle`, or as the whole body; beside it, as fields, " +
      "{signature?, signature_meta?, plan_hash?, accepted_capabilities?, allow_downgrade?, " +
      "settings?, revision?}; without a bundle the same as JSON, with version?, or nothing",
  },
  answer: {
    status: 200,
    shape: "Installation & {success, operation, source, installation, install_secret?, manifest, " +
      "warnings}; with ?plan=1 InstallationPlan; as text/event-stream where that is accepted",
  },
  timeLimit: "upload",
} as const;

const BASE = "/api/metacore/installations";

/** Routes that bring addons, or other versions of them. */
export const ADDON_INSTALL_ROUTES: readonly UserRoute[] = [
  {
    ...OFFER,
    method: "POST",
    path: BASE,
    summary: "Installs a bundle, or upgrades to it; its manifest says which addon it is.",
    handle: (exchange, context, caller) => install(exchange, context, caller, "uploads only"),
  },
  {
    ...OFFER,
    method: "POST",
    path: `${BASE}/:key`,
    summary: "Installs the addon that the path names, or upgrades it: from a bundle, or on offer.",
    handle: (exchange, context, caller) => install(exchange, context, caller, "any source"),
  },
  {
    ...OFFER,
    method: "PUT",
    path: `${BASE}/:key/version`,
    summary: "Brings an installed addon to another version: from a bundle, or on offer.",
    handle: changeVersion,
  },
  {
    method: "POST",
    path: `${BASE}/:key/rollback`,
    summary: "Goes back to the version before the last upgrade.",
    access: "user",
    permission: "addons.install",
    query: ["plan", "progress", "plan_hash", "accepted_capabilities", "revision"],
    body: {
      contentTypes: ["application/json"],
      shape: "{plan_hash?, accepted_capabilities?, revision?}; may be absent",
    },
    answer: OFFER.answer,
    timeLimit: "upload",
    handle: rollback,
  },
];

type Sources = "uploads only" | "any source";

async function install(
  exchange: Exchange,
  context: RouteContext,
  user: UserCaller,
  sources: Sources,
): Promise<Answer> {
  const { services, limits, uploads } = context;
  const caller = detached(user);
  const kind = answerKind(exchange);
  // Before the body: who may not install is not let upload either.
  const isUpload = sources === "uploads only" || mayHoldArchive(exchange);
  await services.addons.checkInstall(caller, isUpload ? "upload" : "on offer");
  const release = uploads.take();
  let request: InstallRequest;
  try {
    request = await readInstallRequest(exchange, limits);
    if (sources === "uploads only" && request.archive === undefined) throw missingBundle();
    if (kind === "plan") return bare(await planOf(exchange, context, caller, request));
  } catch (thrown) {
    release();
    throw thrown;
  } finally {
    if (kind === "plan") release();
  }
  return await answerWithProgress(exchange, context, async (onProgress) => {
    try {
      return await perform(exchange, context, caller, request, { ...request.terms, onProgress });
    } finally {
      release();
    }
  });
}

/** Of any other type, a body that is an archive is refused before anything is made of it. */
function mayHoldArchive({ request }: Exchange): boolean {
  const type = mediaTypeOf(request);
  return type === "multipart/form-data" || ARCHIVE_TYPES.includes(type);
}

async function perform(
  exchange: Exchange,
  { services }: RouteContext,
  caller: UserCaller,
  request: InstallRequest,
  terms: InstallTerms,
): Promise<Answer> {
  const key = exchange.params["key"];
  if (request.archive === undefined) {
    const { version } = request;
    const result = await services.addons.installRegistered(caller, key ?? "", version, terms);
    return installAnswer(result, "registered", request.warnings);
  }
  const result = await services.addons.install(caller, offerOf(request, key), terms);
  return installAnswer(result, "bundle", request.warnings);
}

async function planOf(
  exchange: Exchange,
  { services }: RouteContext,
  caller: UserCaller,
  request: InstallRequest,
): Promise<unknown> {
  const key = exchange.params["key"];
  return request.archive === undefined
    ? await services.addons.planRegistered(caller, key ?? "", request.version)
    : await services.addons.plan(caller, offerOf(request, key));
}

function offerOf(request: InstallRequest, expectedKey: string | undefined) {
  const { archive = new Uint8Array(0), signature } = request;
  return {
    archive,
    ...(expectedKey === undefined ? {} : { expectedKey }),
    ...(signature === undefined ? {} : { signature }),
  };
}

async function changeVersion(
  exchange: Exchange,
  context: RouteContext,
  caller: UserCaller,
): Promise<Answer> {
  // What is not installed has no version to change.
  await context.services.addons.installation(caller, exchange.param("key"));
  return await install(exchange, context, caller, "any source");
}

async function rollback(
  exchange: Exchange,
  context: RouteContext,
  user: UserCaller,
): Promise<Answer> {
  const { services, limits } = context;
  const caller = detached(user);
  const key = exchange.param("key");
  if (answerKind(exchange) === "plan") {
    return bare(await services.addons.planRollback(caller, key));
  }
  const { terms } = await readInstallRequest(exchange, limits);
  return await answerWithProgress(exchange, context, async (onProgress) => {
    const result = await services.addons.rollback(caller, key, { ...terms, onProgress });
    return installAnswer(result, "registered");
  });
}

/** Only plain words make it a plan: an install by mistake would be worse than a refusal. */
function answerKind(exchange: Exchange): "plan" | "change" {
  const plan = exchange.query.get("plan") ?? "";
  if (plan === "1" || plan === "true") return "plan";
  if (plan === "" || plan === "0" || plan === "false") return "change";
  throw invalidQueryValue("plan", plan, ["1", "0"]);
}

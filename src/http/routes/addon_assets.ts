/**
 * Files of addons' frontends (contract/client.md §7 "Federated frontends"). No token is asked for:
 * no loader sends one. Where one comes, it only says which version is meant.
 *
 * @module
 */

import type { Asset } from "../../addons/assets/addon_assets.ts";
import { hasHashedName, isDocument } from "../../addons/assets/content_type.ts";
import type { AuthService } from "../../auth/auth_service.ts";
import { isKernelError } from "../../base/error.ts";
import type { Answer } from "../answer.ts";
import type { Exchange } from "../exchange.ts";
import { tokenOf } from "../middleware/authenticate.ts";
import { matchesEtag } from "../middleware/etag.ts";
import type { OpenRoute, RouteContext } from "../route.ts";

const BASES: readonly string[] = [
  "/api/metacore/addons/:key/frontend",
  "/api/addons/:key/frontend",
];

/** Routes of frontend files. */
export const ADDON_ASSET_ROUTES: readonly OpenRoute[] = BASES.flatMap((base) =>
  // Without a path there is no file either, which is said in the same words.
  [`${base}/*path`, base].map((path) => ({
    method: "GET" as const,
    path,
    summary: "Gives a file of an addon's frontend; `@<digest>/` before its path names a version.",
    access: "public" as const,
    query: ["v", "token"],
    answer: { status: 200, shape: "the file" },
    readableBy: "any origin" as const,
    handle: serve,
  }))
);

/** A first segment that names a version, as `assetBase` writes it; any other is a folder's name. */
const VERSION_SEGMENT = /^@([0-9a-f]{16,64})(?:\/|$)/;
const ONE_YEAR = "public, max-age=31536000, immutable";
/** The name says what is in it, but the address may one day mean another version's file. */
const SHORT = "public, max-age=300";
/** Kept, but asked for each time: `remoteEntry.js` must be able to change. */
const ASK = "no-cache";

/**
 * These files come from the application's own origin. Loaded as parts of its pages they are trusted
 * by whoever installed the addon; shown as pages of their own, by a link that somebody sends, their
 * script would act with the visitor's token. So such pages get an origin of nobody and no script.
 */
const DOCUMENT_POLICY = "sandbox; default-src 'none'; style-src 'self' 'unsafe-inline'; " +
  "img-src 'self' data:; font-src 'self'; media-src 'self'; base-uri 'none'; form-action 'none'";

async function serve(exchange: Exchange, { services }: RouteContext): Promise<Answer> {
  const addonKey = exchange.param("key");
  const given = exchange.param("path");
  const named = VERSION_SEGMENT.exec(given);
  const path = named === null ? given : given.slice(named[0].length);
  const version = named?.[1] === undefined
    ? await impliedVersion(exchange, services.auth, addonKey)
    : { digestPrefix: named[1] };
  const asset = await services.assets.find({ addonKey, path, ...version });
  const headers = headersOf(asset, path, named === null ? "implied" : "named");
  const asked = exchange.request.headers.get("if-none-match");
  if (asked !== null && matchesEtag(asked, headers["etag"]!)) {
    return { status: 304, body: null, headers };
  }
  const sized = { ...headers, "content-length": String(asset.size) };
  if (exchange.request.method === "HEAD") return { status: 200, body: null, headers: sized };
  return { status: 200, body: await asset.read(), headers: sized };
}

function headersOf(
  asset: Asset,
  path: string,
  version: "named" | "implied",
): Record<string, string> {
  const { contentType, sha256, immutable } = asset;
  return {
    "content-type": contentType,
    etag: `"${sha256.slice(0, 32)}"`,
    "cache-control": immutable ? ONE_YEAR : hasHashedName(path) ? SHORT : ASK,
    "cross-origin-resource-policy": "cross-origin",
    // Scripts name the version they came with to this server, and a token in an address to no other.
    "referrer-policy": "same-origin",
    ...(version === "named" ? {} : { vary: "Authorization, Referer" }),
    ...(isDocument(contentType) ? { "content-security-policy": DOCUMENT_POLICY } : {}),
  };
}

/** What an address without a version means: whose page asks, the version it names, or where it was. */
async function impliedVersion(
  exchange: Exchange,
  auth: AuthService,
  addonKey: string,
): Promise<{ readonly organizationId?: string; readonly digestPrefix?: string }> {
  const organizationId = await organizationOf(exchange, auth);
  if (organizationId !== undefined) return { organizationId };
  const digestPrefix = leadingDigits(exchange.query.get("v")) ?? refererDigest(exchange, addonKey);
  return digestPrefix === undefined ? {} : { digestPrefix };
}

/** Clients put the first digits of any hash there; what is none means nothing. */
function leadingDigits(version: string | null): string | undefined {
  const digits = version?.toLowerCase().replace(/^sha256:/, "");
  // Short of 16: an address with `?v=` is not the one that never changes.
  return digits !== undefined && /^[0-9a-f]{8,64}$/.test(digits) ? digits.slice(0, 15) : undefined;
}

function refererDigest(exchange: Exchange, addonKey: string): string | undefined {
  const referer = exchange.request.headers.get("referer") ?? "";
  const [, key, digits] = /\/addons\/([^/]+)\/frontend\/@([0-9a-f]{16,64})\//.exec(referer) ?? [];
  return key === addonKey ? digits?.slice(0, 15) : undefined;
}

async function organizationOf(
  exchange: Exchange,
  auth: AuthService,
): Promise<string | undefined> {
  const header = exchange.request.headers.get("authorization") ?? exchange.query.get("token");
  if (header === null) return undefined;
  try {
    return (await auth.verify(tokenOf(header))).organizationId;
  } catch (thrown) {
    // A page whose token has run out still loads: nothing here depends on who asks.
    if (isKernelError(thrown) && thrown.kind === "unauthenticated") return undefined;
    throw thrown;
  }
}

/**
 * An installation as clients see it: without its secrets, with who signed it.
 *
 * @module
 */

import { isJsonObject, type Json, type JsonObject } from "../base/json.ts";
import type { Manifest } from "../bundle/manifest/manifest.ts";
import type { TrustPolicy, VerifiedSignature } from "../bundle/trust/trust.ts";
import { isTrustedStill } from "../bundle/trust/verify.ts";
import type { Installation } from "./addon_service.ts";
import { assetBase } from "./assets/addon_assets.ts";
import type { LiveInstallation } from "./live_installations.ts";
import type { SignatureStatus } from "./plan/installation_plan.ts";
import { isSecretSetting } from "./settings/value.ts";

/**
 * Shows an installation.
 *
 * @param live the installation.
 * @param trust whom the operator trusts now: keys come and go while an addon stays.
 * @returns what clients see of it.
 */
export async function installationOf(
  live: LiveInstallation,
  trust: TrustPolicy,
): Promise<Installation> {
  const { row, manifest, previousVersion } = live;
  // Border: the kernel wrote this text itself.
  const settings = JSON.parse(row.settings) as Record<string, Json>;
  const open = new Set(
    manifest.settings.filter((each) => !isSecretSetting(each)).map(({ key }) => key),
  );
  const shown = Object.entries(settings).filter(([key]) => open.has(key));
  return {
    id: row.id,
    organization_id: row.organization_id,
    addon_key: row.addon_key,
    version: row.version,
    revision: Number(row.revision),
    signature: await signatureStatus(live, trust),
    ...(previousVersion === undefined ? {} : { previous_version: previousVersion }),
    // Border: the kernel wrote these words itself.
    status: row.status as Installation["status"],
    source: row.source as Installation["source"],
    settings: Object.fromEntries(shown),
    installed_at: row.installed_at,
    ...(row.enabled_at === null ? {} : { enabled_at: row.enabled_at }),
    ...(row.disabled_at === null ? {} : { disabled_at: row.disabled_at }),
  };
}

async function signatureStatus(
  { row, signature }: LiveInstallation,
  trust: TrustPolicy,
): Promise<SignatureStatus> {
  if (row.source === "compiled") return { status: "compiled" };
  if (signature === null) return { status: "unsigned" };
  // Border: the kernel wrote this text itself.
  const kept = JSON.parse(signature) as VerifiedSignature;
  const isTrusted = row.bundle_digest !== null &&
    await isTrustedStill(row.bundle_digest, kept, row.addon_key, trust);
  return isTrusted ? statusOf(kept) : { ...statusOf(kept), trusted: false };
}

/**
 * Says what a verified signature proves.
 *
 * @param signature the signature; absent for an unsigned bundle.
 * @returns the status.
 */
export function statusOf(signature: VerifiedSignature | undefined): SignatureStatus {
  if (signature === undefined) return { status: "unsigned" };
  const { keyId, role, developer, signedAt } = signature;
  const name = developer?.name ?? developer?.id;
  return {
    status: "verified",
    key_id: keyId,
    role,
    ...(name === undefined ? {} : { developer: name }),
    ...(signedAt === undefined ? {} : { signed_at: signedAt }),
  };
}

/**
 * Gives the manifest in the shape that clients know, its frontend named by version: an address that
 * never means another content (contract/client.md §7).
 *
 * @param live an installation.
 * @returns the document.
 */
export function clientManifest({ row, manifest }: LiveInstallation): JsonObject {
  const base = row.bundle_digest === null ? undefined : assetBase(manifest.key, row.bundle_digest);
  return withEntry(manifest, shownSettings(manifest), base);
}

/** What is shown of a manifest. */
type ShownManifest = Pick<Manifest, "key" | "client_document" | "settings" | "frontend">;

/**
 * Gives the manifest in the shape that clients know, without defaults of secret settings: the kernel
 * never uses them, and whoever may read manifests need not know what an author has left there. Its
 * frontend has the convention's address, which means whichever version is enabled.
 *
 * @param manifest the manifest.
 * @returns the document; the very same where there is nothing to change.
 */
export function shownManifest(manifest: ShownManifest): JsonObject {
  const base = `/api/metacore/addons/${manifest.key}/frontend`;
  return withEntry(manifest, shownSettings(manifest), base);
}

function withEntry(
  manifest: ShownManifest,
  document: JsonObject,
  base: string | undefined,
): JsonObject {
  const file = ownFile(manifest);
  const frontend = document["frontend"];
  if (file === undefined || base === undefined || !isJsonObject(frontend)) return document;
  const entry = `${base}/${file}`;
  return frontend["entry"] === entry ? document : { ...document, frontend: { ...frontend, entry } };
}

function shownSettings({ client_document: document, settings }: ShownManifest): JsonObject {
  const list = document["settings"];
  const hidden = new Set<Json | undefined>(
    settings.filter((each) => isSecretSetting(each) && each.default_value !== undefined)
      .map(({ key }) => key),
  );
  if (hidden.size === 0 || !Array.isArray(list)) return document;
  return { ...document, settings: list.map((each: Json) => withoutDefault(each, hidden)) };
}

function withoutDefault(setting: Json, hidden: ReadonlySet<Json | undefined>): Json {
  if (!isJsonObject(setting) || !hidden.has(setting["key"])) return setting;
  const { default_value: _own, default: _later, ...shown } = setting;
  return shown;
}

/** The convention's address of a frontend file, as authors write it: either base, any letter case. */
const CONVENTION = /^\/?api\/(?:metacore\/)?addons\/([^/]+)\/frontend\/(.+)$/i;

/**
 * The file of the bundle that `frontend.entry` means; undefined where it is somebody else's. A
 * federated frontend that names none has the convention's (contract/client.md §7).
 */
function ownFile({ key, frontend = {} }: ShownManifest): string | undefined {
  const { format, entry = format === "federation" ? "remoteEntry.js" : undefined } = frontend;
  if (entry === undefined) return undefined;
  const [, addonKey, file] = CONVENTION.exec(entry) ?? [];
  if (addonKey !== undefined) return addonKey === key ? file : undefined;
  // An address with a scheme or a host, and a path of somebody else, stay as they are.
  if (entry === "" || entry.startsWith("/") || /^[a-z][a-z0-9+.-]*:/i.test(entry)) return undefined;
  return entry.replace(/^(?:\.\/)+/, "").replace(/^frontend\//, "");
}

/**
 * Writes the row of an installation: a new one, or a removed or repeated one brought back.
 *
 * @module
 */

import type { Json } from "../../base/json.ts";
import type { Transaction } from "../../db/database.ts";
import type { Manifest } from "../../bundle/manifest/manifest.ts";
import type { InstallationRow } from "../installation_store.ts";
import { isolationChanged, otherContents, otherVersion } from "../errors.ts";
import type { InstallOrder } from "./order.ts";

/**
 * Writes the row. Installing the very same bundle again keeps the installation's identity and
 * settings and gives it a new secret, so that an answer lost on the way can be asked for again.
 *
 * @param tx the transaction of the install.
 * @param order what is installed, for whom.
 * @param schema physical schema of its tables.
 * @param standing the row that is there already.
 * @throws {KernelError} addon.already_installed, addon.version_changed, addon.isolation_changed
 */
export async function writeInstallation(
  tx: Transaction,
  order: InstallOrder,
  schema: string,
  standing: InstallationRow | undefined,
): Promise<void> {
  const { manifest, digest } = order.bundle;
  refuseOtherBundle(order, standing);
  if (standing !== undefined && standing.schema_name !== schema) {
    throw isolationChanged(manifest.key, standing.isolation, manifest.tenant_isolation);
  }
  const kept = standing === undefined ? {} : JSON.parse(standing.settings);
  const row = {
    version: manifest.version,
    status: "enabled",
    source: manifest.frontend?.format === "federation" ? "federated" : "bundle",
    isolation: manifest.tenant_isolation,
    schema_name: schema,
    bundle_digest: digest,
    secret_hash: order.secret.hash,
    secret_enc: order.secret.sealed,
    settings: JSON.stringify({ ...defaultSettings(manifest), ...kept }),
    enabled_at: order.at,
    disabled_at: null,
    updated_at: order.at,
  };
  if (standing !== undefined) {
    await tx.kysely.updateTable("installations").set(row).where("id", "=", standing.id).execute();
    return;
  }
  await tx.kysely.insertInto("installations").values({
    id: order.installationId,
    organization_id: order.caller.organizationId,
    addon_key: manifest.key,
    installed_at: order.at,
    ...row,
  }).execute();
}

function refuseOtherBundle(order: InstallOrder, standing: InstallationRow | undefined): void {
  if (standing === undefined || standing.status === "removed") return;
  const { manifest, digest } = order.bundle;
  if (standing.version !== manifest.version) {
    throw otherVersion(manifest.key, standing.version, manifest.version);
  }
  if (standing.bundle_digest !== digest) throw otherContents(manifest.key, manifest.version);
}

// A secret setting has no default worth keeping in clear: its value comes from the operator only.
function defaultSettings(manifest: Manifest): Record<string, Json> {
  const defaults: Record<string, Json> = {};
  for (const setting of manifest.settings) {
    if (setting.secret || setting.default_value === undefined) continue;
    if (setting.default_value !== null) defaults[setting.key] = setting.default_value;
  }
  return defaults;
}

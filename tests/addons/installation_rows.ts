/**
 * Installations as rows, without bundles and installing: for what is done to an installation that is
 * there.
 *
 * @module
 */

import { createAccessService } from "../../src/access/service.ts";
import { InstallationCatalog } from "../../src/addons/code/installation_catalog.ts";
import { makeInstallSecret } from "../../src/addons/install/secret.ts";
import { catalogVersion } from "../../src/addons/installation_store.ts";
import { LiveInstallations } from "../../src/addons/live_installations.ts";
import type { AddonSettings } from "../../src/addons/settings/addon_settings.ts";
import { initialSettings } from "../../src/addons/settings/initial.ts";
import { createAddonSettings } from "../../src/addons/settings/service.ts";
import type { JsonObject } from "../../src/base/json.ts";
import { SystemIds } from "../../src/base/ids.ts";
import { parseManifest } from "../../src/bundle/manifest/parse.ts";
import type { Database } from "../../src/db/database.ts";
import { createModelRegistry } from "../../src/models/snapshot_registry.ts";
import type { AuditRecord } from "../../src/telemetry/audit.ts";
import { silentLogger } from "../../src/telemetry/log.ts";

export const ORG = "0193a000-0000-7000-8000-00000000000a";
export const OTHER_ORG = "0193a000-0000-7000-8000-00000000000b";
export const MASTER_KEY: Uint8Array = new Uint8Array(32).fill(7);
/** 1795219578 s: the moment of the contract's golden vector. */
export const NOW_MS = 1_795_219_578_000;
const AT = "2026-01-01T00:00:00.000Z";

/** One process over a database. */
export interface Installed {
  readonly catalog: InstallationCatalog;
  readonly settings: AddonSettings;
  readonly records: AuditRecord[];
  readonly clock: { ms: number; nowMs(): number };
}

/** A process of its own: what it has read, another one does not know. */
export function processOn(database: Database): Installed {
  const clock = { ms: NOW_MS, nowMs: () => clock.ms };
  const installations = new LiveInstallations(silentLogger);
  const registry = createModelRegistry({
    load: (organizationId) => installations.models(database.kysely, organizationId),
    isCurrent: async (organizationId, version) =>
      String(await catalogVersion(database.kysely, organizationId)) === version,
    recheckAfterMs: 0,
    clock,
  });
  const catalog = new InstallationCatalog(registry);
  const records: AuditRecord[] = [];
  const settings = createAddonSettings({
    database,
    registry,
    access: createAccessService({ database, clock, logger: silentLogger }),
    catalog,
    audit: { record: (one) => void records.push(one), flush: async () => {} },
    masterKey: MASTER_KEY,
    clock,
    ids: new SystemIds(),
  });
  return { catalog, settings, records, clock };
}

/** What is installed. */
export interface InstalledAddon {
  readonly key?: string;
  readonly organizationId?: string;
  readonly manifest?: JsonObject;
  readonly given?: JsonObject;
  readonly status?: string;
  readonly secret?: "none";
}

/** Writes the rows of an installation. @returns its id and secret */
export async function putInstallation(
  database: Database,
  addon: InstalledAddon = {},
): Promise<{ readonly id: string; readonly secret: string }> {
  const { key = "tickets", organizationId = ORG, status = "enabled" } = addon;
  const text = JSON.stringify({
    key,
    name: key,
    version: "1.0.0",
    kernel: ">=2.0.0 <3.0.0",
    ...addon.manifest,
  });
  const manifest = parseManifest(text);
  const id = new SystemIds().next();
  const secret = await makeInstallSecret(MASTER_KEY);
  const place = { organizationId, addonKey: key };
  const kept = await initialSettings(manifest, addon.given, place, MASTER_KEY);
  const tables = database.kysely;
  await tables.insertInto("organizations").values({
    id: organizationId,
    name: "Acme",
    slug: `acme-${organizationId.slice(-1)}`,
    created_at: AT,
    updated_at: AT,
  }).onConflict((conflict) => conflict.doNothing()).execute();
  await tables.insertInto("bundles").values({
    digest: id,
    addon_key: key,
    version: "1.0.0",
    manifest: text,
    entries: "{}",
    archive: new Uint8Array(),
    created_at: AT,
  }).execute();
  await tables.insertInto("installations").values({
    id,
    organization_id: organizationId,
    addon_key: key,
    version: "1.0.0",
    status,
    source: "bundle",
    isolation: "shared",
    schema_name: `addon_${key}`,
    bundle_digest: id,
    secret_hash: secret.hash,
    secret_enc: addon.secret === "none" ? null : secret.sealed,
    settings: JSON.stringify(kept.values),
    sealed_settings: JSON.stringify(kept.sealed),
    installed_at: AT,
    enabled_at: AT,
    disabled_at: null,
    updated_at: AT,
  }).execute();
  return { id, secret: secret.text };
}

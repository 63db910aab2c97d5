/**
 * Brings installations of compiled addons to what the host application now brings: an addon that was
 * compiled anew is not uploaded by anybody. One that cannot follow stays as it was, and is told of.
 *
 * @module
 */

import { systemCaller } from "../../base/caller.ts";
import { isKernelError } from "../../base/error.ts";
import type { Database } from "../../db/database.ts";
import type { AuditSink } from "../../telemetry/audit.ts";
import type { Logger } from "../../telemetry/log.ts";
import type { AddonService } from "../addon_service.ts";
import type { CompiledBundle, CompiledRegistry } from "./registry.ts";

/** What is worked with. */
export interface CompiledUpgradeOptions {
  readonly database: Database;
  readonly addons: Pick<AddonService, "installRegistered">;
  readonly compiled: CompiledRegistry;
  readonly audit: AuditSink;
  readonly logger: Logger;
}

const REQUEST_ID = "kernel-start";

/**
 * Upgrades installations of compiled addons whose manifest has changed, one organization after the
 * other, each in a transaction of its own. Called once the services are there.
 *
 * @param options what is worked with.
 * @returns how many were brought along, and how many could not be.
 */
export async function upgradeCompiled(
  options: CompiledUpgradeOptions,
): Promise<{ readonly upgraded: number; readonly failed: number }> {
  let [upgraded, failed] = [0, 0];
  for (const bundle of options.compiled.bundles) {
    for (const organizationId of await organizationsBehind(options.database, bundle)) {
      if (await upgradeOne(options, bundle, organizationId)) upgraded++;
      else failed++;
    }
  }
  return { upgraded, failed };
}

async function organizationsBehind(
  { kysely }: Database,
  { manifest, digest }: CompiledBundle,
): Promise<string[]> {
  const rows = await kysely.selectFrom("installations").select("organization_id")
    .where("addon_key", "=", manifest.key)
    .where("source", "=", "compiled")
    .where("status", "<>", "removed")
    .where("bundle_digest", "<>", digest)
    .orderBy("installed_at").orderBy("id").execute();
  return rows.map((row) => row.organization_id);
}

async function upgradeOne(
  { addons, audit, logger }: CompiledUpgradeOptions,
  { manifest: { key, version } }: CompiledBundle,
  organizationId: string,
): Promise<boolean> {
  const caller = systemCaller(organizationId, REQUEST_ID);
  try {
    // Whoever starts the application has decided for its addons, lower versions and rights included.
    await addons.installRegistered(caller, key, undefined, {
      acceptedCapabilities: "all",
      downgrade: "allow",
    });
    return true;
  } catch (thrown) {
    const reason = isKernelError(thrown) ? thrown.message : String(thrown);
    logger.error("a compiled addon stays on its old manifest", {
      addon: key,
      version,
      organization: organizationId,
      error: thrown,
    });
    audit.record({
      name: "compiled.upgrade_refused",
      severity: "warning",
      organizationId,
      addonKey: key,
      requestId: REQUEST_ID,
      details: { version, reason },
    });
    return false;
  }
}

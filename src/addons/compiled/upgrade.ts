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

/** Several kernels that start at one time come to the same installation; each of them waits for one. */
const MAX_LOOKS = 16;

/** Codes of failures after which somebody else may have done it. */
const LOOK_AGAIN: ReadonlySet<string> = new Set(["addon.changed_meanwhile", "db.serialization"]);

/**
 * Upgrades installations of compiled addons whose manifest has changed, one organization after the
 * other, each in a transaction of its own. Called once the services are there. Of several kernels that
 * start at one time on one database one upgrades each of them, and the others find it done.
 *
 * @param options what is worked with.
 * @returns how many were brought along by this kernel, and how many could not be.
 */
export async function upgradeCompiled(
  options: CompiledUpgradeOptions,
): Promise<{ readonly upgraded: number; readonly failed: number }> {
  const counts = { upgraded: 0, failed: 0 };
  for (const bundle of options.compiled.bundles) {
    for (const standing of await behind(options.database, bundle)) {
      const outcome = await upgradeOrTell(options, bundle, standing);
      if (outcome !== "done by others") counts[outcome]++;
    }
  }
  return counts;
}

/** An installation that is not yet what the host application brings. */
interface Behind {
  readonly organizationId: string;
  readonly revision: number;
}

async function behind(
  { kysely }: Database,
  { manifest, digest }: CompiledBundle,
  organizationId?: string,
): Promise<Behind[]> {
  let query = kysely.selectFrom("installations").select(["organization_id", "revision"])
    .where("addon_key", "=", manifest.key)
    .where("source", "=", "compiled")
    .where("status", "<>", "removed")
    .where("bundle_digest", "<>", digest);
  if (organizationId !== undefined) query = query.where("organization_id", "=", organizationId);
  const rows = await query.orderBy("installed_at").orderBy("id").execute();
  return rows.map((row) => ({
    organizationId: row.organization_id,
    revision: Number(row.revision),
  }));
}

async function upgradeOrTell(
  options: CompiledUpgradeOptions,
  bundle: CompiledBundle,
  standing: Behind,
): Promise<"upgraded" | "failed" | "done by others"> {
  let now: Behind | undefined = standing;
  for (let look = 1; now !== undefined; look++) {
    try {
      await upgrade(options, bundle, now);
      return "upgraded";
    } catch (thrown) {
      const helps = isKernelError(thrown) && LOOK_AGAIN.has(thrown.code);
      // Somebody may also have taken it out: then it must not come back.
      [now] = await behind(options.database, bundle, standing.organizationId);
      if (now !== undefined && (!helps || look === MAX_LOOKS)) {
        tellRefused(options, bundle, standing, thrown);
        return "failed";
      }
    }
  }
  return "done by others";
}

async function upgrade(
  { addons }: CompiledUpgradeOptions,
  { manifest: { key } }: CompiledBundle,
  { organizationId, revision }: Behind,
): Promise<void> {
  // Whoever starts the application has decided for its addons, lower versions and rights included.
  await addons.installRegistered(systemCaller(organizationId, REQUEST_ID), key, undefined, {
    acceptedCapabilities: "all",
    downgrade: "allow",
    revision,
  });
}

function tellRefused(
  { audit, logger }: CompiledUpgradeOptions,
  { manifest: { key, version } }: CompiledBundle,
  { organizationId }: Behind,
  thrown: unknown,
): void {
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
}

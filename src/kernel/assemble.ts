/**
 * Puts the kernel together in the order of the floors. The only place where services are made.
 *
 * @module
 */

import { migrations } from "../../migrations/mod.ts";
import { createAuditLog } from "../access/audit_log.ts";
import { createAccessService } from "../access/service.ts";
import { createActionService } from "../addons/actions/service.ts";
import { LiveInstallations } from "../addons/live_installations.ts";
import { createAddonService } from "../addons/service.ts";
import { catalogVersion } from "../addons/installation_store.ts";
import { createAuthService } from "../auth/service.ts";
import { createTokens } from "../auth/token.ts";
import { systemClock } from "../base/clock.ts";
import { SystemIds } from "../base/ids.ts";
import { KERNEL_CONTRACT_VERSION } from "../bundle/manifest/kernel_range.ts";
import type { Database } from "../db/database.ts";
import { migrate } from "../db/migrate.ts";
import { openDatabase } from "../db/open.ts";
import { auditRoles } from "../db/role_audit.ts";
import { auditTables } from "../db/table_audit.ts";
import { createEventLog } from "../events/log.ts";
import { createHttpApp } from "../http/app.ts";
import type { HttpApp, Readiness } from "../http/http_services.ts";
import { createMetadataService } from "../models/metadata.ts";
import { hostModel } from "../models/host_model.ts";
import type { Model } from "../models/model.ts";
import { createModelRegistry } from "../models/snapshot_registry.ts";
import { createRecordService } from "../records/service.ts";
import { silentLogger } from "../telemetry/log.ts";
import { CodePlane } from "./code_plane.ts";
import { prepareHostTables } from "./host_tables.ts";
import type { KernelServices } from "./services.ts";
import type { KernelOptions } from "./options.ts";
import { checkJwtSecret, checkMasterKey } from "./secrets.ts";

/** A running kernel's parts. */
export interface Assembly {
  readonly services: KernelServices;
  readonly app: HttpApp;
  readonly database: Database;
  readonly plane: CodePlane;
}

/** What every part is made from, defaults filled in. */
interface Foundation {
  readonly options: KernelOptions;
  readonly database: Database;
  readonly jwtSecret: Uint8Array;
  readonly masterKey: Uint8Array;
  readonly hostModels: readonly Model[];
}

/**
 * Opens the database, brings it up to date, audits it and makes the services.
 *
 * @param options the embedder's options.
 * @returns the parts; whoever gets them closes the plane, then the database.
 * @throws {KernelError} kernel.weak_key, db.*, schema.*, model.invalid_definition — nothing is left
 *   open.
 */
export async function assemble(options: KernelOptions): Promise<Assembly> {
  const jwtSecret = checkJwtSecret(options.jwtSecret);
  const masterKey = checkMasterKey(options.masterKey);
  const hostModels = (options.models ?? []).map(hostModel);
  const logger = options.logger ?? silentLogger;
  const database = await openDatabase({
    url: options.databaseUrl,
    ...(options.databaseOwnerUrl === undefined ? {} : { ownerUrl: options.databaseOwnerUrl }),
    ...(options.fault === undefined ? {} : { fault: options.fault }),
    logger,
  });
  try {
    // Before anything is written: a refused start leaves the database as it was.
    await auditRoles(database);
    const { applied } = await migrate(database, migrations, options.clock ?? systemClock);
    if (applied.length > 0) logger.info("applied kernel migrations", { migrations: applied });
    await prepareHostTables(database, hostModels);
    await auditTables(database);
    return await assembleServices({ options, database, jwtSecret, masterKey, hostModels });
  } catch (thrown) {
    await database.close();
    throw thrown;
  }
}

async function assembleServices(foundation: Foundation): Promise<Assembly> {
  const { options, database, hostModels } = foundation;
  const clock = options.clock ?? systemClock;
  const ids = options.ids ?? new SystemIds();
  const logger = options.logger ?? silentLogger;
  const installations = new LiveInstallations(logger);
  const tables = database.kysely;
  const registry = createModelRegistry({
    load: (organizationId) => installations.models(tables, organizationId),
    isCurrent: async (organizationId, version) =>
      String(await catalogVersion(tables, organizationId)) === version,
    hostModels,
    clock,
  });
  const access = createAccessService({ database, clock, logger });
  const tokens = await createTokens({
    key: foundation.jwtSecret,
    lifetimeSeconds: options.tokenLifetimeSeconds ?? 86_400,
    clock,
    ids,
  });
  const auth = createAuthService({
    database,
    clock,
    ids,
    tokens,
    registration: options.registration ?? "closed",
    logger,
  });
  const records = createRecordService({ database, registry, access, clock, ids });
  const metadata = createMetadataService({ registry, access });
  const plane = new CodePlane({
    options,
    database,
    registry,
    access,
    installations,
    masterKey: foundation.masterKey,
    clock,
    ids,
    logger,
  });
  const actions = createActionService({ database, registry, access, records, code: plane.code });
  const audit = createAuditLog(database, access);
  const addons = createAddonService({
    database,
    modules: plane.modules,
    retireCode: (addonKey) => plane.sandbox.retire(addonKey),
    outboundHttp: options.egress === undefined ? "off" : "on",
    registry,
    access,
    installations,
    hostModels,
    coreNavigation: options.navigation ?? [],
    unsignedBundles: options.unsignedBundles ?? "refuse",
    masterKey: foundation.masterKey,
    kernelContractVersion: KERNEL_CONTRACT_VERSION,
    clock,
    ids,
    logger,
  });
  const app = createHttpApp({
    auth,
    records,
    metadata,
    addons,
    actions,
    code: plane.code,
    audit,
    operator: plane.operator,
    logger,
    clock,
    ids,
    readiness: () => readiness(database),
    kernelContractVersion: KERNEL_CONTRACT_VERSION,
    cors: { origins: [...options.corsOrigins ?? []] },
  });
  return {
    services: {
      auth,
      access,
      records,
      metadata,
      addons,
      actions,
      code: plane.code,
      audit,
      events: createEventLog(database),
    },
    app,
    database,
    plane,
  };
}

async function readiness(database: Database): Promise<Readiness> {
  try {
    await database.ping();
    return { ready: true, checks: { database: "ok" } };
  } catch {
    return { ready: false, checks: { database: "failed" } };
  }
}

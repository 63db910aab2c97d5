/**
 * Puts the kernel together in the order of the floors. The only place where services are made.
 *
 * @module
 */

import { migrations } from "../../migrations/mod.ts";
import { createAuditLog } from "../access/audit_log.ts";
import { createAccessService } from "../access/service.ts";
import { LiveInstallations } from "../addons/live_installations.ts";
import { catalogVersion } from "../addons/installation_store.ts";
import type { RunningChanges } from "../addons/install/running_changes.ts";
import type { Subscriptions } from "../addons/subscriptions/subscriptions.ts";
import { createAuthService } from "../auth/service.ts";
import { createTokens } from "../auth/token.ts";
import type { AuthService } from "../auth/auth_service.ts";
import { type Clock, systemClock } from "../base/clock.ts";
import { type IdSource, SystemIds } from "../base/ids.ts";
import { KERNEL_CONTRACT_VERSION } from "../bundle/manifest/kernel_range.ts";
import type { TrustPolicy } from "../bundle/trust/trust.ts";
import type { Database } from "../db/database.ts";
import { migrate } from "../db/migrate.ts";
import { openDatabase } from "../db/open.ts";
import { auditRoles } from "../db/role_audit.ts";
import { auditTables } from "../db/table_audit.ts";
import { createEventLog } from "../events/log.ts";
import { createHttpApp } from "../http/app.ts";
import type { HttpApp, Readiness } from "../http/http_services.ts";
import { hostModel } from "../models/host_model.ts";
import type { Model } from "../models/model.ts";
import type { ModelRegistry } from "../models/registry.ts";
import { createModelRegistry } from "../models/snapshot_registry.ts";
import { type Logger, silentLogger } from "../telemetry/log.ts";
import { createAddonPlane } from "./addon_plane.ts";
import { CodePlane } from "./code_plane.ts";
import { prepareHostTables } from "./host_tables.ts";
import type { KernelServices } from "./services.ts";
import type { KernelOptions } from "./options.ts";
import { checkSandboxBounds } from "./sandbox_bounds.ts";
import { checkJwtSecret, checkMasterKey, checkOperatorToken } from "./secrets.ts";
import { trustOf } from "./trust_settings.ts";

/** A running kernel's parts. */
export interface Assembly {
  readonly services: KernelServices;
  readonly app: HttpApp;
  readonly database: Database;
  readonly plane: CodePlane;
  readonly subscriptions: Subscriptions;
  readonly changes: RunningChanges;
}

/** What every part is made from, defaults filled in. */
interface Foundation {
  readonly options: KernelOptions;
  readonly database: Database;
  readonly jwtSecret: Uint8Array;
  readonly masterKey: Uint8Array;
  readonly trust: TrustPolicy;
  readonly hostModels: readonly Model[];
}

/**
 * Opens the database, brings it up to date, audits it and makes the services.
 *
 * @param options the embedder's options.
 * @returns the parts; whoever gets them stops the subscriptions, closes the plane, then the
 *   database.
 * @throws {KernelError} kernel.weak_key, kernel.invalid_setting, db.*, schema.*,
 *   model.invalid_definition — nothing is left open.
 */
export async function assemble(options: KernelOptions): Promise<Assembly> {
  const jwtSecret = checkJwtSecret(options.jwtSecret);
  const masterKey = checkMasterKey(options.masterKey);
  checkOperatorToken(options.operatorToken);
  checkSandboxBounds(options.sandbox);
  const trust = trustOf(options);
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
    return await assembleServices({ options, database, jwtSecret, masterKey, trust, hostModels });
  } catch (thrown) {
    await database.close();
    throw thrown;
  }
}

async function assembleServices(foundation: Foundation): Promise<Assembly> {
  const { options, database, masterKey, trust, hostModels } = foundation;
  const ports = {
    clock: options.clock ?? systemClock,
    ids: options.ids ?? new SystemIds(),
    logger: options.logger ?? silentLogger,
  };
  const installations = new LiveInstallations(ports.logger);
  const registry = registryOf(foundation, installations, ports.clock);
  const access = createAccessService({ database, ...ports });
  const auth = await authOf(foundation, ports);
  const stands = { options, database, registry, access, masterKey, ...ports };
  const plane = new CodePlane(stands);
  const { code, hooks, operator, secrets } = plane;
  try {
    const life = await createAddonPlane({
      ...stands,
      installations,
      trust,
      hostModels,
      code: plane,
    });
    const audit = createAuditLog(database, access, plane.audit);
    const shown = { auth, access, code, secrets, audit, ...life };
    const services = { ...shown, hooks, events: createEventLog(database) };
    const app = createHttpApp({
      ...shown,
      registry,
      operator,
      ...ports,
      readiness: () => readiness(database),
      kernelContractVersion: KERNEL_CONTRACT_VERSION,
      cors: { origins: [...options.corsOrigins ?? []] },
    });
    plane.announceSql(database.guestSql, ports.logger);
    life.subscriptions.start();
    const { subscriptions, changes } = life;
    return { services, app, database, plane, subscriptions, changes };
  } catch (thrown) {
    await plane.close();
    throw thrown;
  }
}

function registryOf(
  { database, hostModels }: Foundation,
  installations: LiveInstallations,
  clock: Clock,
): ModelRegistry {
  const tables = database.kysely;
  return createModelRegistry({
    load: (organizationId) => installations.models(tables, organizationId),
    isCurrent: async (organizationId, version) =>
      String(await catalogVersion(tables, organizationId)) === version,
    hostModels,
    clock,
  });
}

async function authOf(
  { options, database, jwtSecret }: Foundation,
  ports: { readonly clock: Clock; readonly ids: IdSource; readonly logger: Logger },
): Promise<AuthService> {
  const tokens = await createTokens({
    key: jwtSecret,
    lifetimeSeconds: options.tokenLifetimeSeconds ?? 86_400,
    ...ports,
  });
  return createAuthService({
    database,
    tokens,
    registration: options.registration ?? "closed",
    ...ports,
  });
}

async function readiness(database: Database): Promise<Readiness> {
  try {
    await database.ping();
    return { ready: true, checks: { database: "ok" } };
  } catch {
    return { ready: false, checks: { database: "failed" } };
  }
}

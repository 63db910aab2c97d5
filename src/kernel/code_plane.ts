/**
 * Puts together what runs addon code: audit, metrics, enforcer, outbound HTTP, sandbox, host
 * functions. Closed in the reverse order.
 *
 * @module
 */

import { type CountingEnforcer, createEnforcer } from "../access/enforcer.ts";
import type { AccessService } from "../access/access_service.ts";
import { createDatabaseAudit, type DatabaseAudit } from "../access/audit_store.ts";
import { AddonModules } from "../addons/code/addon_modules.ts";
import { type AddonSecrets, createAddonSecrets } from "../addons/code/addon_secrets.ts";
import { createBreakerStore } from "../addons/code/breaker_store.ts";
import {
  type CodeLimits,
  DEFAULT_CODE_LIMITS,
  transactionTimeoutMs,
} from "../addons/code/code_limits.ts";
import { type CodeService, createAddonCode } from "../addons/code/code_service.ts";
import { InstallationCatalog } from "../addons/code/installation_catalog.ts";
import { capabilitiesOf } from "../addons/code/invocation_context.ts";
import { TransactionPlaces, transactionPlaces } from "../addons/code/transaction_places.ts";
import { TrapJournal } from "../addons/code/trap_journal.ts";
import type { HostServices } from "../addons/host/context.ts";
import { createHostServices } from "../addons/host/services.ts";
import { SettingTexts } from "../addons/settings/texts.ts";
import { createHookBus, type HookFailure } from "../addons/hooks/bus.ts";
import { createHookService } from "../addons/hooks/hook_service.ts";
import type { Hooks } from "../addons/hooks/hooks.ts";
import type { Clock } from "../base/clock.ts";
import type { IdSource } from "../base/ids.ts";
import { KERNEL_CONTRACT_VERSION } from "../bundle/manifest/kernel_range.ts";
import type { Database } from "../db/database.ts";
import type { GuestSql } from "../db/guest_sql/guest_sql.ts";
import { createEgress } from "../egress/create_egress.ts";
import type { Egress } from "../egress/egress.ts";
import type { OperatorServices } from "../http/http_services.ts";
import type { ModelRegistry } from "../models/registry.ts";
import { type BreakerChange, CircuitBreakers } from "../sandbox/breaker.ts";
import { createSandbox } from "../sandbox/pool.ts";
import type { Sandbox } from "../sandbox/sandbox.ts";
import { WalledWorkers } from "../sandbox/worker_source.ts";
import type { Logger } from "../telemetry/log.ts";
import type { Metrics } from "../telemetry/metrics.ts";
import { createMetrics } from "../telemetry/metrics_registry.ts";
import type { KernelOptions, SandboxSettings } from "./options.ts";

/** What the plane stands on. */
export interface CodePlaneOptions {
  readonly options: KernelOptions;
  readonly database: Database;
  readonly registry: ModelRegistry;
  readonly access: AccessService;
  /** 32 bytes. */
  readonly masterKey: Uint8Array;
  readonly clock: Clock;
  readonly ids: IdSource;
  readonly logger: Logger;
}

/**
 * Requests have been waited for already when the sandbox closes: what still runs then has no caller
 * who would wait, or has had its time.
 */
const CLOSE_TIMEOUT_MS = 2_000;

const ANNOUNCE_AFTER_MS = 1_000;

/** What runs addon code. */
export class CodePlane {
  readonly metrics: Metrics = createMetrics();
  readonly audit: DatabaseAudit;
  readonly modules: AddonModules;
  readonly code: CodeService;
  readonly catalog: InstallationCatalog;
  readonly sandbox: Sandbox;
  readonly hooks: Hooks;
  readonly secrets: AddonSecrets;
  readonly settingTexts: SettingTexts;
  readonly operator: OperatorServices;
  readonly egress: Egress;
  readonly host: HostServices;
  readonly enforcer: CountingEnforcer;
  readonly #breakers: CircuitBreakers;
  readonly #traps: TrapJournal;
  #announcement: ReturnType<typeof setTimeout> | undefined;
  #announced: Promise<void> = Promise.resolve();

  /** @param given what it stands on; nothing is started before it is needed. */
  constructor(given: CodePlaneOptions) {
    const { options, database, registry, access, clock, ids, logger } = given;
    const { metrics } = this;
    const { parallelTransactions } = database;
    const limits = codeLimits(options, parallelTransactions);
    this.audit = createDatabaseAudit({ database, clock, logger, metrics });
    this.enforcer = createEnforcer({
      mode: options.enforcement ?? "enforce",
      audit: this.audit,
      metrics,
      logger,
      clock,
    });
    this.egress = createEgress({
      policy: options.egress?.hosts ?? "off",
      privateAddresses: options.egress?.privateAddresses ?? [],
      clock,
      logger,
      metrics,
      audit: this.audit,
    });
    this.sandbox = newSandbox(options.sandbox, logger);
    this.modules = new AddonModules({
      database,
      limits,
      kernelContractVersion: KERNEL_CONTRACT_VERSION,
      masterKey: given.masterKey,
      audit: this.audit,
      clock,
    });
    this.#breakers = new CircuitBreakers({
      store: createBreakerStore(database, clock),
      clock,
      logger,
      onChange: (change) => this.#noteBreaker(change),
    });
    this.#traps = new TrapJournal({ modules: this.modules, clock, ids, logger });
    this.host = createHostServices({
      database,
      guestSql: database.guestSql,
      egress: this.egress,
      enforcer: this.enforcer,
      audit: this.audit,
      metrics,
      logger,
      clock,
      ids,
      masterKey: given.masterKey,
    });
    this.settingTexts = new SettingTexts(given.masterKey);
    const catalog = this.catalog = new InstallationCatalog(registry);
    this.code = createAddonCode({
      access,
      catalog,
      modules: this.modules,
      sandbox: this.sandbox,
      breakers: this.#breakers,
      host: this.host,
      settingTexts: this.settingTexts,
      traps: this.#traps,
      places: new TransactionPlaces(transactionPlaces(parallelTransactions)),
      limits,
    });
    this.secrets = createAddonSecrets(access, catalog, this.host.secrets);
    this.hooks = this.#hooks(catalog, logger);
    this.operator = this.#operatorServices(options.operatorToken);
  }

  /** Stops what an organization runs of an addon it has removed, and forgets what is kept of it. */
  retire(addonKey: string, organizationId: string): void {
    this.sandbox.kill(addonKey, organizationId);
    this.sandbox.retire(addonKey);
    this.host.metricDam.forget(addonKey);
  }

  /**
   * Tells whoever runs the server, soon after the start, what an addon's code would only find out.
   * Called when nothing else can fail: from here on the plane has to be closed.
   *
   * @param guestSql what may be unavailable.
   * @param logger told when it is.
   */
  announceSql(guestSql: GuestSql, logger: Logger): void {
    // Later, because it loads what a start need not wait for.
    this.#announcement = setTimeout(() => {
      this.#announced = guestSql.unavailableBecause().then((because) => {
        if (because !== undefined) logger.warn("SQL of addon code is refused", { because });
      }, (error) => logger.warn("whether SQL of addon code can run is not known", { error }));
    }, ANNOUNCE_AFTER_MS);
  }

  /** Stops guests, ends every worker, writes what waits to be written. */
  async close(): Promise<void> {
    clearTimeout(this.#announcement);
    await this.#announced;
    await this.sandbox.close();
    await this.egress.close();
    await this.#traps.settled();
    await this.#breakers.flush();
    this.enforcer.flush();
    this.host.auditLimit.flush();
    await this.audit.close();
  }

  #hooks(catalog: InstallationCatalog, logger: Logger): Hooks {
    const report = ({ hook, source, error }: HookFailure) =>
      logger.warn("a handler of a hook failed", { hook, source, error });
    const bus = createHookBus(report);
    const service = createHookService({
      bus,
      installations: (organizationId) => catalog.all(organizationId),
      maySubscribe: ({ manifest }) => capabilitiesOf(manifest).holds("hooks:subscribe"),
      invoke: (caller, installation, target, envelope) =>
        this.code.openTarget(
          caller,
          installation,
          async (invoke) => (await invoke(target, { input: () => envelope })).output,
        ),
      report,
    });
    return {
      runAction: service.runAction,
      applyFilters: service.applyFilters,
      onAction: bus.onAction,
      onFilter: bus.onFilter,
    };
  }

  #operatorServices(token: string | undefined): OperatorServices {
    return {
      ...(token === undefined ? {} : { token }),
      metrics: () => this.#metricsText(),
      sandboxStats: () => this.sandbox.stats(),
      stop: (addonKey, organizationId) => this.sandbox.kill(addonKey, organizationId),
      enforcement: () => this.enforcer.mode,
      setEnforcement: (mode) => this.enforcer.setMode(mode, "operator"),
    };
  }

  #metricsText(): string {
    for (const [name, value] of Object.entries(this.sandbox.stats())) {
      this.metrics.gauge(`metacore_sandbox_${snakeCase(name)}`, `Sandbox: ${name}.`).set(value);
    }
    return this.metrics.text();
  }

  #noteBreaker(change: BreakerChange): void {
    const { organizationId, addonKey, installationId, from, to, cause, openings } = change;
    this.audit.record({
      name: "circuit.changed",
      severity: to === "open" ? "warning" : "info",
      organizationId,
      addonKey,
      installationId,
      details: { from, to, cause, openings },
    });
  }
}

function newSandbox(settings: SandboxSettings | undefined, logger: Logger): Sandbox {
  const { maxWorkers, maxWorkersPerAddon } = settings ?? {};
  return createSandbox({
    source: new WalledWorkers({}, logger),
    limits: {
      ...(maxWorkers === undefined ? {} : { maxWorkers }),
      ...(maxWorkersPerAddon === undefined ? {} : { maxWorkersPerAddon }),
      closeTimeoutMs: CLOSE_TIMEOUT_MS,
    },
    logger,
  });
}

function snakeCase(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

function codeLimits({ sandbox }: KernelOptions, parallelTransactions: number): CodeLimits {
  return {
    ...DEFAULT_CODE_LIMITS,
    transactionTimeoutMs: transactionTimeoutMs(parallelTransactions),
    ...(sandbox?.memoryLimitMiB === undefined ? {} : { memoryLimitMiB: sandbox.memoryLimitMiB }),
    ...(sandbox?.timeoutMs === undefined ? {} : { timeoutMs: sandbox.timeoutMs }),
    ...(sandbox?.fuel === undefined ? {} : { fuel: sandbox.fuel }),
  };
}

/**
 * The addon service: permission first, then the bundle's stations, then the change. Rules of
 * installing and changing live in `install/`.
 *
 * @module
 */

import type { AccessService } from "../access/access_service.ts";
import type { Caller } from "../base/caller.ts";
import type { JsonObject } from "../base/json.ts";
import type { NavigationGroup } from "../bundle/manifest/manifest.ts";
import { unsignedBundle } from "../bundle/trust/errors.ts";
import type { ModelRegistry } from "../models/registry.ts";
import type { Sandbox } from "../sandbox/sandbox.ts";
import type { AuditSink } from "../telemetry/audit.ts";
import type {
  AddonService,
  BundleOffer,
  ChangeTerms,
  Installation,
  InstallResult,
  InstallTerms,
  OwnedNavigationGroup,
} from "./addon_service.ts";
import type { BackendCaller } from "./backend/backend.ts";
import type { AddonCatalog } from "./catalog/addon_catalog.ts";
import type { AddonModules } from "./code/addon_modules.ts";
import { transactionTimeoutMs } from "./code/code_limits.ts";
import { InstallationCatalog } from "./code/installation_catalog.ts";
import type { LifeOpener } from "./code/open_function.ts";
import { type CompiledRegistry, noCompiledAddons } from "./compiled/registry.ts";
import { noPreviousVersion, notInstalled, notRegistered } from "./errors.ts";
import { ChangeTurns } from "./install/change_turns.ts";
import { Changer } from "./install/changer.ts";
import {
  candidateOf,
  type CandidateOptions,
  compiledCandidate,
  keptCandidate,
  trustedBundle,
} from "./install/candidate.ts";
import { createCodeRoom } from "./install/code_room.ts";
import { demandRevision, Installer, type InstallerOptions } from "./install/installer.ts";
import type { Candidate } from "./install/order.ts";
import { RunningChanges } from "./install/running_changes.ts";
import type { Switch } from "./install/switch.ts";
import { findInstallation } from "./installation_store.ts";
import { clientManifest, installationOf } from "./installation_view.ts";
import { createLifecycleRunner } from "./lifecycle/runner.ts";
import type { LiveInstallation } from "./live_installations.ts";
import { createNavigation, type Navigation } from "./navigation_view.ts";
import type { InstallationPlan } from "./plan/installation_plan.ts";
import type { AddonTranslations } from "./translations/addon_translations.ts";

/** What the addon service works with. */
export interface AddonServiceOptions
  extends Omit<InstallerOptions, "lifecycle" | "code" | "turns"> {
  readonly registry: ModelRegistry;
  readonly access: AccessService;
  /** Navigation groups of the host application, into which addons put their entries. */
  readonly coreNavigation: readonly NavigationGroup[];
  /** @default titles of the navigation stay as authors wrote them */
  readonly translations?: Pick<AddonTranslations, "translator">;
  readonly modules: AddonModules;
  /** Calls hooks of modules, and closes the breakers of what was upgraded. */
  readonly code: LifeOpener & { renewed(installation: LiveInstallation): Promise<void> };
  readonly sandbox: Pick<Sandbox, "warm" | "retire">;
  /** Stops what an organization runs of an addon; other organizations' calls go on. */
  readonly retireCode: (addonKey: string, organizationId: string) => void;
  /** Is told of the changes that run. @default nobody is */
  readonly changes?: RunningChanges;
  /** Calls webhooks of addons' lives. @default they are not called, which the answer tells */
  readonly backend?: BackendCaller;
  /** Addons of the host application. @default none */
  readonly compiled?: CompiledRegistry;
  /** Where bundles on offer are found. @default nothing but compiled addons is on offer */
  readonly catalog?: Pick<AddonCatalog, "find">;
  readonly audit: AuditSink;
  /** Version that manifests' `kernel` ranges are matched against. */
  readonly kernelContractVersion: string;
}

/**
 * Makes the addon service.
 *
 * @param options what it works with.
 * @returns the service.
 */
export function createAddonService(options: AddonServiceOptions): AddonService {
  return new Addons(options);
}

class Addons implements AddonService {
  readonly #options: AddonServiceOptions;
  readonly #stations: CandidateOptions;
  readonly #compiled: CompiledRegistry;
  readonly #installer: Installer;
  readonly #changer: Changer;
  readonly #changes: RunningChanges;
  readonly #navigation: Navigation;
  readonly #views: InstallationCatalog;

  constructor(options: AddonServiceOptions) {
    this.#options = options;
    const compiled = this.#compiled = options.compiled ?? noCompiledAddons;
    const { database, modules, sandbox, code, logger } = options;
    this.#stations = { ...options, isCompiled: (key) => compiled.find(key) !== undefined };
    const lifecycle = createLifecycleRunner({
      ...options,
      compiled,
      transactionTimeoutMs: transactionTimeoutMs(database.parallelTransactions),
    });
    const room = createCodeRoom({
      sandbox,
      modules,
      resetBreaker: (installation) => code.renewed(installation),
      logger,
    });
    const turns = new ChangeTurns(database.parallelTransactions);
    const parts = { ...options, lifecycle, code: room, turns };
    this.#installer = new Installer(parts);
    this.#changer = new Changer(parts);
    this.#changes = options.changes ?? new RunningChanges();
    this.#navigation = createNavigation(options);
    this.#views = new InstallationCatalog(options.registry);
  }

  async checkInstall(caller: Caller, source: "upload" | "on offer" = "upload"): Promise<void> {
    await this.#options.access.check(caller, "addons.install");
    if (source === "on offer") return;
    const { keys, unsigned } = this.#options.trust;
    // Before a body is read: nothing that it could hold would be taken.
    if (keys.length === 0 && unsigned !== "allow") throw unsignedBundle("none");
  }

  async plan(caller: Caller, offer: BundleOffer): Promise<InstallationPlan> {
    await this.checkInstall(caller);
    const candidate = await candidateOf(this.#stations, offer, () => {});
    return await this.#installer.plan(caller, candidate, "forward");
  }

  async planRollback(caller: Caller, addonKey: string): Promise<InstallationPlan> {
    await this.#options.access.check(caller, "addons.install");
    const candidate = await this.#previous(caller, addonKey, {});
    return await this.#installer.plan(caller, candidate, "back");
  }

  async planRegistered(
    caller: Caller,
    addonKey: string,
    version?: string,
  ): Promise<InstallationPlan> {
    await this.#options.access.check(caller, "addons.install");
    const candidate = await this.#registered(addonKey, version, {});
    return await this.#installer.plan(caller, candidate, "forward");
  }

  async install(
    caller: Caller,
    offer: BundleOffer,
    terms: InstallTerms = {},
  ): Promise<InstallResult> {
    await this.checkInstall(caller);
    const heard = withTamedProgress(terms);
    const candidate = await candidateOf(this.#stations, offer, heard.onProgress);
    return await this.#apply(caller, candidate, "forward", heard);
  }

  async installRegistered(
    caller: Caller,
    addonKey: string,
    version?: string,
    terms: InstallTerms = {},
  ): Promise<InstallResult> {
    await this.#options.access.check(caller, "addons.install");
    const heard = withTamedProgress(terms);
    const candidate = await this.#registered(addonKey, version, heard);
    return await this.#apply(caller, candidate, "forward", heard);
  }

  async rollback(
    caller: Caller,
    addonKey: string,
    terms: InstallTerms = {},
  ): Promise<InstallResult> {
    await this.#options.access.check(caller, "addons.install");
    const heard = withTamedProgress(terms);
    const candidate = await this.#previous(caller, addonKey, heard);
    return await this.#apply(caller, candidate, "back", heard);
  }

  async enable(caller: Caller, addonKey: string, terms: ChangeTerms = {}): Promise<Installation> {
    await this.#options.access.check(caller, "addons.operate");
    await this.#demandTrusted(caller, addonKey);
    return await this.#switch(caller, addonKey, "enable", terms);
  }

  async disable(caller: Caller, addonKey: string, terms: ChangeTerms = {}): Promise<Installation> {
    await this.#options.access.check(caller, "addons.operate");
    return await this.#switch(caller, addonKey, "disable", terms);
  }

  async uninstall(
    caller: Caller,
    addonKey: string,
    data: "keep" | "drop",
    terms: ChangeTerms = {},
  ): Promise<void> {
    await this.#options.access.check(caller, "addons.uninstall");
    await this.#changes.during(() => this.#changer.uninstall(caller, addonKey, data, terms));
  }

  async installation(caller: Caller, addonKey: string): Promise<Installation> {
    return await this.#shown(await this.#find(caller, addonKey));
  }

  async installations(caller: Caller): Promise<readonly Installation[]> {
    const { database, installations } = this.#options;
    const live = await installations.list(database.kysely, caller.organizationId);
    return await Promise.all(live.map((each) => this.#shown(each)));
  }

  async manifests(caller: Caller): Promise<readonly JsonObject[]> {
    // Every page asks for them: they come from what is at hand, as the navigation does.
    const installations = await this.#views.all(caller.organizationId);
    return [...installations.values()].filter(({ row }) => row.status === "enabled")
      .map(clientManifest);
  }

  async navigation(caller: Caller): Promise<readonly OwnedNavigationGroup[]> {
    return await this.#navigation(caller, await this.#views.view(caller.organizationId));
  }

  async #shown(live: LiveInstallation): Promise<Installation> {
    return await installationOf(live, this.#options.trust);
  }

  async #apply(...order: Parameters<Installer["apply"]>): Promise<InstallResult> {
    return await this.#changes.during(() => this.#installer.apply(...order));
  }

  async #switch(
    caller: Caller,
    addonKey: string,
    to: Switch,
    terms: ChangeTerms,
  ): Promise<Installation> {
    return await this.#changes.during(async () => {
      await this.#changer.switch(caller, addonKey, to, terms);
      return await this.#shown(await this.#find(caller, addonKey));
    });
  }

  async #registered(
    addonKey: string,
    version: string | undefined,
    { onProgress }: InstallTerms,
  ): Promise<Candidate> {
    const compiled = this.#compiled.bundleOf(addonKey);
    if (compiled !== undefined) {
      if (version !== undefined && version !== compiled.manifest.version) {
        throw notRegistered(addonKey, version);
      }
      return await compiledCandidate(this.#stations, compiled.archive);
    }
    const { catalog } = this.#options;
    if (catalog === undefined) throw notRegistered(addonKey, version);
    const { archive, signature } = await catalog.find(addonKey, version);
    const offer = {
      archive,
      expectedKey: addonKey,
      ...(signature === undefined ? {} : { signature }),
    };
    return await candidateOf(this.#stations, offer, onProgress ?? (() => {}));
  }

  async #previous(
    { organizationId }: Caller,
    addonKey: string,
    { revision, onProgress }: InstallTerms,
  ): Promise<Candidate> {
    const row = await findInstallation(this.#options.database.kysely, organizationId, addonKey);
    if (row === undefined || row.status === "removed") throw notInstalled(addonKey);
    demandRevision(addonKey, row, revision);
    if (row.previous_digest === null) throw noPreviousVersion(addonKey);
    const kept = { digest: row.previous_digest, addonKey };
    return await keptCandidate(this.#stations, kept, onProgress ?? (() => {}));
  }

  /** What takes part again must be trusted as what comes back is. */
  async #demandTrusted({ organizationId }: Caller, addonKey: string): Promise<void> {
    const row = await findInstallation(this.#options.database.kysely, organizationId, addonKey);
    if (row?.status !== "disabled" || row.bundle_digest === null) return;
    await trustedBundle(this.#stations, { digest: row.bundle_digest, addonKey });
  }

  async #find({ organizationId }: Caller, addonKey: string): Promise<LiveInstallation> {
    const { database, installations } = this.#options;
    const live = await installations.find(database.kysely, organizationId, addonKey);
    if (live === undefined || live.row.status === "removed") throw notInstalled(addonKey);
    return live;
  }
}

/** Whoever listens to the progress, and fails at it, does not fail the change. */
function withTamedProgress(
  terms: InstallTerms,
): InstallTerms & { readonly onProgress: NonNullable<InstallTerms["onProgress"]> } {
  return {
    ...terms,
    onProgress: (progress) => {
      try {
        terms.onProgress?.(progress);
      } catch {
        // It was told.
      }
    },
  };
}

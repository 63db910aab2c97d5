/**
 * The addon service: permission, then the archive, then one transaction, then the news that the
 * catalog has changed. Rules of installing live in `install/`.
 *
 * @module
 */

import type { Caller } from "../base/caller.ts";
import type { Clock } from "../base/clock.ts";
import type { IdSource } from "../base/ids.ts";
import type { JsonObject } from "../base/json.ts";
import type { Logger } from "../telemetry/log.ts";
import type { Database } from "../db/database.ts";
import type { AccessService } from "../access/access_service.ts";
import { loadSqlParser } from "../db/migration_sql/sql_parser.ts";
import { openBundle } from "../bundle/bundle.ts";
import type { Bundle } from "../bundle/bundle.ts";
import type { Manifest, NavigationGroup } from "../bundle/manifest/manifest.ts";
import type { Model } from "../models/model.ts";
import type { ModelRegistry } from "../models/registry.ts";
import { appendAddonEvent } from "./addon_event.ts";
import type {
  AddonService,
  BundleOffer,
  Installation,
  InstallResult,
  OwnedNavigationGroup,
} from "./addon_service.ts";
import { keyMismatch, notInstalled, unsignedRefused } from "./errors.ts";
import type { AddonModules } from "./code/addon_modules.ts";
import { installInTransaction } from "./install/install.ts";
import type { InstallOrder } from "./install/order.ts";
import { makeInstallSecret } from "./install/secret.ts";
import { uninstallInTransaction } from "./install/uninstall.ts";
import { findInstallation, installationOf } from "./installation_store.ts";
import type { LiveInstallations } from "./live_installations.ts";
import { InstallationCatalog } from "./code/installation_catalog.ts";
import { createNavigation, type Navigation } from "./navigation_view.ts";
import type { AddonTranslations } from "./translations/addon_translations.ts";
import { unsupportedParts } from "./unsupported.ts";

/** What the addon service works with. */
export interface AddonServiceOptions {
  readonly database: Database;
  readonly registry: ModelRegistry;
  readonly access: AccessService;
  readonly installations: LiveInstallations;
  readonly hostModels: readonly Model[];
  /** Navigation groups of the host application, into which addons put their entries. */
  readonly coreNavigation: readonly NavigationGroup[];
  /** Translates titles of the navigation. @default they stay as authors wrote them */
  readonly translations?: Pick<AddonTranslations, "translator">;
  /** Whether bundles without a verified signature are admitted. */
  readonly unsignedBundles: "refuse" | "allow";
  readonly modules: AddonModules;
  /** Stops what an organization runs of an addon; other organizations' calls go on. */
  readonly retireCode: (addonKey: string, organizationId: string) => void;
  /** Whether addons may send requests at all, for the install answer. */
  readonly outboundHttp: "on" | "off";
  /** 32 bytes; encrypts install secrets at rest. */
  readonly masterKey: Uint8Array;
  /** Version that manifests' `kernel` ranges are matched against. */
  readonly kernelContractVersion: string;
  readonly clock: Clock;
  readonly ids: IdSource;
  readonly logger: Logger;
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

interface InstallJob {
  readonly caller: Caller;
  readonly bundle: Bundle;
  readonly archive: Uint8Array;
  /** Takes what the installer has to tell. */
  readonly notes: string[];
  readonly code: InstallOrder["code"];
}

class Addons implements AddonService {
  readonly #options: AddonServiceOptions;
  readonly #catalog: InstallationCatalog;
  readonly #navigation: Navigation;

  constructor(options: AddonServiceOptions) {
    this.#options = options;
    this.#catalog = new InstallationCatalog(options.registry);
    this.#navigation = createNavigation(options);
  }

  async checkInstall(caller: Caller): Promise<void> {
    await this.#options.access.check(caller, "addons.install");
    if (this.#options.unsignedBundles === "refuse") throw unsignedRefused();
  }

  async install(caller: Caller, offer: BundleOffer): Promise<InstallResult> {
    const { archive, expectedKey } = offer;
    await this.checkInstall(caller);
    const { kernelContractVersion } = this.#options;
    const bundle = await openBundle(archive, { kernelVersion: kernelContractVersion });
    const { manifest } = bundle;
    if (expectedKey !== undefined && expectedKey !== manifest.key) {
      throw keyMismatch(manifest.key, expectedKey);
    }
    // Loading the parser takes time; inside the transaction others would wait for it.
    if (bundle.migrations.length > 0) await loadSqlParser();
    const module = await this.#options.modules.prepare(bundle);
    const code = module && { id: this.#options.modules.idOf(bundle.digest, manifest), module };
    const notes: string[] = [...module?.warnings ?? []];
    const secret = await this.#installBundle({ caller, bundle, archive, notes, code });
    this.#options.registry.invalidate(caller.organizationId);
    return {
      installation: await this.#installation(caller, manifest),
      installSecret: secret,
      manifest,
      warnings: [
        ...unsupportedParts(manifest, this.#options.outboundHttp),
        ...notes,
      ],
    };
  }

  async #installBundle(job: InstallJob): Promise<string> {
    const { caller, bundle, archive, notes, code } = job;
    const { database, installations, hostModels, masterKey, clock, ids, logger } = this.#options;
    const { organizationId } = caller;
    const secret = await makeInstallSecret(masterKey);
    const at = new Date(clock.nowMs()).toISOString();
    const { key, version } = bundle.manifest;
    await database.schemaTransaction(organizationId, async (tx) => {
      const schema = await installInTransaction(tx, {
        caller,
        bundle,
        archive,
        secret,
        ...(code === undefined ? {} : { code }),
        installationId: ids.next(),
        at,
        note: (note) => notes.push(note),
        modelsInUse: async (tables) => [
          ...hostModels,
          ...(await installations.models(tables, organizationId)).models,
        ],
      });
      await appendAddonEvent(tx, caller, "installed", {
        key,
        version,
        schema,
        id: ids.next(),
        at,
      });
    });
    logger.info("installed an addon", {
      addon: key,
      version,
      digest: bundle.digest,
      organization: organizationId,
      request_id: caller.requestId,
    });
    return secret.text;
  }

  async uninstall(caller: Caller, addonKey: string, data: "keep" | "drop"): Promise<void> {
    const { access, database, registry, clock, ids, logger } = this.#options;
    await access.check(caller, "addons.uninstall");
    const { organizationId } = caller;
    const at = new Date(clock.nowMs()).toISOString();
    await database.schemaTransaction(organizationId, async (tx) => {
      const row = await uninstallInTransaction(tx, { organizationId, addonKey, data, at });
      const { version, schema_name: schema } = row;
      await appendAddonEvent(tx, caller, "uninstalled", {
        key: addonKey,
        version,
        schema,
        id: ids.next(),
        at,
      });
    });
    registry.invalidate(organizationId);
    this.#options.retireCode(addonKey, organizationId);
    logger.info("uninstalled an addon", {
      addon: addonKey,
      data,
      organization: organizationId,
      request_id: caller.requestId,
    });
  }

  async installations(caller: Caller): Promise<readonly Installation[]> {
    return (await this.#live(caller)).map(({ row, manifest }) =>
      installationOf(row, secretSettings(manifest))
    );
  }

  async manifests(caller: Caller): Promise<readonly JsonObject[]> {
    return (await this.#enabled(caller)).map(({ manifest }) => manifest.document);
  }

  async navigation(caller: Caller): Promise<readonly OwnedNavigationGroup[]> {
    return await this.#navigation(caller, await this.#catalog.view(caller.organizationId));
  }

  async #installation(caller: Caller, manifest: Manifest): Promise<Installation> {
    const tables = this.#options.database.kysely;
    const row = await findInstallation(tables, caller.organizationId, manifest.key);
    // Someone else may have taken it out again since.
    if (row === undefined) throw notInstalled(manifest.key);
    return installationOf(row, secretSettings(manifest));
  }

  async #live(caller: Caller) {
    const { database, installations } = this.#options;
    return await installations.list(database.kysely, caller.organizationId);
  }

  async #enabled(caller: Caller) {
    return (await this.#live(caller)).filter(({ row }) => row.status === "enabled");
  }
}

function secretSettings(manifest: Manifest): ReadonlySet<string> {
  return new Set(manifest.settings.filter((setting) => setting.secret).map(({ key }) => key));
}

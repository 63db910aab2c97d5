/**
 * Puts together the life of addons around their code: installing and what it works with, settings,
 * backends, actions, tools, translations, what is on offer.
 *
 * @module
 */

import type { AccessService } from "../access/access_service.ts";
import type { ActionService } from "../addons/actions/action_service.ts";
import { createActionService } from "../addons/actions/service.ts";
import type { AddonService } from "../addons/addon_service.ts";
import type { AddonAssets } from "../addons/assets/addon_assets.ts";
import { createAddonAssets } from "../addons/assets/service.ts";
import type { BackendEvents, SignedCallVerifier } from "../addons/backend/backend.ts";
import { createBackendCaller } from "../addons/backend/caller.ts";
import { createBackendEvents } from "../addons/backend/events.ts";
import { createSignedCallVerifier } from "../addons/backend/verifier.ts";
import type { AddonCatalog, Marketplace } from "../addons/catalog/addon_catalog.ts";
import { createMarketplace } from "../addons/catalog/marketplace.ts";
import { createAddonCatalog } from "../addons/catalog/service.ts";
import { type CompiledRegistry, createCompiledAddons } from "../addons/compiled/registry.ts";
import { upgradeCompiled } from "../addons/compiled/upgrade.ts";
import { createOrganizationValues } from "../addons/extensions/organization_value_service.ts";
import type { OrganizationValues } from "../addons/extensions/organization_values.ts";
import { RunningChanges } from "../addons/install/running_changes.ts";
import { createWriteHooks } from "../addons/lifecycle/write_hooks.ts";
import type { LiveInstallations } from "../addons/live_installations.ts";
import { createAddonService } from "../addons/service.ts";
import type { AddonSettings } from "../addons/settings/addon_settings.ts";
import { createAddonSettings } from "../addons/settings/service.ts";
import { createSubscriptions } from "../addons/subscriptions/service.ts";
import type { Subscriptions } from "../addons/subscriptions/subscriptions.ts";
import { createToolService } from "../addons/tools/service.ts";
import type { ToolService } from "../addons/tools/tool_service.ts";
import type { AddonTranslations } from "../addons/translations/addon_translations.ts";
import { createAddonTranslations } from "../addons/translations/service.ts";
import type { Clock } from "../base/clock.ts";
import type { IdSource } from "../base/ids.ts";
import { KERNEL_CONTRACT_VERSION } from "../bundle/manifest/kernel_range.ts";
import type { TrustPolicy } from "../bundle/trust/trust.ts";
import { checkSignerRole, verifyArchive } from "../bundle/trust/verify.ts";
import type { Database } from "../db/database.ts";
import type { Idempotency } from "../idempotency/idempotency.ts";
import { createIdempotency } from "../idempotency/store.ts";
import { customValidators } from "../models/custom_validators.ts";
import { createMetadataService } from "../models/metadata.ts";
import type { MetadataService } from "../models/metadata_service.ts";
import type { Model } from "../models/model.ts";
import type { ModelRegistry } from "../models/registry.ts";
import type { RecordService } from "../records/record_service.ts";
import { createRecordService } from "../records/service.ts";
import type { Logger } from "../telemetry/log.ts";
import type { CodePlane } from "./code_plane.ts";
import type { KernelOptions } from "./options.ts";

/** What the plane stands on. */
export interface AddonPlaneOptions {
  readonly options: KernelOptions;
  readonly database: Database;
  readonly registry: ModelRegistry;
  readonly access: AccessService;
  readonly installations: LiveInstallations;
  readonly trust: TrustPolicy;
  readonly hostModels: readonly Model[];
  /** What runs addon code. */
  readonly code: CodePlane;
  /** 32 bytes. */
  readonly masterKey: Uint8Array;
  readonly clock: Clock;
  readonly ids: IdSource;
  readonly logger: Logger;
}

/** The life of addons, and the services that addons take part in. */
export interface AddonPlane {
  readonly subscriptions: Subscriptions;
  /** Changes of installations that run. */
  readonly changes: RunningChanges;
  /** Tells that an organization may have new events. */
  readonly changed: (organizationId: string) => void;
  readonly records: RecordService;
  readonly metadata: MetadataService;
  readonly addons: AddonService;
  readonly actions: ActionService;
  readonly tools: ToolService;
  readonly settings: AddonSettings;
  readonly assets: AddonAssets;
  readonly catalog: AddonCatalog;
  readonly marketplace: Marketplace;
  readonly translations: AddonTranslations;
  readonly organizationValues: OrganizationValues;
  readonly signedCalls: SignedCallVerifier;
  readonly backendEvents: BackendEvents;
  readonly idempotency: Idempotency;
}

/**
 * Makes the services, starts the addons of the host application and brings their installations along.
 *
 * @param given what it stands on.
 * @returns the services.
 * @throws {KernelError} addon.invalid_compiled, addon.compiled_boot_failed, addon.requirement_cycle
 */
export async function createAddonPlane(given: AddonPlaneOptions): Promise<AddonPlane> {
  const { options, code: plane, registry, access, database } = given;
  const compiled = await createCompiledAddons(options.addons ?? [], {
    kernelContractVersion: KERNEL_CONTRACT_VERSION,
  });
  await compiled.boot();
  const { code, catalog, settingTexts, audit, host } = plane;
  const { enforcer, egress, metrics } = plane;
  const validators = customValidators(options.validators ?? {});
  const backend = createBackendCaller({ ...given, enforcer, egress, metrics });
  const hooks = createWriteHooks({ code, backend, compiled });
  const subscriptions = createSubscriptions({
    ...given,
    code,
    catalog,
    backend,
    compiled,
    enforcer,
    audit,
  });
  const changed = (organizationId: string) => subscriptions.poke(organizationId);
  const records = createRecordService({ ...given, validators, hooks, written: changed });
  const translations = createAddonTranslations({ ...given, tables: database.kysely, catalog });
  const metadata = createMetadataService({
    registry,
    access,
    translator: (caller) => translations.translator(caller),
  });
  const idempotency = createIdempotency(given);
  const shared = { ...given, records, code, backend, compiled, idempotency };
  const offers = catalogOf(given, compiled);
  const changes = new RunningChanges();
  const addons = createAddonService({
    ...given,
    changes,
    ...ofAddons(given, compiled),
    code,
    backend,
    translations,
    catalog: offers,
  });
  await upgradeCompiled({ database, addons, compiled, audit, logger: given.logger });
  return {
    subscriptions,
    changes,
    changed,
    records,
    metadata,
    addons,
    actions: createActionService(shared),
    tools: createToolService({ ...shared, settings: settingTexts }),
    settings: createAddonSettings({ ...given, catalog, audit }),
    assets: createAddonAssets({ database }),
    catalog: offers,
    // Where outbound HTTP is off, a wish is only noted.
    marketplace: createMarketplace({
      ...given,
      addons,
      ...(options.egress === undefined ? {} : { egress }),
    }),
    translations,
    organizationValues: createOrganizationValues(given),
    signedCalls: createSignedCallVerifier(given),
    backendEvents: createBackendEvents({ catalog, host }),
    idempotency,
  };
}

/** What the addon service is told of this kernel. */
function ofAddons({ options, code: plane }: AddonPlaneOptions, compiled: CompiledRegistry) {
  return {
    modules: plane.modules,
    sandbox: plane.sandbox,
    audit: plane.audit,
    retireCode: (addonKey: string, organizationId: string) =>
      plane.retire(addonKey, organizationId),
    outboundHttp: options.egress === undefined ? "off" as const : "on" as const,
    coreNavigation: options.navigation ?? [],
    validators: new Set(Object.keys(options.validators ?? {})),
    compiled,
    kernelContractVersion: KERNEL_CONTRACT_VERSION,
  };
}

function catalogOf(
  { options, database, trust, clock, logger }: AddonPlaneOptions,
  compiled: CompiledRegistry,
): AddonCatalog {
  return createAddonCatalog({
    database,
    compiled,
    ...(options.catalogDir === undefined ? {} : { dir: options.catalogDir }),
    verify: (archive, signature) => verifyArchive(archive, signature, trust, clock.nowMs()),
    checkSigner: (verified, addonKey) => checkSignerRole(verified, addonKey, trust),
    kernelContractVersion: KERNEL_CONTRACT_VERSION,
    logger,
  });
}

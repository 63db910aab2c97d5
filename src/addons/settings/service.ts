/**
 * Reads and changes the settings of installations, and gives installations new secrets: each change
 * one transaction, that nobody else's change came between.
 *
 * @module
 */

import type { AccessService } from "../../access/access_service.ts";
import type { Caller } from "../../base/caller.ts";
import type { Clock } from "../../base/clock.ts";
import type { IdSource } from "../../base/ids.ts";
import type { Json, JsonObject } from "../../base/json.ts";
import type { SettingDefinition } from "../../bundle/manifest/manifest.ts";
import type { Database } from "../../db/database.ts";
import type { ModelRegistry } from "../../models/registry.ts";
import type { AuditSink } from "../../telemetry/audit.ts";
import { type AddonHappening, appendAddonEvent } from "../addon_event.ts";
import type { InstallationCatalog } from "../code/installation_catalog.ts";
import { notInstalled } from "../errors.ts";
import { makeInstallSecret } from "../install/secret.ts";
import {
  findInstallation,
  type InstallationRow,
  raiseCatalogVersion,
} from "../installation_store.ts";
import type { LiveInstallation } from "../live_installations.ts";
import type { AddonSettings, RotatedSecret, SettingView } from "./addon_settings.ts";
import { applySettings, checkChanges } from "./changes.ts";
import { invalidOverlap, settingsBusy } from "./errors.ts";
import { isSecretSetting } from "./value.ts";

/** What the service is made of. */
export interface AddonSettingsOptions {
  readonly database: Database;
  readonly registry: ModelRegistry;
  readonly access: AccessService;
  readonly catalog: InstallationCatalog;
  readonly audit: AuditSink;
  /** 32 bytes that secrets are sealed under. */
  readonly masterKey: Uint8Array;
  readonly clock: Clock;
  readonly ids: IdSource;
}

/** Longest time for which the secret before holds too: a week. */
const MAX_OVERLAP_SECONDS = 604_800;
/** How often a change is made anew because somebody else's came between. */
const MAX_ATTEMPTS = 5;

/**
 * Makes the service.
 *
 * @param options the rooms below.
 * @returns the service.
 */
export function createAddonSettings(options: AddonSettingsOptions): AddonSettings {
  return new SettingsService(options);
}

/** What a change does to a row, and how it is told. */
interface RowChange {
  readonly columns: Partial<InstallationRow>;
  readonly happening: AddonHappening;
  readonly record: string;
  readonly details: Readonly<Record<string, string | number>>;
}

class SettingsService implements AddonSettings {
  readonly #options: AddonSettingsOptions;

  constructor(options: AddonSettingsOptions) {
    this.#options = options;
  }

  async list(caller: Caller, addonKey: string): Promise<readonly SettingView[]> {
    await this.#options.access.check(caller, "addons.inspect");
    const installation = await this.#find(caller, addonKey);
    const plain = plainValues(installation);
    const sealed = new Set(Object.keys(JSON.parse(installation.row.sealed_settings)));
    return installation.manifest.settings.map((definition) => viewOf(definition, plain, sealed));
  }

  async values(caller: Caller, addonKey: string): Promise<JsonObject> {
    return Object.fromEntries(plainValues(await this.#find(caller, addonKey)));
  }

  async update(caller: Caller, addonKey: string, changes: JsonObject): Promise<JsonObject> {
    const { access, masterKey } = this.#options;
    await access.check(caller, "addons.operate");
    await this.#change(caller, addonKey, async ({ row, manifest }) => {
      const checked = checkChanges(manifest, changes);
      if (checked.size === 0) return undefined;
      // Border: the kernel wrote these texts itself.
      const kept = {
        values: JSON.parse(row.settings) as Record<string, Json>,
        sealed: JSON.parse(row.sealed_settings) as Record<string, string>,
      };
      const place = { organizationId: row.organization_id, addonKey: row.addon_key };
      const after = await applySettings(kept, checked, place, masterKey);
      return {
        columns: {
          settings: JSON.stringify(after.values),
          sealed_settings: JSON.stringify(after.sealed),
        },
        happening: "configured",
        record: "settings.changed",
        details: { keys: [...checked.keys()].map(({ key }) => key).join(", ") },
      };
    });
    return await this.values(caller, addonKey);
  }

  async rotateSecret(
    caller: Caller,
    addonKey: string,
    overlapSeconds = 0,
  ): Promise<RotatedSecret> {
    const { access, clock, masterKey } = this.#options;
    await access.check(caller, "addons.operate");
    const isOverlap = Number.isInteger(overlapSeconds) && overlapSeconds >= 0 &&
      overlapSeconds <= MAX_OVERLAP_SECONDS;
    if (!isOverlap) throw invalidOverlap(MAX_OVERLAP_SECONDS);
    const secret = await makeInstallSecret(masterKey);
    const until = overlapSeconds === 0
      ? null
      : new Date(clock.nowMs() + overlapSeconds * 1000).toISOString();
    let isHeld = false;
    await this.#change(caller, addonKey, ({ row }) => {
      isHeld = until !== null && row.secret_enc !== null;
      return Promise.resolve({
        columns: {
          secret_hash: secret.hash,
          secret_enc: secret.sealed,
          previous_secret_enc: isHeld ? row.secret_enc : null,
          previous_secret_until: isHeld ? until : null,
        },
        happening: "secret_rotated",
        record: "install_secret.rotated",
        details: { overlap_seconds: overlapSeconds },
      });
    });
    return {
      install_secret: secret.text,
      ...(isHeld && until !== null ? { previous_valid_until: until } : {}),
    };
  }

  async #find({ organizationId }: Caller, addonKey: string): Promise<LiveInstallation> {
    const found = (await this.#options.catalog.all(organizationId)).get(addonKey);
    if (found === undefined) throw notInstalled(addonKey);
    return found;
  }

  /** Everything is read and sealed before the transaction; where another change came between, anew. */
  async #change(
    caller: Caller,
    addonKey: string,
    make: (installation: LiveInstallation) => Promise<RowChange | undefined>,
  ): Promise<void> {
    const { registry } = this.#options;
    for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
      const installation = await this.#find(caller, addonKey);
      const change = await make(installation);
      if (change === undefined) return;
      const isMade = await this.#write(caller, installation, change);
      registry.invalidate(caller.organizationId);
      if (isMade) return this.#record(caller, installation, change);
    }
    throw settingsBusy(addonKey);
  }

  async #write(
    caller: Caller,
    { row, manifest }: LiveInstallation,
    change: RowChange,
  ): Promise<boolean> {
    const { database, clock, ids } = this.#options;
    const { organizationId } = caller;
    return await database.transaction(organizationId, async (tx) => {
      await tx.lock(`install:${organizationId}`);
      const standing = await findInstallation(tx.kysely, organizationId, row.addon_key);
      if (standing?.id !== row.id || Number(standing.revision) !== Number(row.revision)) {
        return false;
      }
      const at = new Date(clock.nowMs()).toISOString();
      await tx.kysely.updateTable("installations").set({
        ...change.columns,
        revision: Number(row.revision) + 1,
        updated_at: at,
      }).where("id", "=", row.id).execute();
      await raiseCatalogVersion(tx.kysely, organizationId);
      await appendAddonEvent(tx, caller, change.happening, {
        key: row.addon_key,
        version: manifest.version,
        schema: row.schema_name,
        id: ids.next(),
        at,
      });
      return true;
    });
  }

  #record(caller: Caller, { row }: LiveInstallation, { record, details }: RowChange): void {
    this.#options.audit.record({
      name: record,
      severity: "info",
      organizationId: row.organization_id,
      addonKey: row.addon_key,
      installationId: row.id,
      requestId: caller.requestId,
      ...(caller.kind === "user" ? { actorId: caller.userId } : {}),
      details,
    });
  }
}

/** What is kept of settings that the manifest declares as no secret. */
function plainValues({ row, manifest }: LiveInstallation): ReadonlyMap<string, Json> {
  // Border: the kernel wrote this text itself.
  const values = JSON.parse(row.settings) as Readonly<Record<string, Json>>;
  return new Map(
    manifest.settings
      .filter((definition) => !isSecretSetting(definition) && Object.hasOwn(values, definition.key))
      .map(({ key }) => [key, values[key] ?? null]),
  );
}

function viewOf(
  definition: SettingDefinition,
  plain: ReadonlyMap<string, Json>,
  sealed: ReadonlySet<string>,
): SettingView {
  const { key, label, type, required, options } = definition;
  const secret = isSecretSetting(definition);
  const value = plain.get(key);
  return {
    key,
    label,
    type,
    secret,
    required: required ?? false,
    ...(options === undefined
      ? {}
      : { options: options.map((option) => ({ value: option.value, label: option.label })) }),
    ...(value === undefined ? {} : { value }),
    is_set: secret ? sealed.has(key) : value !== undefined,
  };
}

/**
 * Addons that are installed by writing their rows, for tests of what reads them: extensions,
 * translations, subscriptions. Installing itself is tested elsewhere.
 *
 * @module
 */

import { InstallationCatalog } from "../../src/addons/code/installation_catalog.ts";
import { applyExtensions } from "../../src/addons/extensions/apply_extensions.ts";
import type { ExtensionChanges } from "../../src/addons/extensions/extension_changes.ts";
import { applyChanges } from "../../src/addons/install/apply.ts";
import { planInstall } from "../../src/addons/install/plan.ts";
import { raiseCatalogVersion } from "../../src/addons/installation_store.ts";
import { type LiveInstallation, LiveInstallations } from "../../src/addons/live_installations.ts";
import { type SystemCaller, systemCaller } from "../../src/base/caller.ts";
import { SystemIds } from "../../src/base/ids.ts";
import type { Json, JsonObject } from "../../src/base/json.ts";
import { parseManifest } from "../../src/bundle/mod.ts";
import type { Database } from "../../src/db/database.ts";
import { modelsOf } from "../../src/models/from_definition.ts";
import type { Model } from "../../src/models/model.ts";
import type { ModelRegistry } from "../../src/models/registry.ts";
import { createModelRegistry } from "../../src/models/snapshot_registry.ts";
import { createLogger } from "../../src/telemetry/log.ts";
import type { Insertable } from "kysely";
import type { EventTable } from "../../src/db/tables.ts";
import { TestClock } from "../models/samples.ts";

export const ORG = "0193a000-0000-7000-8000-00000000000a";
export const OTHER_ORG = "0193a000-0000-7000-8000-00000000000b";
const AT = "2026-01-01T00:00:00.000Z";

/** How an addon is put there. */
export interface PutOptions {
  readonly organizationId?: string;
  readonly status?: "enabled" | "disabled" | "removed";
  /** Files of the bundle that are kept. */
  readonly files?: Readonly<Record<string, string>>;
  readonly signature?: string;
}

/** Installed addons. */
export class InstalledWorld {
  readonly clock = new TestClock();
  readonly ids = new SystemIds();
  readonly lines: string[] = [];
  readonly logger = createLogger({
    level: "debug",
    sink: (line: string) => void this.lines.push(line),
    nowMs: () => this.clock.nowMs(),
  });
  readonly installations = new LiveInstallations(this.logger);
  readonly registry: ModelRegistry;
  readonly catalog: InstallationCatalog;
  readonly caller: SystemCaller = systemCaller(ORG, "req");

  constructor(readonly database: Database, readonly hostModels: readonly Model[] = []) {
    this.registry = createModelRegistry({
      load: (organizationId) => this.installations.models(database.kysely, organizationId),
      hostModels,
      clock: this.clock,
    });
    this.catalog = new InstallationCatalog(this.registry);
  }

  /** Makes the organizations, and the tables of the host's models. */
  async start(): Promise<this> {
    for (const id of [ORG, OTHER_ORG]) {
      await this.database.kysely.insertInto("organizations")
        .values({ id, name: "Acme", slug: `acme${id.slice(-1)}`, created_at: AT, updated_at: AT })
        .execute();
    }
    if (this.hostModels.length > 0) await this.#tables("addon_kernel", this.hostModels);
    return this;
  }

  /** Puts an addon there as an install would, in place of another version of it. */
  async put(document: JsonObject, options: PutOptions = {}): Promise<ExtensionChanges> {
    const { organizationId = ORG, status = "enabled", files = {}, signature } = options;
    const text = JSON.stringify({ name: String(document["key"]), version: "1.0.0", ...document });
    const manifest = parseManifest(text);
    const schema = `addon_${manifest.key}`;
    const digest = await digestOf(text);
    await this.#tables(schema, modelsOf(manifest, schema));
    const { kysely } = this.database;
    await kysely.insertInto("bundles").values({
      digest,
      addon_key: manifest.key,
      version: manifest.version,
      manifest: text,
      entries: "{}",
      archive: new Uint8Array(),
      signature: signature ?? null,
      created_at: AT,
    }).onConflict((conflict) => conflict.doNothing()).execute();
    for (const [path, content] of Object.entries(files)) {
      const bytes = new TextEncoder().encode(content);
      await kysely.insertInto("bundle_files").values({ digest, path, sha256: "", bytes }).execute();
    }
    await kysely.deleteFrom("installations").where("organization_id", "=", organizationId)
      .where("addon_key", "=", manifest.key).execute();
    await kysely.insertInto("installations").values({
      id: this.ids.next(),
      organization_id: organizationId,
      addon_key: manifest.key,
      version: manifest.version,
      status,
      source: "bundle",
      isolation: "shared",
      schema_name: schema,
      bundle_digest: digest,
      secret_hash: "",
      secret_enc: null,
      settings: "{}",
      installed_at: new Date(Date.parse(AT) + this.clock.ms++).toISOString(),
      enabled_at: null,
      disabled_at: null,
      updated_at: AT,
    }).execute();
    return await this.#extend(organizationId, manifest.key);
  }

  /** Changes whether an addon takes part. */
  async setStatus(addonKey: string, status: "enabled" | "disabled" | "removed"): Promise<void> {
    await this.database.kysely.updateTable("installations").set({ status })
      .where("organization_id", "=", ORG).where("addon_key", "=", addonKey).execute();
    await this.changed(ORG);
  }

  /** The installation of an addon. */
  async installation(addonKey: string): Promise<LiveInstallation> {
    const found = (await this.catalog.all(ORG)).get(addonKey);
    if (found === undefined) throw new Error(`${addonKey} is not installed`);
    return found;
  }

  /** A live model of the organization. */
  async model(name: string, organizationId = ORG): Promise<Model | undefined> {
    return (await this.registry.snapshot(organizationId)).find(name);
  }

  /** Appends an event. @returns its sequence */
  async emit(name: string, payload: Json = {}, organizationId = ORG): Promise<void> {
    await this.database.kysely.insertInto("events").values(
      eventRow(this.ids, name, payload, organizationId),
    )
      .execute();
  }

  /** Declared models of the host and of every installation. */
  async declared(organizationId = ORG): Promise<Model[]> {
    const list = await this.installations.list(this.database.kysely, organizationId);
    return [
      ...this.hostModels,
      ...list.flatMap(({ manifest, row }) => modelsOf(manifest, row.schema_name)),
    ];
  }

  async changed(organizationId: string): Promise<void> {
    await raiseCatalogVersion(this.database.kysely, organizationId);
    this.registry.invalidate(organizationId);
  }

  async #extend(organizationId: string, addonKey: string): Promise<ExtensionChanges> {
    const list = await this.installations.list(this.database.kysely, organizationId);
    const enabled = list.filter(({ row }) => row.status === "enabled")
      .map(({ manifest }) => manifest);
    const models = await this.declared(organizationId);
    const changes = await this.database.schemaTransaction(
      organizationId,
      (tx) => applyExtensions(tx, { organizationId, addonKey, models, enabled, tables: "locked" }),
    );
    await this.changed(organizationId);
    return changes;
  }

  async #tables(schema: string, models: readonly Model[]): Promise<void> {
    await this.database.schemaTransaction(null, async (tx) => {
      const current = await tx.profile.introspect(tx, schema);
      const plan = planInstall({ schema, current, migrations: [], models });
      await applyChanges(tx, current, plan.changes);
    });
  }
}

/** An event as a row. */
export function eventRow(
  ids: SystemIds,
  name: string,
  payload: Json,
  organizationId = ORG,
): Insertable<EventTable> {
  return {
    id: ids.next(),
    organization_id: organizationId,
    name,
    addon_key: name.split(".")[0] ?? "",
    model: name.split(".")[1] ?? "",
    table_name: "",
    record_id: null,
    payload: JSON.stringify(payload),
    actor_id: null,
    request_id: "req",
    created_at: AT,
  };
}

async function digestOf(text: string): Promise<string> {
  const hash = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text));
  return new Uint8Array(hash).toHex();
}

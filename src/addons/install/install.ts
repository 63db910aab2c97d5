/**
 * Brings one bundle to one organization, as an install, an upgrade or a step back: everything in one
 * transaction, or nothing. What has to be loaded was loaded before; this file puts the stations in
 * order.
 *
 * @module
 */

import type { Transaction } from "../../db/database.ts";
import type { Model } from "../../models/model.ts";
import { modelsOf } from "../../models/from_definition.ts";
import type { Manifest } from "../../bundle/manifest/manifest.ts";
import { extensionSchemas } from "../extensions/extension_changes.ts";
import { applyExtensions } from "../extensions/apply_extensions.ts";
import { hearsEvents, placeCursor } from "../subscriptions/cursor_store.ts";
import { keepBundleFiles } from "../assets/store.ts";
import { keepPrepared } from "../code/prepared_store.ts";
import { changedMeanwhile } from "../errors.ts";
import {
  dropUnusedBundles,
  findInstallation,
  type InstallationRow,
  isBundleRun,
  keepBundle,
  raiseCatalogVersion,
} from "../installation_store.ts";
import type { LiveInstallation, LiveInstallations } from "../live_installations.ts";
import { rememberVersion, signerOf } from "../trust/version_memory.ts";
import { applyChanges, touchedTables } from "./apply.ts";
import type { PlanMaterial } from "../plan/plan_material.ts";
import type { SchemaChange, TableName } from "../../db/schema/spec.ts";
import { decide } from "./decide.ts";
import { gatherMaterial } from "./gather.ts";
import { writeRow } from "./installation_row.ts";
import type { ChangeOrder } from "./order.ts";

/** What the transaction works with beside the order. */
export interface InstallSurroundings {
  readonly hostModels: readonly Model[];
  readonly installations: LiveInstallations;
  /** The installation as it stands, also a removed one. */
  readonly before?: LiveInstallation;
  /** What is told of the bundle in any case. */
  readonly warnings: readonly string[];
  /** Runs the hooks of the change. */
  readonly hooks: (tx: Transaction) => Promise<void>;
}

/** What a change did, beside what the order says. */
export interface InstallOutcome {
  readonly warnings: readonly string[];
  /** Bundle whose code nobody runs any more; absent where there is none. */
  readonly retiredDigest?: string;
}

/**
 * Makes the change inside a transaction that may change schemas.
 *
 * @param tx the transaction.
 * @param order what comes, for whom.
 * @param around what it works with.
 * @returns what is to be told, and what is to be done after the commit.
 * @throws {KernelError} addon.*, schema.* — naming what stands in the way.
 */
export async function installInTransaction(
  tx: Transaction,
  order: ChangeOrder,
  around: InstallSurroundings,
): Promise<InstallOutcome> {
  const { candidate, after, operation, before, at, terms } = order;
  const { bundle } = candidate;
  const { key } = bundle.manifest;
  const { organizationId } = order.caller;
  const schema = after.row.schema_name;
  const { manifest } = bundle;
  await lockInstallation(tx, { ...around, organizationId, schema, addonKey: key, manifest });
  await demandUnchanged(tx, organizationId, key, before);
  tell(order, "plan");
  const material = await gatherMaterial(tx, {
    organizationId,
    candidate,
    direction: operation === "rollback" ? "back" : "forward",
    ...(around.before === undefined ? {} : { before: around.before }),
    schema,
    terms,
    hostModels: around.hostModels,
    installations: around.installations,
    warnings: around.warnings,
  });
  const { changes, accepted, warnings } = await decide(material, terms);
  await tx.lockTables(tablesToLock(material, changes));
  let done = 0;
  await applyChanges(tx, material.current, changes, (description) => {
    tell(order, "migrate", `${++done} of ${changes.length}: ${description}`);
  });
  await recordMigrations(tx, order, schema);
  await keepBundle(tx.kysely, candidate, at);
  await keepBundleFiles(tx.kysely, bundle);
  if (candidate.code !== undefined) {
    const { id, module } = candidate.code;
    await keepPrepared(tx.kysely, id, bundle.digest, module, at);
  }
  await writeRow(
    tx,
    { ...after.row, accepted_capabilities: JSON.stringify(accepted) },
    before,
  );
  const extended = await extend(tx, key, organizationId, { ...around, tables: "locked" });
  if (hearsEvents(bundle.manifest)) {
    // Whoever comes hears of what happens from now on, whoever changes goes on where it was.
    const standing = before === undefined || before.status === "removed" ? "move" : "keep";
    await placeCursor(tx.kysely, { organizationId, addonKey: key }, at, standing);
  }
  const signer = signerOf(candidate.signature, organizationId);
  if (candidate.source === "bundle") {
    const { version } = bundle.manifest;
    await rememberVersion(tx.kysely, { addonKey: key, version, digest: bundle.digest, signer, at });
  }
  tell(order, "hooks");
  await around.hooks(tx);
  // What was removed runs nowhere any more; what was just left may still be called.
  await dropUnusedBundles(tx.kysely, key, at, operation === "install" ? "now" : "later");
  await raiseCatalogVersion(tx.kysely, organizationId);
  const left = before?.bundle_digest ?? bundle.digest;
  const isLeft = left !== bundle.digest && !await isBundleRun(tx.kysely, left);
  return {
    warnings: [...warnings, ...extended],
    ...(isLeft ? { retiredDigest: left } : {}),
  };
}

function tablesToLock(material: PlanMaterial, changes: readonly SchemaChange[]): TableName[] {
  const own = touchedTables(material.current, changes);
  const foreign = (material.foreignTables ?? []).flatMap(({ current, changes }) =>
    touchedTables(current, changes)
  );
  // Those of the addon itself are told as they will be: there they may not stand yet.
  const standing = foreign.filter(({ schema, table }) =>
    schema !== material.schema || material.current.has(table)
  );
  const named = [...own, ...standing].map((name) =>
    [`${name.schema}.${name.table}`, name] as const
  );
  return [...new Map(named).values()];
}

/** What a change of an installation takes part in. */
export interface ConcernedInstallation
  extends Pick<InstallSurroundings, "hostModels" | "installations"> {
  readonly organizationId: string;
  /** Physical schema of its tables. */
  readonly schema: string;
  /** The addon, whose kept bundles nobody else drops meanwhile. */
  readonly addonKey: string;
  /** As it will be; absent where it cannot be read. */
  readonly manifest?: Manifest;
}

/**
 * Waits for the right to change an installation: the organization first, then every schema that the
 * change may touch, those of extended models among them, in the order of their names, then the addon's
 * bundles. Two changes always wait in the same order.
 *
 * @param tx the transaction; the right ends with it.
 * @param concerned what is changed.
 */
export async function lockInstallation(
  tx: Transaction,
  concerned: ConcernedInstallation,
): Promise<void> {
  const { organizationId, schema, addonKey } = concerned;
  await tx.lock(`install:${organizationId}`);
  const extended = await extendedSchemas(tx, concerned);
  for (const name of [...new Set([schema, ...extended])].sort()) await tx.lock(`install:${name}`);
  await tx.lock(`bundle:${addonKey}`);
}

/** While the organization is locked, nobody else changes who extends whom in it. */
async function extendedSchemas(
  tx: Transaction,
  { organizationId, addonKey, manifest, schema, hostModels, installations }: ConcernedInstallation,
): Promise<string[]> {
  const others = (await installations.list(tx.kysely, organizationId))
    .filter(({ row }) => row.addon_key !== addonKey);
  const own = manifest === undefined ? [] : [manifest];
  const enabled = others.filter(({ row }) => row.status === "enabled");
  return extensionSchemas({
    addonKey,
    models: [
      ...hostModels,
      ...others.flatMap((each) => modelsOf(each.manifest, each.row.schema_name)),
      ...own.flatMap((each) => modelsOf(each, schema)),
    ],
    enabled: [...enabled.map((each) => each.manifest), ...own],
  });
}

/**
 * Demands that an installation is still as it was looked at.
 *
 * @param tx the transaction; the organization is locked.
 * @param organizationId whose.
 * @param addonKey the addon.
 * @param before the row as it was looked at.
 * @throws {KernelError} addon.changed_meanwhile
 */
export async function demandUnchanged(
  tx: Transaction,
  organizationId: string,
  addonKey: string,
  before: InstallationRow | undefined,
): Promise<void> {
  const now = await findInstallation(tx.kysely, organizationId, addonKey);
  const [expected, actual] = [Number(before?.revision ?? 0), Number(now?.revision ?? 0)];
  if (now?.id === before?.id && expected === actual) return;
  throw changedMeanwhile(addonKey, expected, actual);
}

function tell(
  { terms }: ChangeOrder,
  station: "plan" | "migrate" | "hooks",
  detail?: string,
): void {
  terms.onProgress?.({ station, ...(detail === undefined ? {} : { detail }) });
}

async function recordMigrations(
  tx: Transaction,
  { candidate, at, operation }: ChangeOrder,
  schema: string,
): Promise<void> {
  const { manifest, migrations } = candidate.bundle;
  // The way back applies none.
  if (migrations.length === 0 || operation === "rollback") return;
  const rows = migrations.map((migration) => ({
    schema_name: schema,
    addon_key: manifest.key,
    version: migration.version,
    checksum: migration.checksum,
    applied_at: at,
  }));
  await tx.kysely.insertInto("addon_migrations").values(rows)
    .onConflict((conflict) => conflict.doNothing()).execute();
}

/** What extending works with. */
export interface ExtendSurroundings
  extends Pick<InstallSurroundings, "hostModels" | "installations"> {
  readonly tables: "locked" | "not locked yet";
}

/**
 * Puts the columns of extensions on tables, those that the addon brings and those that wait for it.
 *
 * @param tx the transaction; the row of the addon is as it will be.
 * @param addonKey the addon that comes, changes or is enabled.
 * @param organizationId whose.
 * @param around models of the host, the reader of installations, and whether the tables are locked.
 * @returns what is to be told.
 */
export async function extend(
  tx: Transaction,
  addonKey: string,
  organizationId: string,
  { hostModels, installations, tables }: ExtendSurroundings,
): Promise<readonly string[]> {
  const live = await installations.list(tx.kysely, organizationId);
  const { warnings } = await applyExtensions(tx, {
    organizationId,
    addonKey,
    tables,
    models: [
      ...hostModels,
      ...live.flatMap(({ row, manifest }) => modelsOf(manifest, row.schema_name)),
    ],
    enabled: live.filter(({ row }) => row.status === "enabled").map(({ manifest }) => manifest),
  });
  return warnings;
}

/**
 * Gathers what a plan is made from: the tables as they stand, the migrations that are missing, the
 * other addons of the organization. It reads and admits, decides nothing and changes nothing; inside
 * the transaction of a change it is done again under its locks.
 *
 * @module
 */

import { isKernelError, type KernelError } from "../../base/error.ts";
import type { Json } from "../../base/json.ts";
import type { Transaction } from "../../db/database.ts";
import { admitMigration } from "../../db/migration_sql/admit.ts";
import { applyChange } from "../../db/schema/apply.ts";
import { completeChange } from "../../db/schema/complete.ts";
import type { SchemaChange, SchemaState } from "../../db/schema/spec.ts";
import type { PreparedModule } from "../../sandbox/module/prepare.ts";
import { modelsOf } from "../../models/from_definition.ts";
import type { Model } from "../../models/model.ts";
import type { InstallTerms } from "../addon_service.ts";
import { migrationChanged } from "../errors.ts";
import {
  appliedMigrations,
  type InstallationRow,
  installationsOfSchema,
} from "../installation_store.ts";
import { statusOf } from "../installation_view.ts";
import type { LiveInstallation, LiveInstallations } from "../live_installations.ts";
import { schemasInUse } from "../extensions/apply_extensions.ts";
import { extensionChanges, extensionSchemas } from "../extensions/extension_changes.ts";
import { migratedShape } from "../plan/migrated_shape.ts";
import type {
  ForeignTables,
  OtherInstallation,
  PendingMigration,
  PlanMaterial,
  StandingInstallation,
} from "../plan/plan_material.ts";
import { planTables } from "../plan/table_plan.ts";
import { checkSeen, signerOf } from "../trust/version_memory.ts";
import type { Candidate } from "./order.ts";
import { stateOf } from "./transitions.ts";

/** What is gathered for. */
export interface GatherOrder {
  readonly organizationId: string;
  readonly candidate: Candidate;
  readonly direction: "forward" | "back";
  /** The installation as it stands, also a removed one. */
  readonly before?: LiveInstallation;
  /** Physical schema of the candidate's tables. */
  readonly schema: string;
  readonly terms: Pick<InstallTerms, "downgrade" | "settings">;
  readonly hostModels: readonly Model[];
  readonly installations: LiveInstallations;
  /** What is told beside the migrations' own notes. */
  readonly warnings: readonly string[];
}

/**
 * Gathers the material.
 *
 * @param tx a transaction of the organization.
 * @param order what for.
 * @returns the material; refusals that were met on the way are among its obstacles.
 */
export async function gatherMaterial(tx: Transaction, order: GatherOrder): Promise<PlanMaterial> {
  const { organizationId, candidate, direction, before, schema, terms } = order;
  const { manifest, digest } = candidate.bundle;
  const notes = new Notes(order.warnings);
  const current = await tx.profile.introspect(tx, schema);
  const migrations = direction === "back" ? [] : await pendingMigrations(tx, order, current, notes);
  const live = await order.installations.list(tx.kysely, organizationId);
  const others = live.filter(({ row }) => row.addon_key !== manifest.key);
  const signer = signerOf(candidate.signature, organizationId);
  const { key: addonKey, version } = manifest;
  const seen = await checkSeen(tx.kysely, { addonKey, version, digest, signer });
  const neighbours = (await installationsOfSchema(tx.kysely, schema))
    .filter((row) => row.organization_id !== organizationId);
  const own = modelsOf(manifest, schema);
  const shape = direction === "back"
    ? await migratedShape(candidate.bundle.migrations, { schema, addonKey: manifest.key })
    : undefined;
  const material: PlanMaterial = {
    direction,
    ...(before === undefined ? {} : {
      before: before.manifest,
      standing: standingOf(before.row),
      modelsBefore: modelsOf(before.manifest, before.row.schema_name),
    }),
    settingsGiven: settingsGiven(before, terms),
    after: manifest,
    digest,
    signature: candidate.source === "compiled"
      ? { status: "compiled" }
      : statusOf(candidate.signature),
    ...(seen === undefined ? {} : { seen }),
    ...(terms.downgrade === undefined ? {} : { downgrade: terms.downgrade }),
    schema,
    current,
    migrations,
    modelsAfter: own,
    ...(shape === undefined ? {} : { migratedShape: shape }),
    modelsInUse: [
      ...order.hostModels,
      ...live.flatMap(({ row, manifest }) => modelsOf(manifest, row.schema_name)),
    ],
    neighbours: neighbours.map(({ version, bundle_digest }) => ({
      version,
      ...(bundle_digest === null ? {} : { digest: bundle_digest }),
    })),
    installations: others.map(otherOf),
    ...(candidate.code === undefined ? {} : { module: moduleReport(candidate.code.module) }),
    warnings: notes.warnings,
    obstacles: notes.obstacles,
  };
  const foreignTables = await gatherForeign(tx, order, { material, others, notes });
  return foreignTables.length === 0 ? material : { ...material, foreignTables };
}

/** What the change does to tables of other addons; what it does to its own ones comes first. */
async function gatherForeign(
  tx: Transaction,
  { organizationId, candidate, before, hostModels }: GatherOrder,
  { material, others, notes }: {
    readonly material: PlanMaterial;
    readonly others: readonly LiveInstallation[];
    readonly notes: Notes;
  },
): Promise<ForeignTables[]> {
  const { manifest } = candidate.bundle;
  const enabled = others.filter(({ row }) => row.status === "enabled").map((each) => each.manifest);
  if ([manifest, ...enabled].every(({ extensions }) => extensions.length === 0)) return [];
  const order = {
    addonKey: manifest.key,
    models: [
      ...hostModels,
      ...others.flatMap((each) => modelsOf(each.manifest, each.row.schema_name)),
      ...material.modelsAfter,
    ],
    enabled: before?.row.status === "disabled" ? enabled : [...enabled, manifest],
  };
  try {
    const states = new Map<string, SchemaState>();
    const schemas = extensionSchemas(order);
    for (const name of schemas) {
      const isOwn = name === material.schema;
      states.set(name, isOwn ? planTables(material).result : await tx.profile.introspect(tx, name));
    }
    const inUse = await schemasInUse(tx.kysely, schemas, organizationId);
    const { bySchema, warnings } = extensionChanges(order, states, inUse);
    notes.warnings.push(...warnings);
    return [...bySchema].filter(([, changes]) => changes.length > 0).map(([name, changes]) => ({
      current: states.get(name) ?? new Map(),
      changes,
      source: "extensions",
    }));
  } catch (thrown) {
    if (!isKernelError(thrown)) throw thrown;
    notes.obstacles.push(thrown);
    return [];
  }
}

/**
 * Shows an installation as plans know it.
 *
 * @param live the installation.
 * @returns the same for plans.
 */
export function otherOf({ row, manifest }: LiveInstallation): OtherInstallation {
  return {
    key: row.addon_key,
    version: row.version,
    status: row.status === "enabled" ? "enabled" : "disabled",
    manifest,
  };
}

/** What comes up on the way. */
class Notes {
  readonly warnings: string[];
  readonly obstacles: KernelError[] = [];

  constructor(warnings: readonly string[]) {
    this.warnings = [...warnings];
  }
}

async function pendingMigrations(
  tx: Transaction,
  { candidate, schema }: GatherOrder,
  current: SchemaState,
  notes: Notes,
): Promise<PendingMigration[]> {
  const { manifest, migrations } = candidate.bundle;
  const applied = await appliedMigrations(tx.kysely, schema, manifest.key);
  const pending: PendingMigration[] = [];
  let state = current;
  for (const { version, path, sql, checksum } of migrations) {
    const recorded = applied.get(version);
    if (recorded === checksum) continue;
    if (recorded !== undefined) {
      notes.obstacles.push(migrationChanged(manifest.key, version, recorded, checksum));
      continue;
    }
    try {
      const admitted = await admitMigration(sql, {
        schema,
        addonKey: manifest.key,
        file: path,
        state,
        note: (note) => notes.warnings.push(note),
      });
      const changes: SchemaChange[] = [];
      for (const change of admitted) {
        const completed = completeChange(change);
        changes.push(completed);
        state = applyChange(state, completed);
      }
      pending.push({ version, path, changes });
    } catch (thrown) {
      if (!isKernelError(thrown)) throw thrown;
      notes.obstacles.push(thrown);
      // What comes after it was written for what it would have made.
      return pending;
    }
  }
  return pending;
}

/**
 * Shows the row of the addon that a plan is about as plans know it.
 *
 * @param row the row, also of a removed one.
 * @returns the same for plans.
 */
export function standingOf(row: InstallationRow): StandingInstallation {
  const state = stateOf(row);
  const digest = row.bundle_digest;
  if (state === "absent") throw new TypeError("An installation without a row stands nowhere.");
  return {
    version: row.version,
    ...(digest === null ? {} : { digest }),
    revision: Number(row.revision),
    status: state,
    schema: row.schema_name,
    isolation: row.isolation,
    // Border: the kernel wrote this text itself.
    acceptedCapabilities: JSON.parse(row.accepted_capabilities) as string[],
  };
}

function settingsGiven(
  before: LiveInstallation | undefined,
  { settings }: Pick<InstallTerms, "settings">,
): ReadonlySet<string> {
  const kept = before === undefined ? [] : [before.row.settings, before.row.sealed_settings];
  const keys = kept.flatMap((text) => Object.keys(JSON.parse(text)));
  return new Set([...keys, ...Object.keys(settings ?? {})]);
}

function moduleReport(module: PreparedModule): Readonly<Record<string, Json>> {
  return {
    abi: module.abi,
    level: module.level,
    sha256: module.sha256,
    memory_limit_bytes: module.memoryLimitBytes,
    imports: module.imports.map(({ module, name }) => `${module}.${name}`),
    functions: Object.keys(module.entryPoints),
    warnings: [...module.warnings],
  };
}

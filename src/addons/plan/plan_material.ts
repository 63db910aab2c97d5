/**
 * What a plan is made from: plain values that the caller has gathered. Nothing here reads a database;
 * gathered once outside and once inside the transaction, equal material gives an equal plan hash.
 *
 * @module
 */

import type { KernelError } from "../../base/error.ts";
import type { Json } from "../../base/json.ts";
import type { Manifest } from "../../bundle/manifest/manifest.ts";
import type { SchemaChange, SchemaState } from "../../db/schema/spec.ts";
import type { Model } from "../../models/model.ts";
import type { SeenBefore } from "../trust/version_memory.ts";
import type { DataAtRisk, SignatureStatus } from "./installation_plan.ts";

/** The installation's row, where there is one, also of a removed addon that has kept its data. */
export interface StandingInstallation {
  readonly version: string;
  /** SHA-256 of its bundle, hex; absent where the bundle is not kept. */
  readonly digest?: string;
  readonly revision: number;
  readonly status: "enabled" | "disabled" | "removed";
  /** Physical schema of its tables. */
  readonly schema: string;
  /** How its tables are kept apart. */
  readonly isolation: string;
  /** What was accepted, each as `<kind> <target>`. */
  readonly acceptedCapabilities: readonly string[];
}

/** A migration that was not applied yet, admitted and completed. */
export interface PendingMigration {
  /** Its version, the name it is recorded under. */
  readonly version: string;
  /** Path of its file in the bundle. */
  readonly path: string;
  readonly changes: readonly SchemaChange[];
}

/** Another addon of the same organization. */
export interface OtherInstallation {
  readonly key: string;
  readonly version: string;
  readonly status: "enabled" | "disabled" | "removed";
  /** What its manifest says that it needs. */
  readonly manifest: Pick<Manifest, "generation" | "requires">;
}

/** Whoever else has tables in the same schema. */
export interface SchemaNeighbour {
  readonly version: string;
  readonly digest?: string;
}

/** Changes to the tables of another addon, which this one extends. */
export interface ForeignTables {
  /** What their schema holds before. */
  readonly current: SchemaState;
  readonly changes: readonly SchemaChange[];
  /** Where they come from, such as `extensions[0]`. */
  readonly source: string;
}

/** The material of a plan. */
export interface PlanMaterial {
  /** Whether a bundle is offered, or the version before the last upgrade comes back. */
  readonly direction: "forward" | "back";
  /** Manifest of the installation that stands; absent where none does or it is not known. */
  readonly before?: Manifest;
  /** Manifest of what is offered. */
  readonly after: Manifest;
  /** SHA-256 of the offered bundle, hex. */
  readonly digest: string;
  readonly signature: SignatureStatus;
  readonly standing?: StandingInstallation;
  /** What the memory of the same signer's versions holds against the offered one. */
  readonly seen?: SeenBefore;
  /** What the operator says about lower versions. @default "refuse" */
  readonly downgrade?: "refuse" | "allow";
  /** Physical schema of the offered bundle's tables. */
  readonly schema: string;
  /** What that schema holds now; empty when it does not exist. */
  readonly current: SchemaState;
  /** Migrations in their order; none where `direction` is `back`. */
  readonly migrations: readonly PendingMigration[];
  /** Models of `before` in `schema`. @default none */
  readonly modelsBefore?: readonly Model[];
  /** Models of `after`, without what others put on them. */
  readonly modelsAfter: readonly Model[];
  /**
   * Where `direction` is `back`: the tables that the migrations of `after` make, of
   * `migratedShape`. @default none are known
   */
  readonly migratedShape?: SchemaState;
  /** Models that the organization already has, whoever owns them. */
  readonly modelsInUse: readonly Model[];
  /** Installations of other organizations with tables in `schema`. */
  readonly neighbours: readonly SchemaNeighbour[];
  /** The other addons of the organization. */
  readonly installations: readonly OtherInstallation[];
  /** Changes to other addons' tables. @default none */
  readonly foreignTables?: readonly ForeignTables[];
  /** Keys of settings that have a value already. @default none */
  readonly settingsGiven?: ReadonlySet<string>;
  /** Answers to what `risksOf` asked; they are told and do not count for the hash. @default none */
  readonly dataAtRisk?: readonly DataAtRisk[];
  /** What was found in the module. */
  readonly module?: Readonly<Record<string, Json>>;
  /** Statements left out, parts of the manifest without effect, and the like. */
  readonly warnings: readonly string[];
  /** Why the material could not be gathered whole: migrations refused, code refused, and the like. */
  readonly obstacles: readonly KernelError[];
}

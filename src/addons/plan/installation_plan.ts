/**
 * What installing, upgrading or rolling back would do, as a value that people and programs read
 * before it is done. Names are those of the wire. Making it changes nothing.
 *
 * @module
 */

import type { Json } from "../../base/json.ts";

/** What the plan leads to. */
export type PlanOperation =
  /** The addon is not installed, or was removed and comes back. */
  | "install"
  /** A higher version takes the place of a lower one. */
  | "upgrade"
  /** A lower version does, which the operator has asked for by word. */
  | "downgrade"
  /** The version before the last upgrade comes back. */
  | "rollback"
  /** The very same bundle again: only the secret is new. */
  | "reinstall";

/** One change to the tables. */
export interface PlannedChange {
  /** Logical name of the table; absent where the change is about the schema. */
  readonly table?: string;
  /** Such as `add column "priority" text to "tickets"`. */
  readonly description: string;
  /** The statements of each engine, whichever runs here. */
  readonly sql: { readonly postgres: readonly string[]; readonly sqlite: readonly string[] };
  /** What it holds up meanwhile, of each engine: `none`, `writes` or `everything` on the table. */
  readonly locks: { readonly postgres: LockLevel; readonly sqlite: LockLevel };
  /** Whether every row is written anew, of each engine. */
  readonly rewrites: { readonly postgres: boolean; readonly sqlite: boolean };
  /** Whether it takes data away. */
  readonly destructive: boolean;
  /** Where it comes from: a migration's file, or the declared models. */
  readonly source: string;
}

/** What others cannot do to a table while a change is made. */
export type LockLevel = "none" | "writes" | "everything";

/** Rows that a change would lose or alter. */
export interface DataAtRisk {
  /** Logical name of the table. */
  readonly table: string;
  /** The column, where it is one. */
  readonly column?: string;
  /** Rows of this organization in which there is something to lose. */
  readonly rows: number;
  /** Why. */
  readonly reason: string;
}

/** A right of an addon as plans and acceptances name it. */
export interface PlannedCapability {
  /** Such as `db:read`, `http:fetch`, or `backend:call` for hosts that the manifest names itself. */
  readonly kind: string;
  /** On what. */
  readonly target: string;
  /** Why, in the author's words. */
  readonly reason?: string;
}

/** Another addon that this one needs. */
export interface PlannedRequirement {
  /** Key of the addon. */
  readonly key: string;
  /** Range of versions; absent takes any. */
  readonly range?: string;
  /** Whether it works without. */
  readonly optional: boolean;
  /** Version that is installed; absent where none is. */
  readonly installed?: string;
  /** `unknown`: any version is taken and none is there, which is only told. */
  readonly state: "satisfied" | "missing" | "disabled" | "version_mismatch" | "unknown";
  /** Why. */
  readonly reason?: string;
}

/** The plan. */
export interface InstallationPlan {
  /** What it leads to. */
  readonly operation: PlanOperation;
  /** Key of the addon. */
  readonly addon_key: string;
  /** Name of the addon for people. */
  readonly name: string;
  /** Version that is installed now; absent on a first install. */
  readonly from_version?: string;
  /** Version that would be installed. */
  readonly to_version: string;
  /** SHA-256 of the bundle, hex. */
  readonly digest: string;
  /** Who signed the bundle. */
  readonly signature: SignatureStatus;
  /** Revision of the installation that the plan was made on; 0 where there is none. */
  readonly revision: number;
  /** Physical schema of the tables. */
  readonly schema: string;
  /** Changes to the tables, in order. */
  readonly changes: readonly PlannedChange[];
  /** Migrations that would be applied, by version. */
  readonly migrations: readonly string[];
  /** Rows that changes would lose or alter. */
  readonly data_at_risk: readonly DataAtRisk[];
  /** Rights compared with those that were accepted. */
  readonly capabilities: {
    readonly added: readonly PlannedCapability[];
    readonly removed: readonly PlannedCapability[];
    readonly kept: readonly PlannedCapability[];
  };
  /** Models compared with those of the installed version. */
  readonly models: {
    readonly added: readonly string[];
    readonly changed: readonly string[];
    readonly removed: readonly string[];
  };
  /** Routes that the models, actions and frontend answer on. */
  readonly routes: readonly string[];
  /** Entries that it puts into the navigation. */
  readonly navigation: readonly { readonly title: string; readonly url?: string }[];
  /** Settings that need a value before the addon works. */
  readonly settings_needed: readonly { readonly key: string; readonly label: string }[];
  /** Addons that it needs. */
  readonly requirements: readonly PlannedRequirement[];
  /** Addons of this organization that need this one. */
  readonly dependents: readonly PlannedRequirement[];
  /** Models of others that it puts columns on. */
  readonly extends: readonly { readonly model: string; readonly columns: readonly string[] }[];
  /** What was found in the module; absent without code. */
  readonly module?: Readonly<Record<string, Json>>;
  /** Parts of the manifest that have no effect here, statements left out, and the like. */
  readonly warnings: readonly string[];
  /** Why it would be refused as it stands, each with its error code; empty when it would not be. */
  readonly obstacles: readonly { readonly code: string; readonly message: string }[];
  /** Names what the plan does: applying may demand it. SHA-256, hex. */
  readonly plan_hash: string;
}

/** What is known of a bundle's signature. */
export interface SignatureStatus {
  /** Whether a trusted key signed it; `compiled`: the host application brings it. */
  readonly status: "verified" | "unsigned" | "compiled";
  /**
   * Of an installation: `false` where the key that signed is not trusted any more (removed, revoked,
   * not for this addon). It goes on running until somebody disables it; nothing brings it back then.
   * Absent otherwise.
   */
  readonly trusted?: false;
  /** Id of the key that signed. */
  readonly key_id?: string;
  /** What the key may sign. */
  readonly role?: string;
  /** Who signed, as the signer says. */
  readonly developer?: string;
  /** When it was signed, as the signer says, RFC 3339. */
  readonly signed_at?: string;
}

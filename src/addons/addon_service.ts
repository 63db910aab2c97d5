/**
 * Addons in an organization: what is installed, what it shows, how it comes and goes.
 *
 * @module
 */

import type { Caller } from "../base/caller.ts";
import type { Json, JsonObject } from "../base/json.ts";
import type { Manifest, NavigationItem } from "../bundle/manifest/manifest.ts";
import type { DetachedSignature } from "../bundle/trust/trust.ts";
import type { InstallationPlan, PlanOperation, SignatureStatus } from "./plan/installation_plan.ts";

/** One addon in one organization as clients see it (contract/metacore.md §1.9). */
export interface Installation {
  /** UUIDv7; kept when the same addon is installed again, unless its data was dropped. */
  readonly id: string;
  /** The organization that has the addon; a UUID. */
  readonly organization_id: string;
  /** Key of the addon, 2 to 64 of `a-z 0-9 _`, a letter first. */
  readonly addon_key: string;
  /** Version of the addon as its manifest writes it, a semantic version. */
  readonly version: string;
  /** Rises with every change; give it back to be refused when somebody else changed it meanwhile. */
  readonly revision: number;
  /** Who signed the bundle. */
  readonly signature: SignatureStatus;
  /** Version that a rollback would bring back; absent where there is none. */
  readonly previous_version?: string;
  /** Whether the addon takes part: `disabled` keeps its tables but shows nothing of it. */
  readonly status: "enabled" | "disabled";
  /**
   * How it came: as a `bundle`, as a bundle whose frontend is `federated`, or `compiled` into the
   * host.
   */
  readonly source: "bundle" | "federated" | "compiled";
  /** Values of settings that are not secret. */
  readonly settings: Readonly<Record<string, Json>>;
  /** Time of the first installation, RFC 3339 in UTC. */
  readonly installed_at: string;
  /** Time when it was last enabled, RFC 3339 in UTC. */
  readonly enabled_at?: string;
  /** Time when it was disabled, RFC 3339 in UTC; absent while it is enabled. */
  readonly disabled_at?: string;
}

/** What installing, upgrading or rolling back gave. */
export interface InstallResult {
  /** What was done. */
  readonly operation: PlanOperation;
  /** The installation as it is now. */
  readonly installation: Installation;
  /** 64 hex characters, shown this once; absent where the secret stayed as it was. */
  readonly installSecret?: string;
  /** The manifest of the bundle, checked and read. */
  readonly manifest: Manifest;
  /** Parts of the manifest that this kernel does not act on, hooks that failed, and the like. */
  readonly warnings: readonly string[];
}

/** Stations of an install, in their order. */
export type InstallStation =
  | "verify"
  | "open"
  | "admit"
  | "plan"
  | "migrate"
  | "hooks"
  | "commit"
  | "finish";

/** Where an install stands. */
export interface InstallProgress {
  /** The station that begins. */
  readonly station: InstallStation;
  /** What is done there, such as `2 of 5: add column "priority"`. */
  readonly detail?: string;
}

/** A bundle that is offered. */
export interface BundleOffer {
  /** Its bytes. */
  readonly archive: Uint8Array;
  /** Addon key that the address named, if it did. */
  readonly expectedKey?: string;
  /** The signature that came beside it. */
  readonly signature?: DetachedSignature;
}

/** What an operator says beside the bundle. */
export interface InstallTerms {
  /** Hash of the plan that was read: anything else is refused. @default any plan */
  readonly planHash?: string;
  /**
   * Capabilities that are accepted, as `<kind> <target>`; or all of them. @default on a first install
   * all, otherwise those that were accepted before
   */
  readonly acceptedCapabilities?: readonly string[] | "all";
  /** Whether a version below the highest ever seen may enter. @default "refuse" */
  readonly downgrade?: "refuse" | "allow";
  /** Revision that the installation must have. @default any */
  readonly revision?: number;
  /** Values of settings for a first install, checked like any. */
  readonly settings?: JsonObject;
  /** Told of each station. */
  readonly onProgress?: (progress: InstallProgress) => void;
}

/** What an operator says beside a change of state. */
export interface ChangeTerms {
  /** Revision that the installation must have. @default any */
  readonly revision?: number;
}

/** A merged entry of the navigation; `owner` is `addon:<key>` on entries of addons. */
export interface OwnedNavigationItem extends Omit<NavigationItem, "items"> {
  /** `addon:<key>` of the addon that contributed it; absent on entries of the host. */
  readonly owner?: string;
  /** Entries below it, of the same owner. */
  readonly items?: readonly OwnedNavigationItem[];
}

/** A merged group of the navigation (contract/metacore.md §12.4). */
export interface OwnedNavigationGroup {
  /** What is shown, or its translation key; `sidebar.addons` for entries without a titled group. */
  readonly title: string;
  /** Name of an icon. */
  readonly icon?: string;
  /** Name under which addons put entries into the group; only groups of the host have one. */
  readonly target?: string;
  /** Entries in the order they are shown: the host's, then each addon's by its key. */
  readonly items: readonly OwnedNavigationItem[];
}

/** The life of addons in organizations. */
export interface AddonService {
  /**
   * Demands the right to install, before a body is read.
   *
   * @param source what is on offer here may be code of the host application, which nobody signs.
   * @default "upload"
   * @throws {KernelError} access.denied; bundle.unsigned — no upload could be taken
   */
  checkInstall(caller: Caller, source?: "upload" | "on offer"): Promise<void>;
  /**
   * Says what {@link AddonService.install} would do, and changes nothing.
   *
   * @throws {KernelError} bundle.* — it cannot be read or is not trusted; what would be refused later
   *   stands in the plan's obstacles.
   */
  plan(caller: Caller, offer: BundleOffer): Promise<InstallationPlan>;
  /**
   * Says what {@link AddonService.installRegistered} would do, and changes nothing.
   *
   * @param version exact. @default the highest
   * @throws {KernelError} addon.not_registered, and as {@link AddonService.plan}.
   */
  planRegistered(caller: Caller, addonKey: string, version?: string): Promise<InstallationPlan>;
  /** Says what {@link AddonService.rollback} would do, and changes nothing. */
  planRollback(caller: Caller, addonKey: string): Promise<InstallationPlan>;
  /**
   * Installs a bundle in the caller's organization, or upgrades what is installed to it: all of it in
   * one transaction, or nothing. Calls that run go on with the version they began with.
   *
   * @throws {KernelError} bundle.*, addon.*, schema.* — each names the entry, path or table.
   */
  install(caller: Caller, offer: BundleOffer, terms?: InstallTerms): Promise<InstallResult>;
  /**
   * Installs, or upgrades to, an addon on offer here: a compiled one, or one of the catalog.
   *
   * @param version exact. @default the highest
   * @throws {KernelError} addon.not_registered, and as {@link AddonService.install}.
   */
  installRegistered(
    caller: Caller,
    addonKey: string,
    version?: string,
    terms?: InstallTerms,
  ): Promise<InstallResult>;
  /**
   * Goes back to the version before the last upgrade, if the tables still hold what it needs.
   *
   * @throws {KernelError} addon.no_previous_version, addon.rollback_impossible — naming what is gone.
   */
  rollback(caller: Caller, addonKey: string, terms?: InstallTerms): Promise<InstallResult>;
  /** Lets an addon take part again; nothing happens when it does. Needs `addons.operate`. */
  enable(caller: Caller, addonKey: string, terms?: ChangeTerms): Promise<Installation>;
  /**
   * Lets an addon take no part, keeping its data. Needs `addons.operate`.
   *
   * @throws {KernelError} addon.needed_by_others — an enabled addon requires it.
   */
  disable(caller: Caller, addonKey: string, terms?: ChangeTerms): Promise<Installation>;
  /**
   * Removes an addon from the caller's organization.
   *
   * @param data `keep` leaves the tables for a later install, `drop` removes this organization's
   *   rows, and the tables too when no other organization uses them.
   * @throws {KernelError} addon.not_installed, addon.needed_by_others
   */
  uninstall(
    caller: Caller,
    addonKey: string,
    data: "keep" | "drop",
    terms?: ChangeTerms,
  ): Promise<void>;
  /** One installation. @throws {KernelError} addon.not_installed */
  installation(caller: Caller, addonKey: string): Promise<Installation>;
  /** Installations of the caller's organization, oldest first. */
  installations(caller: Caller): Promise<readonly Installation[]>;
  /** Manifests of enabled addons in the shape that clients know; frontends named by version. */
  manifests(caller: Caller): Promise<readonly JsonObject[]>;
  /** The merged navigation of enabled addons and the host's core groups, as the caller may see it. */
  navigation(caller: Caller): Promise<readonly OwnedNavigationGroup[]>;
}

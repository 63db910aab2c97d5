/**
 * Addons in an organization: what is installed, what it shows, how it comes and goes.
 *
 * @module
 */

import type { Caller } from "../base/caller.ts";
import type { Json, JsonObject } from "../base/json.ts";
import type { Manifest, NavigationItem } from "../bundle/manifest/manifest.ts";

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

/** What installing gave. */
export interface InstallResult {
  /** The installation as it is now. */
  readonly installation: Installation;
  /** 64 hex characters; shown this once. */
  readonly installSecret: string;
  /** The manifest of the bundle, checked and read. */
  readonly manifest: Manifest;
  /** Parts of the manifest that this kernel does not act on yet, named. */
  readonly warnings: readonly string[];
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

/** Installs and removes addons. */
export interface AddonService {
  /** Demands the right to install, before a body is read. @throws {KernelError} access.denied */
  checkInstall(caller: Caller): Promise<void>;
  /**
   * Installs a bundle in the caller's organization: all of it in one transaction, or nothing.
   *
   * @param archive the bundle's bytes.
   * @param expectedKey the addon key that the address named, if it did.
   * @throws {KernelError} bundle.*, addon.*, schema.* — each names the entry, path or table.
   */
  install(caller: Caller, archive: Uint8Array, expectedKey?: string): Promise<InstallResult>;
  /**
   * Removes an addon from the caller's organization.
   *
   * @param data `keep` leaves the tables for a later install, `drop` removes this organization's
   *   rows, and the tables too when no other organization uses them.
   * @throws {KernelError} addon.not_installed
   */
  uninstall(caller: Caller, addonKey: string, data: "keep" | "drop"): Promise<void>;
  /** Installations of the caller's organization, oldest first. */
  installations(caller: Caller): Promise<readonly Installation[]>;
  /** Manifests of enabled addons, as their authors wrote them. */
  manifests(caller: Caller): Promise<readonly JsonObject[]>;
  /** The merged navigation of enabled addons and the host's core groups. */
  navigation(caller: Caller): Promise<readonly OwnedNavigationGroup[]>;
}

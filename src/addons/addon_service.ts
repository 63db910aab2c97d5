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
  readonly id: string;
  readonly organization_id: string;
  readonly addon_key: string;
  readonly version: string;
  readonly status: "enabled" | "disabled";
  readonly source: "bundle" | "federated" | "compiled";
  /** Values of settings that are not secret. */
  readonly settings: Readonly<Record<string, Json>>;
  readonly installed_at: string;
  readonly enabled_at?: string;
  readonly disabled_at?: string;
}

/** What installing gave. */
export interface InstallResult {
  readonly installation: Installation;
  /** 64 hex characters; shown this once. */
  readonly installSecret: string;
  readonly manifest: Manifest;
  /** Parts of the manifest that this kernel does not act on yet, named. */
  readonly warnings: readonly string[];
}

/** A merged entry of the navigation; `owner` is `addon:<key>` on entries of addons. */
export interface OwnedNavigationItem extends Omit<NavigationItem, "items"> {
  readonly owner?: string;
  readonly items?: readonly OwnedNavigationItem[];
}

/** A merged group of the navigation (contract/metacore.md §12.4). */
export interface OwnedNavigationGroup {
  readonly title: string;
  readonly icon?: string;
  readonly target?: string;
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

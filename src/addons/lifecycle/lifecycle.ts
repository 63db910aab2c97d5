/**
 * What is called when an addon comes, goes or changes, and what its failure means.
 *
 * Code (a function of the module, or of the host application) runs inside the transaction of the
 * change: for `install`, `enable` and `upgrade` its failure undoes the change; for `disable` and
 * `uninstall` what it wrote is undone, the change is made and the failure is told, so that a broken
 * addon can always be taken out. Webhooks are called after the change is committed, and their failure
 * is told and audited, never undone.
 *
 * @module
 */

import type { Caller } from "../../base/caller.ts";
import type { Transaction } from "../../db/database.ts";
import type { GuestCode } from "../../sandbox/sandbox.ts";
import type { LiveInstallation } from "../live_installations.ts";

/** Steps in the life of an addon in an organization. */
export type LifecycleStep = "install" | "enable" | "disable" | "uninstall" | "upgrade";

/** A change of one installation, with the steps that its hooks hear of. */
export interface LifecycleChange {
  readonly caller: Caller;
  /** In their order, such as `install` then `enable`. */
  readonly steps: readonly LifecycleStep[];
  /** The installation as it will be after the step (before it, for `disable` and `uninstall`). */
  readonly installation: LiveInstallation;
  /** Version that is left behind; for `upgrade` and rollbacks only. */
  readonly fromVersion?: string;
  /** The module, where the bundle is not kept yet. @default the module of the installation */
  readonly code?: GuestCode;
}

/** Calls lifecycle hooks. */
export interface LifecycleRunner {
  /**
   * Gets ready outside of any transaction what the hooks need (on SQLite nothing else can be read
   * once one runs), and does work that calls them.
   *
   * @param change what changes; without hooks of its steps nothing is loaded.
   * @param work holds the transaction.
   * @returns what the work gives.
   * @throws {KernelError} sandbox.*, addon.no_code — the code cannot be loaded; what the work throws.
   */
  around<T>(change: LifecycleChange, work: (hooks: LifecycleHooks) => Promise<T>): Promise<T>;
  /** Audits a failure that does not undo the change. */
  note(caller: Caller, installation: LiveInstallation["row"] | undefined, problem: string): void;
}

/** Hooks of one change, ready to be called. */
export interface LifecycleHooks {
  /** Whether there is code to run inside the transaction. */
  readonly hasCode: boolean;
  /**
   * Runs the code hooks inside the transaction.
   *
   * @throws {KernelError} addon.lifecycle_failed — the transaction must not be committed.
   */
  within(transaction: Transaction): Promise<void>;
  /** Calls the webhook hooks, after the commit. @returns sentences about failures. */
  after(): Promise<readonly string[]>;
}

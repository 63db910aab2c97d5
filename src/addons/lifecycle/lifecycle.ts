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
import type { LiveInstallation } from "../live_installations.ts";

/** Steps in the life of an addon in an organization. */
export type LifecycleStep = "install" | "enable" | "disable" | "uninstall" | "upgrade";

/** One step. */
export interface LifecycleMoment {
  readonly caller: Caller;
  readonly step: LifecycleStep;
  /** The installation as it will be after the step (before it, for `disable` and `uninstall`). */
  readonly installation: LiveInstallation;
  /** Version that is left behind; for `upgrade` and rollbacks only. */
  readonly fromVersion?: string;
}

/** What a hook of a compiled addon is given. */
export interface LifecycleContext {
  readonly caller: Caller;
  readonly installationId: string;
  readonly addonKey: string;
  readonly version: string;
  readonly fromVersion?: string;
  /** The transaction of the change; what is written in it stands or falls with the change. */
  readonly transaction: Transaction;
}

/** Calls lifecycle hooks. */
export interface LifecycleRunner {
  /**
   * Gets ready outside of any transaction what {@link LifecycleRunner.within} needs: on SQLite
   * nothing else can be read once the transaction runs.
   *
   * @returns what `within` and `after` are called on; without hooks of the step both do nothing.
   */
  prepare(moment: LifecycleMoment): Promise<PreparedLifecycle>;
}

/** Hooks of one step, ready to be called. */
export interface PreparedLifecycle {
  /**
   * Runs the code hooks inside the transaction.
   *
   * @returns sentences about failures that do not undo the step.
   * @throws {KernelError} addon.lifecycle_failed — the step must not be made.
   */
  within(transaction: Transaction): Promise<readonly string[]>;
  /** Calls the webhook hooks, after the commit. @returns sentences about failures. */
  after(): Promise<readonly string[]>;
}

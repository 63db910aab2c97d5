/**
 * Enables, disables and removes: looks at what stands, makes the change with its hooks in one
 * transaction, and does what comes after it. Hooks of disabling and removing cannot hold it up: when
 * they fail, the change is made without them.
 *
 * @module
 */

import type { Caller } from "../../base/caller.ts";
import { isKernelError } from "../../base/error.ts";
import type { Transaction } from "../../db/database.ts";
import { type AddonHappening, appendAddonEvent } from "../addon_event.ts";
import type { ChangeTerms } from "../addon_service.ts";
import { notInstalled } from "../errors.ts";
import { findInstallation, type InstallationRow } from "../installation_store.ts";
import type { LifecycleHooks, LifecycleStep } from "../lifecycle/lifecycle.ts";
import type { LiveInstallation } from "../live_installations.ts";
import { withFreshLook } from "./fresh_look.ts";
import { demandRevision, type InstallerOptions } from "./installer.ts";
import { type Switch, switchedRow, switchInTransaction } from "./switch.ts";
import { demandTransition, stateOf } from "./transitions.ts";
import { uninstallInTransaction } from "./uninstall.ts";

/** What changes beside versions work with. */
export interface ChangerOptions extends InstallerOptions {
  /** Stops what an organization runs of an addon; other organizations' calls go on. */
  readonly retireCode: (addonKey: string, organizationId: string) => void;
}

/** Changes installations. */
export class Changer {
  readonly #options: ChangerOptions;

  /** @param options what it works with. */
  constructor(options: ChangerOptions) {
    this.#options = options;
  }

  /**
   * Lets an addon take part, or take none.
   *
   * @param caller for whom.
   * @param addonKey the addon.
   * @param to which way; nothing happens where it is so already.
   * @param terms what the operator says.
   * @throws {KernelError} addon.*
   */
  async switch(
    caller: Caller,
    addonKey: string,
    to: Switch,
    terms: ChangeTerms,
  ): Promise<void> {
    await withFreshLook(pinned(terms), () => this.#switchOnce(caller, addonKey, to, terms));
  }

  /**
   * Takes an addon out.
   *
   * @param caller for whom.
   * @param addonKey the addon.
   * @param data whether its data stays.
   * @param terms what the operator says.
   * @throws {KernelError} addon.*
   */
  async uninstall(
    caller: Caller,
    addonKey: string,
    data: "keep" | "drop",
    terms: ChangeTerms,
  ): Promise<void> {
    await withFreshLook(pinned(terms), () => this.#uninstallOnce(caller, addonKey, data, terms));
  }

  async #switchOnce(
    caller: Caller,
    addonKey: string,
    to: Switch,
    terms: ChangeTerms,
  ): Promise<void> {
    const { hostModels, installations } = this.#options;
    const { organizationId } = caller;
    const { row, live: before } = await this.#look(caller, addonKey, terms);
    const after = demandTransition(addonKey, stateOf(row), to);
    if (after === row.status) return;
    if (before === undefined) throw notInstalled(addonKey);
    const at = this.#now();
    const changed = { ...before, row: switchedRow(row, to, at) };
    const warnings = await this.#withHooks({
      caller,
      steps: [to],
      installation: to === "enable" ? changed : before,
      failure: to === "enable" ? "refuses" : "is told",
      change: async (tx, hooks) => {
        const told = await switchInTransaction(tx, {
          organizationId,
          to,
          before,
          at,
          hostModels,
          installations,
          hooks,
        });
        await this.#tellEvent(tx, caller, to === "enable" ? "enabled" : "disabled", row, at);
        return told;
      },
    });
    for (const problem of warnings) {
      this.#options.logger.warn("a part of an addon that was enabled has no effect", {
        addon: addonKey,
        organization: organizationId,
        request_id: caller.requestId,
        problem,
      });
    }
    this.#log(`${to}d an addon`, caller, { addon: addonKey, version: row.version });
  }

  async #uninstallOnce(
    caller: Caller,
    addonKey: string,
    data: "keep" | "drop",
    terms: ChangeTerms,
  ): Promise<void> {
    const { hostModels, installations, code } = this.#options;
    const { organizationId } = caller;
    const { row, live } = await this.#look(caller, addonKey, terms);
    const state = stateOf(row);
    demandTransition(addonKey, state, data === "keep" ? "uninstall" : "drop");
    const at = this.#now();
    // What was removed before has heard of it then.
    const steps: LifecycleStep[] = state === "enabled"
      ? ["disable", "uninstall"]
      : state === "disabled"
      ? ["uninstall"]
      : [];
    const outcome = await this.#withHooks({
      caller,
      steps,
      ...(live === undefined ? {} : { installation: live }),
      failure: "is told",
      change: async (tx, hooks) => {
        const done = await uninstallInTransaction(tx, {
          organizationId,
          row,
          ...(live === undefined ? {} : { live }),
          data,
          at,
          hostModels,
          installations,
          hooks,
        });
        await this.#tellEvent(tx, caller, "uninstalled", row, at);
        for (const scope of done.scopes) {
          await this.#tellEvent(tx, caller, "cleared", row, at, scope);
        }
        return done;
      },
    });
    this.#options.retireCode(addonKey, organizationId);
    if (live !== undefined && outcome.retiredDigest !== undefined) code.retire(live);
    this.#log("uninstalled an addon", caller, { addon: addonKey, data });
  }

  async #withHooks<T>(order: HookedChange<T>): Promise<T> {
    const { turns, registry } = this.#options;
    const { caller } = order;
    const { made, hooks } = await turns.within(caller, () => this.#hooked(order))
      .finally(() => registry.invalidate(caller.organizationId));
    // Backends may take their time: nothing is held any more, and who calls sees what is now.
    await hooks?.after();
    return made;
  }

  async #hooked<T>(order: HookedChange<T>): Promise<HookedOutcome<T>> {
    const { database, lifecycle } = this.#options;
    const { caller, steps, installation, failure, change } = order;
    const make = (hooks: LifecycleHooks | undefined) =>
      database.schemaTransaction(
        caller.organizationId,
        (tx) => change(tx, async (transaction) => await hooks?.within(transaction)),
      );
    if (installation === undefined) return { made: await make(undefined) };
    let begun = false;
    try {
      return await lifecycle.around({ caller, steps, installation }, async (hooks) => {
        begun = true;
        return { made: await this.#orWithout(order, hooks, make), hooks };
      });
    } catch (thrown) {
      // Code that cannot even be loaded cannot be asked.
      if (begun || failure === "refuses") throw thrown;
      this.#tell(order, isKernelError(thrown) ? thrown.message : String(thrown));
      return { made: await make(undefined) };
    }
  }

  /** What hooks have written is undone with the transaction, then the change is made without them. */
  async #orWithout<T>(
    order: HookedChange<T>,
    hooks: LifecycleHooks,
    make: (hooks: LifecycleHooks | undefined) => Promise<T>,
  ): Promise<T> {
    if (order.failure === "refuses" || !hooks.hasCode) return await make(hooks);
    try {
      return await make(hooks);
    } catch (thrown) {
      if (!isHooksFault(thrown)) throw thrown;
      this.#tell(order, thrown.message);
      return await make(undefined);
    }
  }

  #tell<T>({ caller, installation }: HookedChange<T>, problem: string): void {
    this.#options.lifecycle.note(caller, installation?.row, problem);
    this.#options.logger.warn("a hook of an addon's life failed", {
      addon: installation?.row.addon_key,
      organization: caller.organizationId,
      request_id: caller.requestId,
      problem,
    });
  }

  async #look(
    { organizationId }: Caller,
    addonKey: string,
    { revision }: ChangeTerms,
  ): Promise<{ readonly row: InstallationRow; readonly live?: LiveInstallation }> {
    const { database: { kysely }, installations } = this.#options;
    const row = await findInstallation(kysely, organizationId, addonKey);
    if (row === undefined) throw notInstalled(addonKey);
    demandRevision(addonKey, row, revision);
    const live = await installations.find(kysely, organizationId, addonKey);
    return live?.row.revision === row.revision ? { row, live } : { row };
  }

  async #tellEvent(
    tx: Transaction,
    caller: Caller,
    happening: AddonHappening,
    { addon_key: key, version, schema_name: schema }: InstallationRow,
    at: string,
    scope?: string,
  ): Promise<void> {
    const id = this.#options.ids.next();
    const event = { key, version, schema, id, at };
    await appendAddonEvent(
      tx,
      caller,
      happening,
      scope === undefined ? event : { ...event, scope },
    );
  }

  #now(): string {
    return new Date(this.#options.clock.nowMs()).toISOString();
  }

  #log(message: string, caller: Caller, facts: Readonly<Record<string, string>>): void {
    const { organizationId: organization, requestId: request_id } = caller;
    this.#options.logger.info(message, { ...facts, organization, request_id });
  }
}

interface HookedOutcome<T> {
  readonly made: T;
  /** Absent where none could be asked. */
  readonly hooks?: LifecycleHooks;
}

interface HookedChange<T> {
  readonly caller: Caller;
  readonly steps: readonly LifecycleStep[];
  /** Absent where the manifest cannot be read: then there are no hooks. */
  readonly installation?: LiveInstallation;
  readonly failure: "refuses" | "is told";
  readonly change: (tx: Transaction, hooks: (tx: Transaction) => Promise<void>) => Promise<T>;
}

/** A reference that a hook has broken comes to light at the end of the transaction only. */
function isHooksFault(thrown: unknown): thrown is Error {
  return isKernelError(thrown, "addon.lifecycle_failed") ||
    isKernelError(thrown, "db.broken_reference");
}

function pinned({ revision }: ChangeTerms): "pinned" | "free" {
  return revision === undefined ? "free" : "pinned";
}

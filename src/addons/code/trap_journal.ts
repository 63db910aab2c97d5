/**
 * Keeps recent traps of addon code in a readable form. Reading positions takes the original module,
 * so it happens after the caller has been answered, one trap at a time.
 *
 * @module
 */

import type { Caller } from "../../base/caller.ts";
import type { Clock } from "../../base/clock.ts";
import type { IdSource } from "../../base/ids.ts";
import type { Target } from "../../sandbox/abi.ts";
import { countsAgainstGuest } from "../../sandbox/errors.ts";
import type { LoadedModule } from "../../sandbox/sandbox.ts";
import {
  type ModuleSymbols,
  type TrapContext,
  type TrapReport,
  trapReport,
} from "../../sandbox/trap_report.ts";
import { TrapRing } from "../../sandbox/trap_ring.ts";
import type { Logger } from "../../telemetry/log.ts";
import type { LiveInstallation } from "../live_installations.ts";
import type { AddonModules } from "./addon_modules.ts";
import { SymbolCache } from "./module_symbols.ts";

/** What the journal works with. */
export interface TrapJournalOptions {
  readonly modules: AddonModules;
  readonly clock: Clock;
  readonly ids: IdSource;
  readonly logger: Logger;
}

/** What was being done when it failed. */
export interface FailedInvocation {
  readonly caller: Caller;
  readonly installation: LiveInstallation;
  readonly moduleId: string;
  readonly module: LoadedModule;
  readonly target: Target;
}

/** Traps that wait to be read; an addon that traps without end loses its own news. */
const MAX_WAITING = 64;

/** Keeps traps. */
export class TrapJournal {
  readonly #options: TrapJournalOptions;
  readonly #ring = new TrapRing();
  readonly #symbols = new SymbolCache();
  #reading: Promise<void> = Promise.resolve();
  #waiting = 0;

  /**
   * Makes an empty journal.
   *
   * @param options where modules come from.
   */
  constructor(options: TrapJournalOptions) {
    this.#options = options;
  }

  /**
   * Notes a failure, where it is the guest's; the others are not traps.
   *
   * @param thrown what the sandbox threw.
   * @param failed what was being done.
   */
  note(thrown: unknown, failed: FailedInvocation): void {
    if (!countsAgainstGuest(thrown) || this.#waiting >= MAX_WAITING) return;
    const context = this.#contextOf(failed);
    this.#waiting++;
    this.#reading = this.#reading.then(async () => {
      const symbols = await this.#symbolsOf(failed);
      this.#ring.add(this.#reportOf(thrown, context, symbols));
      this.#waiting--;
    });
  }

  /** Symbols come from the addon: whatever they do to the report, there is one, and the next. */
  #reportOf(thrown: unknown, context: TrapContext, symbols: ModuleSymbols): TrapReport {
    try {
      return trapReport(thrown, context, symbols);
    } catch (error) {
      const { addonKey } = context;
      this.#options.logger.warn("the positions of a trap could not be read", {
        addon: addonKey,
        error,
      });
      return trapReport(thrown, context);
    }
  }

  /**
   * Lists traps.
   *
   * @param organizationId whose.
   * @param addonKey of which addon.
   * @returns the newest first.
   */
  async list(organizationId: string, addonKey: string): Promise<readonly TrapReport[]> {
    await this.#reading;
    return this.#ring.list(organizationId, addonKey);
  }

  /** Settles when every trap noted so far has been read. */
  async settled(): Promise<void> {
    await this.#reading;
  }

  #contextOf({ caller, installation, moduleId, target }: FailedInvocation): TrapContext {
    const { clock, ids } = this.#options;
    return {
      id: ids.next(),
      atMs: clock.nowMs(),
      target,
      addonKey: installation.manifest.key,
      installationId: installation.row.id,
      organizationId: caller.organizationId,
      requestId: caller.requestId,
      moduleId,
    };
  }

  async #symbolsOf({ installation, moduleId, module }: FailedInvocation): Promise<ModuleSymbols> {
    const { modules, logger } = this.#options;
    const { row, manifest } = installation;
    try {
      return await this.#symbols.of(
        moduleId,
        module,
        () => modules.bundleOf(row.bundle_digest ?? "", manifest.key),
      );
    } catch (error) {
      logger.warn("the positions of a trap could not be read", { addon: manifest.key, error });
      return {};
    }
  }
}

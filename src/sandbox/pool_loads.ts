/**
 * Loading of modules: those who want the same code at one time share one load. Nothing is kept
 * afterwards: keeping compiled modules is the matter of the code itself.
 *
 * @module
 */

import type { GuestCode, LoadedModule } from "./sandbox.ts";

/** Shares loads that are under way. */
export class SharedLoads {
  readonly #underWay = new Map<string, Promise<LoadedModule>>();

  /**
   * Loads code.
   *
   * @param code what to load.
   * @returns the module; of the load under way where there is one.
   */
  load(code: GuestCode): Promise<LoadedModule> {
    const shared = this.#underWay.get(code.id);
    if (shared !== undefined) return shared;
    const load = this.#begin(code);
    this.#underWay.set(code.id, load);
    return load;
  }

  async #begin(code: GuestCode): Promise<LoadedModule> {
    try {
      // A code that throws at once must fail like one that throws later.
      await undefined;
      return await code.load();
    } finally {
      this.#underWay.delete(code.id);
    }
  }
}

/**
 * Workers that are made ready before anybody asks for them. They take free places only, and whoever
 * waits for one waits no longer than he wants.
 *
 * @module
 */

import type { Fleet } from "./pool_fleet.ts";
import type { Timing } from "./pool_timing.ts";
import type { Staff } from "./pool_staff.ts";
import type { GuestCode } from "./sandbox.ts";

/** What warming works with. */
export interface WarmingOptions {
  readonly fleet: Fleet;
  readonly timing: Timing;
  /** Absent until the staff is made, which asks what is warmed. */
  readonly staff: () => Pick<Staff, "begin">;
}

interface Wish {
  readonly code: GuestCode;
  readonly settle: (how: "warm" | "cold") => void;
}

/** Warms workers. */
export class Warming {
  readonly #options: WarmingOptions;
  readonly #wishes = new Set<Wish>();

  /** @param options what it works with. */
  constructor(options: WarmingOptions) {
    this.#options = options;
  }

  /** Whether a worker for some code is being made ready. */
  wants(code: GuestCode): boolean {
    for (const wish of this.#wishes) if (wish.code.id === code.id) return true;
    return false;
  }

  /**
   * Gets a worker ready.
   *
   * @param code for which.
   * @param timeoutMs how long it is waited for.
   * @returns whether one is.
   */
  warm(code: GuestCode, timeoutMs: number): Promise<"warm" | "cold"> {
    if (this.#isWarm(code)) return Promise.resolve("warm");
    return new Promise((resolve) => {
      const wish: Wish = {
        code,
        settle: (how) => {
          cancel();
          if (this.#wishes.delete(wish)) resolve(how);
        },
      };
      const cancel = this.#options.timing.after(() => wish.settle("cold"), timeoutMs);
      this.#wishes.add(wish);
      // Idle workers of others stay: somebody may be about to call them.
      if (!this.#options.staff().begin(code, () => false)) wish.settle("cold");
    });
  }

  /** Places have changed: whoever waits for one that is ready now waits no more. */
  look(): void {
    for (const wish of [...this.#wishes]) if (this.#isWarm(wish.code)) wish.settle("warm");
  }

  /** A worker will not come. @param code of which code @default of any */
  giveUp(code?: GuestCode): void {
    for (const wish of [...this.#wishes]) {
      if (code === undefined || wish.code.id === code.id) wish.settle("cold");
    }
  }

  /** One that is busy with the code has its module, too. */
  #isWarm({ id }: GuestCode): boolean {
    const { fleet } = this.#options;
    const has = (state: "idle" | "busy") => fleet.find(state, (slot) => slot.code?.id === id);
    return has("idle") !== undefined || has("busy") !== undefined;
  }
}

/**
 * What a change of an installation does to the workers that run its code: never part of the change,
 * so nothing of it can fail one.
 *
 * @module
 */

import { isKernelError } from "../../base/error.ts";
import type { GuestCode, Sandbox } from "../../sandbox/sandbox.ts";
import type { Logger } from "../../telemetry/log.ts";
import type { AddonModules } from "../code/addon_modules.ts";
import type { LiveInstallation } from "../live_installations.ts";

/** Looks after workers around changes. */
export interface CodeRoom {
  /** Gets a worker ready for code that is about to be called. */
  warm(code: GuestCode): Promise<void>;
  /** Lets workers of a bundle that nobody runs any more finish what they do, then ends them. */
  retire(left: LiveInstallation): void;
  /** Ends workers of code that was made ready and is not run after all. */
  abandon(code: GuestCode): void;
  /** Forgets the failures of code that another version has taken the place of. */
  renew(installation: LiveInstallation): Promise<void>;
}

/** What a room is made of. */
export interface CodeRoomOptions {
  readonly sandbox: Pick<Sandbox, "warm" | "retire">;
  readonly modules: Pick<AddonModules, "idOf">;
  /** Closes the circuit breaker of an installation. */
  readonly resetBreaker: (installation: LiveInstallation) => Promise<void>;
  readonly logger: Logger;
}

/** A warm worker saves the first call some time; no upgrade waits longer for it. */
const WARM_MS = 5_000;

/**
 * Makes the room.
 *
 * @param options what it is made of.
 * @returns the room.
 */
export function createCodeRoom(options: CodeRoomOptions): CodeRoom {
  const { sandbox, modules, resetBreaker, logger } = options;
  return {
    warm: async (code) => {
      await sandbox.warm(code, WARM_MS);
    },
    retire: ({ row, manifest }) => {
      const { bundle_digest: digest } = row;
      if (digest === null || manifest.backend?.runtime !== "wasm") return;
      sandbox.retire(manifest.key, modules.idOf(digest, manifest));
    },
    abandon: ({ addonKey, id }) => sandbox.retire(addonKey, id),
    renew: async (installation) => {
      if (installation.manifest.backend?.runtime !== "wasm") return;
      try {
        await resetBreaker(installation);
      } catch (thrown) {
        logger.warn("the circuit breaker of an upgraded addon was not reset", {
          addon: installation.row.addon_key,
          error: isKernelError(thrown) ? thrown.message : String(thrown),
        });
      }
    },
  };
}

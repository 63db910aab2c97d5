/**
 * Guests' SQL whose code is loaded with the first statement: a kernel whose addons bring none starts
 * without it.
 *
 * @module
 */

import type { GuestSql } from "./guest_sql.ts";

/**
 * Puts off loading.
 *
 * @param load makes the engine's side; called once.
 * @returns the same as soon as it is asked.
 */
export function lazyGuestSql(load: () => Promise<GuestSql>): GuestSql {
  let loading: Promise<GuestSql> | undefined;
  const loaded = () => loading ??= load();
  return {
    unavailableBecause: async () => await (await loaded()).unavailableBecause(),
    run: async (request) => await (await loaded()).run(request),
    runIn: async (tx, request) => await (await loaded()).runIn(tx, request),
  };
}

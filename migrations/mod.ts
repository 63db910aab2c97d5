/**
 * The migrations of the kernel's own tables, oldest first.
 *
 * @module
 */

import type { Migration } from "../src/db/migration.ts";
import { identity } from "./0001_identity.ts";
import { addons } from "./0002_addons.ts";
import { events } from "./0003_events.ts";
import { sandbox } from "./0004_sandbox.ts";
import { guestPolicy } from "./0005_guest_policy.ts";
import { addonLife } from "./0006_addon_life.ts";

/** Every migration in order. */
export const migrations: readonly Migration[] = [
  identity,
  addons,
  events,
  sandbox,
  guestPolicy,
  addonLife,
];

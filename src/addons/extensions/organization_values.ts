/**
 * Values that an organization configures for the whole of itself: what `$org.<key>` in a column's
 * `validation.custom` names. A value is the name of a validator, or the rules themselves.
 *
 * @module
 */

import type { Caller } from "../../base/caller.ts";
import type { Json, JsonObject } from "../../base/json.ts";

/** Reads and sets values. */
export interface OrganizationValues {
  /** Every value by key. Needs `organization.inspect`. */
  list(caller: Caller): Promise<JsonObject>;
  /**
   * Sets a value; null takes it away. Needs `organization.configure`.
   *
   * @param key `[a-z][a-z0-9_]*`, at most 63 characters.
   * @param value a validator's name, or `{regex?, min?, max?}`, or any JSON of 16 KiB at most.
   * @throws {KernelError} addon.invalid_organization_value
   */
  set(caller: Caller, key: string, value: Json): Promise<void>;
}

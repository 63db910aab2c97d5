/**
 * Settings of installations: typed, checked, secret ones sealed and never given out. And the install
 * secret, which can be changed while the old one still holds.
 *
 * @module
 */

import type { Caller } from "../../base/caller.ts";
import type { Json, JsonObject } from "../../base/json.ts";

/** A setting with its value, as a form needs it. */
export interface SettingView {
  /** Name of the setting. */
  readonly key: string;
  /** What is shown. */
  readonly label: string;
  /** How a UI edits it. */
  readonly type: string;
  /** Whether its value is never shown. */
  readonly secret: boolean;
  /** Whether the addon needs a value to work. */
  readonly required: boolean;
  /** Choices of a select. */
  readonly options?: readonly { readonly value: Json; readonly label: string }[];
  /** Absent for secret ones, and where nothing is set. */
  readonly value?: Json;
  /** Whether a value is set; all that is told of a secret one. */
  readonly is_set: boolean;
}

/** A changed install secret. */
export interface RotatedSecret {
  /** 64 hex characters; shown this once. */
  readonly install_secret: string;
  /** Until when the one before holds too, RFC 3339; absent when it ended at once. */
  readonly previous_valid_until?: string;
}

/** Reads and changes settings. */
export interface AddonSettings {
  /** Settings with their values. Needs `addons.inspect`. @throws {KernelError} addon.not_installed */
  list(caller: Caller, addonKey: string): Promise<readonly SettingView[]>;
  /** Values by key, secret ones left out: what the addon's own pages read. */
  values(caller: Caller, addonKey: string): Promise<JsonObject>;
  /**
   * Changes settings; those that are not named stay. Null takes a value away (its default comes back).
   * A secret's unchanged placeholder (`********`) leaves it. Needs `addons.operate`.
   *
   * @throws {KernelError} addon.invalid_settings — every fault by key; nothing is changed then.
   * @returns the values as {@link AddonSettings.values} gives them.
   */
  update(caller: Caller, addonKey: string, changes: JsonObject): Promise<JsonObject>;
  /**
   * Gives the installation a new secret. Needs `addons.operate`.
   *
   * @param overlapSeconds how long the one before still holds, 0 to 604,800. @default 0
   */
  rotateSecret(
    caller: Caller,
    addonKey: string,
    overlapSeconds?: number,
  ): Promise<RotatedSecret>;
}

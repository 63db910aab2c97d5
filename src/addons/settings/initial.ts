/**
 * The settings that an installation starts with, and those that another version takes over. It reads
 * and writes nothing.
 *
 * @module
 */

import type { Json, JsonObject } from "../../base/json.ts";
import type { SettingDefinition } from "../../bundle/manifest/manifest.ts";
import type { InstallationRow } from "../installation_store.ts";
import {
  applySettings,
  checkChanges,
  type DeclaringManifest,
  defaultOf,
  type KeptSettings,
} from "./changes.ts";
import { openSetting, sealSetting, type SettingPlace } from "./sealed.ts";
import { checkSetting, isSecretSetting } from "./value.ts";

/** Settings to keep, and what somebody should know of them. */
export interface InitialSettings extends KeptSettings {
  /** Sentences about values and defaults that do not fit or are missing; they hold no value. */
  readonly warnings: readonly string[];
}

/**
 * Makes the settings of a new installation: defaults, and what is given with the order.
 *
 * @param manifest declares the settings.
 * @param given values by key. @default none
 * @param place whose settings they are; sealed values name it.
 * @param masterKey 32 bytes.
 * @returns the settings.
 * @throws {KernelError} addon.invalid_settings — a given value does not fit, or no such setting is
 *   declared. A required one that is not given yet is no fault.
 */
export async function initialSettings(
  manifest: DeclaringManifest,
  given: JsonObject | undefined,
  place: SettingPlace,
  masterKey: Uint8Array,
): Promise<InitialSettings> {
  const changes = checkChanges(manifest, given ?? {});
  const kept = await applySettings(defaultsOf(manifest), changes, place, masterKey);
  return withRemarks(manifest, kept, []);
}

/**
 * Takes settings over to another version, or back.
 *
 * @param manifest the version that comes.
 * @param before the row with the values, the manifest that they were checked by, and new values.
 * @param place whose settings they are.
 * @param masterKey 32 bytes.
 * @returns the settings: a value that does not fit any more is the default, which a warning tells; a
 *   value that was secret never becomes one that is shown. What only the left version declares stays,
 *   for going back to it.
 */
export async function carriedSettings(
  manifest: DeclaringManifest,
  before: {
    readonly row: Pick<InstallationRow, "settings" | "sealed_settings">;
    readonly manifest: DeclaringManifest;
    /** What the operator gives with the change. */
    readonly given?: JsonObject | undefined;
  },
  place: SettingPlace,
  masterKey: Uint8Array,
): Promise<InitialSettings> {
  // Border: the kernel wrote these texts itself.
  const values = new Map(Object.entries(JSON.parse(before.row.settings) as Record<string, Json>));
  const sealed = new Map(
    Object.entries(JSON.parse(before.row.sealed_settings) as Record<string, string>),
  );
  const warnings: string[] = [];
  const carry: Carry = { values, sealed, place, masterKey };
  for (const definition of manifest.settings) {
    const warning = isSecretSetting(definition)
      ? await carrySecret(definition, carry)
      : carryPlain(definition, carry);
    if (warning !== undefined) warnings.push(warning);
  }
  const known = new Set([...manifest.settings, ...before.manifest.settings].map(({ key }) => key));
  const kept = {
    values: Object.fromEntries([...values].filter(([key]) => known.has(key))),
    sealed: Object.fromEntries([...sealed].filter(([key]) => known.has(key))),
  };
  const changes = checkChanges(manifest, before.given ?? {});
  return withRemarks(manifest, await applySettings(kept, changes, place, masterKey), warnings);
}

interface Carry {
  readonly values: Map<string, Json>;
  readonly sealed: Map<string, string>;
  readonly place: SettingPlace;
  readonly masterKey: Uint8Array;
}

function carryPlain(definition: SettingDefinition, { values, sealed }: Carry): string | undefined {
  const { key } = definition;
  const value = values.get(key);
  const standard = defaultOf(definition);
  values.delete(key);
  if (standard !== undefined) values.set(key, standard);
  if (value === undefined || value === null) {
    return sealed.has(key)
      ? `the setting "${key}" was secret and is not any more: its value is not taken over`
      : undefined;
  }
  const checked = checkSetting(definition, value);
  if ("fault" in checked) return notTakenOver(definition, checked.fault.message);
  values.set(key, checked.value);
  return undefined;
}

async function carrySecret(
  definition: SettingDefinition,
  carry: Carry,
): Promise<string | undefined> {
  const { values, sealed, place, masterKey } = carry;
  const { key } = definition;
  const plain = values.get(key);
  // Kept in clear until now, it is not left there.
  values.delete(key);
  const box = sealed.get(key);
  const value = box === undefined ? plain : await openedOrNothing(carry, key, box);
  // One that cannot be opened now is left as it is: whoever needs it is told.
  if (value === undefined || value === null) return undefined;
  const checked = checkSetting(definition, value);
  if ("fault" in checked) {
    sealed.delete(key);
    return notTakenOver(definition, checked.fault.message);
  }
  const isKept = box !== undefined && checked.value === value;
  if (!isKept) sealed.set(key, await sealSetting(masterKey, place, key, checked.value));
  return undefined;
}

async function openedOrNothing(
  { place, masterKey }: Carry,
  key: string,
  box: string,
): Promise<Json | undefined> {
  try {
    return await openSetting(masterKey, place, key, box);
  } catch {
    return undefined;
  }
}

function notTakenOver({ key, type }: SettingDefinition, because: string): string {
  return `the value of the setting "${key}" is not taken over, now of type "${type}": it ${because}`;
}

function defaultsOf({ settings }: DeclaringManifest): KeptSettings {
  const defaults = settings.flatMap((definition) => {
    const value = defaultOf(definition);
    return value === undefined ? [] : [[definition.key, value] as const];
  });
  return { values: Object.fromEntries(defaults), sealed: {} };
}

function withRemarks(
  { settings }: DeclaringManifest,
  kept: KeptSettings,
  warnings: readonly string[],
): InitialSettings {
  const isSet = (definition: SettingDefinition) =>
    Object.hasOwn(isSecretSetting(definition) ? kept.sealed : kept.values, definition.key);
  const unfit = settings.filter((definition) =>
    (definition.default_value ?? null) !== null && !isSecretSetting(definition) &&
    defaultOf(definition) === undefined
  );
  return {
    ...kept,
    warnings: [
      ...warnings,
      ...unfit.map(({ key, type }) =>
        `the default of the setting "${key}" does not fit its type "${type}"`
      ),
      ...settings.filter((each) => each.required === true && !isSet(each))
        .map(({ key }) => `the setting "${key}" is required and has no value yet`),
    ],
  };
}

/**
 * From what somebody wants set to what is kept: every value checked, secret ones sealed. It reads and
 * writes nothing.
 *
 * @module
 */

import type { FieldError } from "../../base/error.ts";
import type { Json, JsonObject } from "../../base/json.ts";
import { nearest } from "../../base/nearest.ts";
import type { Manifest, SettingDefinition } from "../../bundle/manifest/manifest.ts";
import { invalidSettings } from "./errors.ts";
import { sealSetting, type SettingPlace } from "./sealed.ts";
import { checkSetting, isEmptyValue, isSecretSetting } from "./value.ts";

/** What forms show and send for a secret that they do not know. */
export const SECRET_PLACEHOLDER = "********";
/** A form that was never told the value sends its field empty: that is no wish to lose it. */
const LEAVES_SECRET: ReadonlySet<Json> = new Set(["", SECRET_PLACEHOLDER]);

/** A manifest, as far as settings go. */
export type DeclaringManifest = Pick<Manifest, "key" | "settings">;

/** Values as they are kept. */
export interface KeptSettings {
  readonly values: Readonly<Record<string, Json>>;
  /** Secret values, each sealed. */
  readonly sealed: Readonly<Record<string, string>>;
}

/** Values by key after a check; null takes one away. */
export type CheckedChanges = ReadonlyMap<SettingDefinition, Json>;

/**
 * Checks what is to be set.
 *
 * @param manifest declares the settings.
 * @param given values by key; null and an emptied field take a value away. A secret is taken away by
 *   null alone: its placeholder and an empty text leave it.
 * @returns the values that change.
 * @throws {KernelError} addon.invalid_settings — every fault by key.
 */
export function checkChanges(manifest: DeclaringManifest, given: JsonObject): CheckedChanges {
  const declared = new Map(manifest.settings.map((setting) => [setting.key, setting]));
  const changes = new Map<SettingDefinition, Json>();
  const faults = new Map<string, FieldError>();
  for (const [key, value] of Object.entries(given)) {
    const definition = declared.get(key);
    if (definition === undefined) {
      faults.set(key, unknownSetting(key, declared.keys()));
      continue;
    }
    if (isSecretSetting(definition) && LEAVES_SECRET.has(value)) continue;
    const checked = checkChange(definition, value);
    if ("fault" in checked) faults.set(key, checked.fault);
    else changes.set(definition, checked.value);
  }
  if (faults.size > 0) throw invalidSettings(manifest.key, faults);
  return changes;
}

function checkChange(definition: SettingDefinition, value: Json): ReturnType<typeof checkSetting> {
  if (!isEmptyValue(definition, value)) return checkSetting(definition, value);
  if (definition.required === true && defaultOf(definition) === undefined) {
    return { fault: { code: "required", message: "is required" } };
  }
  return { value: null };
}

/**
 * Applies checked changes.
 *
 * @param kept values before.
 * @param changes what changes.
 * @param place whose settings they are; sealed values name it.
 * @param masterKey 32 bytes.
 * @returns values after; a value that was taken away is its default again.
 */
export async function applySettings(
  kept: KeptSettings,
  changes: CheckedChanges,
  place: SettingPlace,
  masterKey: Uint8Array,
): Promise<KeptSettings> {
  const values = new Map(Object.entries(kept.values));
  const sealed = new Map(Object.entries(kept.sealed));
  for (const [definition, value] of changes) {
    const { key } = definition;
    if (isSecretSetting(definition)) {
      // Where a version before kept it in clear, it is not left there.
      values.delete(key);
      if (value === null) sealed.delete(key);
      else sealed.set(key, await sealSetting(masterKey, place, key, value));
    } else {
      const after = value ?? defaultOf(definition);
      if (after === undefined) values.delete(key);
      else values.set(key, after);
    }
  }
  return { values: Object.fromEntries(values), sealed: Object.fromEntries(sealed) };
}

/**
 * Finds the value of a setting that nobody has set.
 *
 * @param definition the setting.
 * @returns the manifest's default as it is kept; undefined where there is none, where it does not fit
 *   its own type, and for secrets: theirs stands in the manifest for all to read.
 */
export function defaultOf(definition: SettingDefinition): Json | undefined {
  const { default_value: value } = definition;
  if (value === undefined || value === null || isSecretSetting(definition)) return undefined;
  const checked = checkSetting(definition, value);
  return "fault" in checked ? undefined : checked.value;
}

function unknownSetting(key: string, known: Iterable<string>): FieldError {
  const near = nearest(key, known);
  return {
    code: "unknown",
    message: `is no setting of this addon${near === undefined ? "" : `; did you mean "${near}"?`}`,
    ...(near === undefined ? {} : { params: { suggestion: near } }),
  };
}

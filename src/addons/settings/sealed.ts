/**
 * Secret values of settings, sealed one by one. What is sealed names its organization, addon and
 * setting, so that a value moved to another place does not open.
 *
 * @module
 */

import { KernelError } from "../../base/error.ts";
import { isJsonObject, type Json } from "../../base/json.ts";
import { openSecret, sealSecret } from "../../base/secret.ts";

/** Whose setting. */
export interface SettingPlace {
  readonly organizationId: string;
  readonly addonKey: string;
}

/** Sealed values by key, as the row keeps them. */
export type SealedSettings = ReadonlyMap<string, string>;

/**
 * Seals a value.
 *
 * @param masterKey 32 bytes.
 * @param place whose it is.
 * @param key the setting.
 * @param value what must stay secret.
 * @returns base64.
 */
export async function sealSetting(
  masterKey: Uint8Array,
  place: SettingPlace,
  key: string,
  value: Json,
): Promise<string> {
  return await sealSecret(masterKey, prefixOf(place, key) + JSON.stringify(value));
}

/**
 * Opens what {@link sealSetting} gave.
 *
 * @param masterKey 32 bytes, the same.
 * @param place whose it is.
 * @param key the setting.
 * @param sealed base64.
 * @returns the value.
 * @throws {KernelError} kernel.secret_unreadable — another master key, or the value was changed or
 *   moved here from another place.
 */
export async function openSetting(
  masterKey: Uint8Array,
  place: SettingPlace,
  key: string,
  sealed: string,
): Promise<Json> {
  const text = await openSecret(masterKey, sealed);
  const prefix = prefixOf(place, key);
  if (!text.startsWith(prefix)) {
    throw new KernelError({
      code: "kernel.secret_unreadable",
      kind: "internal",
      message: `The setting "${key}" of addon "${place.addonKey}" was sealed for another place: ` +
        "it was moved",
    });
  }
  // Border: the kernel wrote this text itself, and the seal proves it.
  return JSON.parse(text.slice(prefix.length)) as Json;
}

/**
 * Reads the column `sealed_settings`.
 *
 * @param text JSON text.
 * @returns sealed values by key.
 */
export function readSealed(text: string): SealedSettings {
  const value: unknown = JSON.parse(text);
  const entries = isJsonObject(value) ? Object.entries(value) : [];
  return new Map(
    entries.flatMap(([key, sealed]) => typeof sealed === "string" ? [[key, sealed]] : []),
  );
}

/** No part can hold the separator: UUIDs and keys have their grammars. */
function prefixOf({ organizationId, addonKey }: SettingPlace, key: string): string {
  return `setting\n${organizationId.toLowerCase()}\n${addonKey}\n${key}\n`;
}

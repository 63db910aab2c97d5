/**
 * The settings of an installation as `env_get` answers them: texts by key.
 *
 * @module
 */

import type { Json } from "../../base/json.ts";
import type { LiveInstallation } from "../live_installations.ts";

/**
 * Reads the settings of an installation.
 *
 * @param installation the installation.
 * @returns texts as they are, numbers and booleans as JSON writes them; other values and settings
 *   that the manifest does not declare have none.
 */
export function guestSettings({ row, manifest }: LiveInstallation): ReadonlyMap<string, string> {
  // Border: the kernel wrote this text itself.
  const values = JSON.parse(row.settings) as Readonly<Record<string, Json>>;
  const settings = new Map<string, string>();
  for (const { key } of manifest.settings) {
    const value = Object.hasOwn(values, key) ? values[key] : undefined;
    if (typeof value === "string") settings.set(key, value);
    else if (typeof value === "number" || typeof value === "boolean") {
      settings.set(key, String(value));
    }
  }
  return settings;
}

/**
 * Reads the key of an addon: its grammar, and the names that are nobody's.
 *
 * @module
 */

import { ADDON_KEY, RESERVED_ADDON_KEYS } from "../../base/ids.ts";
import type { ManifestNode } from "./node.ts";

/**
 * Reads an addon key.
 *
 * @param node the text.
 * @returns the key; empty where it is absent or malformed, and was complained about.
 */
export function readAddonKey(node: ManifestNode): string {
  const key = node.matching(ADDON_KEY, "addon key") ?? "";
  if (RESERVED_ADDON_KEYS.has(key)) node.complain(`"${key}" is reserved for the kernel`);
  if (key in Object.prototype) node.complain(`"${key}" is reserved and cannot be an addon key`);
  return key;
}

/**
 * Reads settings of an installation (contract/metacore.md §3.10).
 *
 * @module
 */

import { MEMBER_KEY, readName, UniqueNames } from "./identifier.ts";
import { MAX_LABEL_LENGTH, MAX_SETTINGS } from "./limits.ts";
import type { SettingDefinition } from "./manifest.ts";
import type { ManifestNode } from "./node.ts";
import { readOptions } from "./option.ts";
import { defined } from "./optional.ts";

/**
 * Reads the list of settings.
 *
 * @param node the list.
 * @returns its settings; incomplete where it complained.
 */
export function readSettings(node: ManifestNode): SettingDefinition[] {
  const keys = new UniqueNames("setting");
  return node.objects(MAX_SETTINGS).map((item) => {
    const key = readName(item.field("key"), MEMBER_KEY, "setting key") ?? "";
    keys.add(item.field("key"), key || undefined);
    return {
      key,
      label: item.field("label").filledText(MAX_LABEL_LENGTH) ?? key,
      type: item.field("type").filledText() ?? "string",
      ...defined({
        default_value: item.field("default_value").value,
        options: readOptions(item.field("options")),
        secret: item.field("secret").flag(),
        required: item.field("required").flag(),
      }),
    };
  });
}

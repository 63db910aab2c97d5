/**
 * Reads settings of the generation `asteby.com/v3`.
 *
 * @module
 */

import { MEMBER_KEY, readName, UniqueNames } from "../identifier.ts";
import { MAX_LABEL_LENGTH, MAX_SETTINGS } from "../limits.ts";
import type { SettingDefinition } from "../manifest.ts";
import type { ManifestNode } from "../node.ts";
import { defined } from "../optional.ts";
import { readOptionList } from "./column_look.ts";
import { noteUnheeded, refuseUnknown } from "./strict.ts";

const TYPES = [
  "string",
  "text",
  "textarea",
  "number",
  "integer",
  "boolean",
  "select",
  "multi_select",
  "secret",
  "password",
  "url",
  "email",
  "date",
  "color",
  "json",
] as const;
const PROPERTIES = ["key", "type", "label", "default", "required", "options", "secret"];
const LOOKS = ["options_source", "section", "description", "placeholder"];

/**
 * Reads the list of settings.
 *
 * @param node the list.
 * @returns its settings; incomplete where it complained.
 */
export function readSettings(node: ManifestNode): SettingDefinition[] {
  const keys = new UniqueNames("setting");
  return node.objects(MAX_SETTINGS).map((item) => {
    refuseUnknown(item, [...PROPERTIES, ...LOOKS]);
    noteUnheeded(item, LOOKS, "is not told to clients");
    const key = readName(item.field("key"), MEMBER_KEY, "setting key") ?? "";
    keys.add(item.field("key"), key || undefined);
    const type = item.field("type").word(TYPES, "type of setting") ?? "string";
    const isSecret = item.field("secret").flag();
    return {
      key,
      label: item.field("label").filledText(MAX_LABEL_LENGTH) ?? key,
      type,
      ...defined({
        default_value: item.field("default").value,
        options: readOptionList(item.field("options")),
        secret: type === "secret" ? true : isSecret,
        required: item.field("required").flag(),
      }),
    };
  });
}

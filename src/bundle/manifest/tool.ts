/**
 * Reads tools (contract/metacore.md §3.10, §11.7). It checks their shape; what an endpoint reaches is
 * checked when it is called.
 *
 * @module
 */

import { readCallAddress } from "./handler.ts";
import { MEMBER_KEY, readName, UniqueNames } from "./identifier.ts";
import { MAX_ACTION_FIELDS, MAX_LABEL_LENGTH, MAX_TOOLS, MAX_UNREAD_ITEMS } from "./limits.ts";
import type { ToolDefinition, ToolParameterDefinition } from "./manifest.ts";
import { type ManifestNode, shown } from "./node.ts";
import { defined } from "./optional.ts";
import type { PatternReader } from "./pattern.ts";

/** HTTP methods of a tool's endpoint. */
const METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE"] as const;
const CATEGORIES = ["communication", "query", "action", "integration"] as const;
const TYPES = ["string", "number", "date", "boolean", "email", "phone"] as const;
/** Names of other type systems that mean one of the six. */
const TYPE_ALIASES: Readonly<Record<string, ToolParameterDefinition["type"]>> = {
  text: "string",
  integer: "number",
  int: "number",
  float: "number",
  decimal: "number",
  bool: "boolean",
  datetime: "date",
};
const NORMALIZERS = ["uppercase", "lowercase", "trim", "alphanumeric", "order_id"] as const;
const SECONDS = { min: 0, max: 86_400 };
const PLACE = { min: -1_000_000, max: 1_000_000 };

/**
 * Reads the list of tools.
 *
 * @param node the list.
 * @param patterns reads patterns within the manifest's bounds.
 * @returns its tools; incomplete where it complained.
 */
export function readTools(node: ManifestNode, patterns: PatternReader): ToolDefinition[] {
  const seen = new Set<string>();
  return node.objects(MAX_TOOLS).flatMap((item) => {
    const tool = readTool(item, patterns);
    const folded = tool.id.toLowerCase();
    // Published addons repeat a tool; the original registers one of them.
    if (seen.has(folded)) {
      item.note(`a tool "${tool.id}" is there already; this one is not offered`);
    }
    const isFirst = !seen.has(folded);
    seen.add(folded);
    return isFirst ? [tool] : [];
  });
}

function readTool(node: ManifestNode, patterns: PatternReader): ToolDefinition {
  const id = readName(node.field("id"), MEMBER_KEY, "tool id") ?? "";
  const keywords = node.field("trigger_keywords");
  const intents = node.field("trigger_intents");
  return {
    id,
    name: node.field("name").filledText(MAX_LABEL_LENGTH) ?? id,
    description: node.field("description").text() ?? "",
    input_schema: readParameters(node.field("input_schema"), patterns),
    endpoint: readCallAddress(node.field("endpoint")) ?? "",
    ...defined({
      category: knownWord(node.field("category"), CATEGORIES, "category"),
      method: readMethod(node.field("method")),
      trigger_keywords: keywords.present ? keywords.texts(MAX_UNREAD_ITEMS) : undefined,
      trigger_intents: intents.present ? intents.texts(MAX_UNREAD_ITEMS) : undefined,
      auto_create_record: node.field("auto_create_record").filledText(MAX_LABEL_LENGTH),
      settings: node.field("settings").value,
      // Zero is the decoder's "absent".
      timeout: node.field("timeout").integer(SECONDS) || undefined,
      cache_ttl: node.field("cache_ttl").integer(SECONDS) || undefined,
      priority: node.field("priority").integer(PLACE),
    }),
  };
}

function readMethod(node: ManifestNode): string | undefined {
  const method = node.filledText(MAX_LABEL_LENGTH)?.toUpperCase();
  if (method === undefined || METHODS.some((known) => known === method)) return method;
  return node.complain(`${shown(method)} is not a known method: use ${METHODS.join(", ")}`);
}

function readParameters(node: ManifestNode, patterns: PatternReader): ToolParameterDefinition[] {
  const names = new UniqueNames("parameter");
  return node.objects(MAX_ACTION_FIELDS).map((item) => {
    const name = readName(item.field("name"), MEMBER_KEY, "parameter name") ?? "";
    names.add(item.field("name"), name || undefined);
    return {
      name,
      type: readType(item.field("type")),
      description: item.field("description").text() ?? "",
      ...defined({
        required: item.field("required").flag(),
        example: readExample(item.field("example")),
        extraction_hint: item.field("extraction_hint").filledText(),
        default_value: item.field("default_value").value,
        validation: patterns.read(item.field("validation")),
        normalize: knownWord(item.field("normalize"), NORMALIZERS, "normalization"),
        format_pattern: item.field("format_pattern").filledText(),
      }),
    };
  });
}

function readType(node: ManifestNode): ToolParameterDefinition["type"] {
  const text = node.filledText(MAX_LABEL_LENGTH);
  if (text === undefined) return "string";
  const type = TYPES.find((known) => known === text);
  if (type !== undefined) return type;
  if (Object.hasOwn(TYPE_ALIASES, text)) return TYPE_ALIASES[text]!;
  // The original checks nothing for a type that it does not know.
  node.note(`${shown(text)} is not a type of parameters; its values are taken as texts`);
  return "string";
}

/** Examples are shown, never checked: a number is as good as its text. */
function readExample(node: ManifestNode): string | undefined {
  if (typeof node.value === "number" || typeof node.value === "boolean") return String(node.value);
  return node.filledText();
}

function knownWord<Word extends string>(
  node: ManifestNode,
  words: readonly Word[],
  what: string,
): Word | undefined {
  const text = node.filledText(MAX_LABEL_LENGTH);
  if (text === undefined) return undefined;
  const word = words.find((known) => known === text);
  if (word === undefined) node.note(`${shown(text)} is not a known ${what} and has no effect`);
  return word;
}

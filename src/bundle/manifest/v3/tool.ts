/**
 * Reads tools of the generation `asteby.com/v3`: their inputs are a JSON Schema, which is kept and
 * also read as the list of parameters that the flat generation writes.
 *
 * @module
 */

import { isJsonObject, type Json, type JsonObject } from "../../../base/json.ts";
import { MEMBER_KEY, readName, UniqueNames } from "../identifier.ts";
import { MAX_ACTION_FIELDS, MAX_LABEL_LENGTH, MAX_TOOLS } from "../limits.ts";
import type { ToolDefinition, ToolParameterDefinition } from "../manifest.ts";
import { type ManifestNode, shown } from "../node.ts";
import { defined } from "../optional.ts";
import type { PatternReader } from "../pattern.ts";
import type { HandlerReader } from "./handler.ts";
import { refuseUnknown } from "./strict.ts";

const PROPERTIES = ["key", "name", "label", "description", "category", "input_schema", "handler"];
const SCHEMA_TYPES = ["string", "number", "integer", "boolean", "array", "object"] as const;
const PARAMETER_TYPES: Readonly<Record<string, ToolParameterDefinition["type"]>> = {
  number: "number",
  integer: "number",
  boolean: "boolean",
};
const FORMATS: Readonly<Record<string, ToolParameterDefinition["type"]>> = {
  "date": "date",
  "date-time": "date",
  "email": "email",
  "phone": "phone",
};

/**
 * Reads the list of tools.
 *
 * @param node the list.
 * @param handlers reads their handlers.
 * @param patterns reads patterns within the manifest's bounds.
 * @returns its tools; incomplete where it complained.
 */
export function readTools(
  node: ManifestNode,
  handlers: HandlerReader,
  patterns: PatternReader,
): ToolDefinition[] {
  const keys = new UniqueNames("tool");
  return node.objects(MAX_TOOLS).map((item) => {
    refuseUnknown(item, PROPERTIES);
    const id = readName(item.field("key"), MEMBER_KEY, "tool key") ?? "";
    keys.add(item.field("key"), id || undefined);
    const label = item.field("label").filledText(MAX_LABEL_LENGTH);
    const handlerNode = item.field("handler");
    if (!handlerNode.present) handlerNode.complain("is required");
    const handler = handlers.read(handlerNode, id);
    const schema = item.field("input_schema");
    return {
      id,
      name: item.field("name").filledText(MAX_LABEL_LENGTH) ?? label ?? id,
      description: item.field("description").text() ?? "",
      input_schema: readSchema(schema, patterns),
      endpoint: handler?.type === "webhook" ? handler.url : "",
      ...defined({
        category: item.field("category").filledText(MAX_LABEL_LENGTH),
        parameters_schema: isJsonObject(schema.value) ? schema.value : undefined,
        handler,
      }),
    };
  });
}

function readSchema(node: ManifestNode, patterns: PatternReader): ToolParameterDefinition[] {
  const schema = node.object();
  if (schema === undefined) return [];
  if (node.field("type").value !== "object") node.field("type").complain('must be "object"');
  const required = node.field("required").texts(MAX_ACTION_FIELDS);
  const properties = node.field("properties").entries(MAX_ACTION_FIELDS);
  required.forEach((name, index) => {
    if (properties.some(([key]) => key === name)) return;
    node.field("required").item(index).complain(`${shown(name)} is not among the properties`);
  });
  return properties.flatMap(([name, item]) => {
    if (!MEMBER_KEY.test(name) || name in Object.prototype) {
      item.complain(`${shown(name)} is not a parameter name`);
      return [];
    }
    const parameter = readProperty(item, name, patterns);
    if (parameter === undefined) return [];
    return [required.includes(name) ? { ...parameter, required: true } : parameter];
  });
}

function readProperty(
  node: ManifestNode,
  name: string,
  patterns: PatternReader,
): ToolParameterDefinition | undefined {
  const property = node.object();
  if (property === undefined) {
    return node.present ? undefined : node.complain("must be an object, not null");
  }
  const type = node.field("type").word(SCHEMA_TYPES, "type of parameter");
  return {
    name,
    type: parameterType(type ?? "string", property["format"]),
    description: node.field("description").text() ?? "",
    ...defined({
      example: exampleOf(property),
      default_value: node.field("default").value,
      validation: patterns.read(node.field("pattern")),
    }),
  };
}

/** Lists and objects have no type of their own there; the schema says what they are. */
function parameterType(type: string, format: Json | undefined): ToolParameterDefinition["type"] {
  const plain = Object.hasOwn(PARAMETER_TYPES, type) ? PARAMETER_TYPES[type] : undefined;
  if (plain !== undefined) return plain;
  const named = typeof format === "string" && Object.hasOwn(FORMATS, format);
  return named ? FORMATS[format]! : "string";
}

function exampleOf(property: JsonObject): string | undefined {
  const examples = property["examples"];
  const first = Array.isArray(examples) ? (examples as readonly Json[])[0] : property["example"];
  if (first === undefined || first === null) return undefined;
  return isJsonObject(first) || Array.isArray(first) ? JSON.stringify(first) : String(first);
}

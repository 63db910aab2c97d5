/**
 * Parameters of a tool that describes its inputs as JSON Schema (manifests of `asteby.com/v3`): the
 * part of it that authors use. A keyword that changes what is valid and is not known here refuses:
 * passing over it would let through what the author shut out.
 *
 * @module
 */

import { isJsonObject, type Json, type JsonObject } from "../../base/json.ts";
import type { ReadParameters } from "./parameters.ts";
import { numberOfText } from "../../models/text_forms.ts";
import { checkKeywords, fits } from "./schema_keywords.ts";

const MAX_DEPTH = 16;
const MAX_PROBLEMS = 50;

/**
 * Reads parameters.
 *
 * @param schema the schema of an object.
 * @param given what was sent.
 * @param isProvided tells whether the installation itself has a value for a required parameter.
 * @returns the parameters, defaults filled in, texts turned into numbers and booleans where the schema
 *   wants those, undeclared ones dropped unless the schema admits them; or every problem.
 */
export function readBySchema(
  schema: JsonObject,
  given: JsonObject,
  isProvided: (name: string) => boolean = () => false,
): ReadParameters {
  const unknown = checkKeywords(schema);
  if (unknown !== undefined) return { problems: [`schema: "${unknown}" is not supported`] };
  const reader = new SchemaReader(isProvided);
  const values = reader.object(schema, given, "", 0);
  return reader.problems.length > 0 ? { problems: reader.problems } : { values };
}

class SchemaReader {
  readonly problems: string[] = [];
  readonly #isProvided: (name: string) => boolean;

  constructor(isProvided: (name: string) => boolean) {
    this.#isProvided = isProvided;
  }

  object(schema: JsonObject, given: JsonObject, path: string, depth: number): JsonObject {
    const properties = objectAt(schema, "properties");
    const values = new Map<string, Json>();
    for (const [name, property] of Object.entries(properties)) {
      const place = path === "" ? name : `${path}.${name}`;
      const rule = isJsonObject(property) ? property : {};
      const sent = Object.hasOwn(given, name) ? given[name] : undefined;
      const value = sent === undefined ? rule["default"] : sent;
      if (value !== undefined && (value !== null || admits(rule, "null"))) {
        values.set(name, this.#value(rule, value, place, depth + 1));
      } else if (isRequired(schema, name) && !(path === "" && this.#isProvided(name))) {
        this.#complain(place, "required");
      }
    }
    const { additionalProperties: others } = schema;
    for (const [name, value] of Object.entries(given)) {
      if (Object.hasOwn(properties, name) || others === undefined) continue;
      const place = path === "" ? name : `${path}.${name}`;
      if (others === false) this.#complain(place, "unknown parameter");
      else if (others === true) values.set(name, value);
      else if (isJsonObject(others)) values.set(name, this.#value(others, value, place, depth + 1));
    }
    return Object.fromEntries(values);
  }

  #value(schema: JsonObject, given: Json, path: string, depth: number): Json {
    const value = coerced(schema, given);
    if (depth > MAX_DEPTH) return this.#complain(path, "nests too deep");
    const unknown = checkKeywords(schema);
    if (unknown !== undefined) return this.#complain(path, `"${unknown}" is not supported`);
    const complaint = fits(schema, value);
    if (complaint !== undefined) return this.#complain(path, complaint);
    if (isJsonObject(value)) {
      const isOpen = schema["properties"] === undefined &&
        schema["additionalProperties"] === undefined;
      return isOpen ? value : this.object(schema, value, path, depth);
    }
    const { items } = schema;
    if (!Array.isArray(value) || !isJsonObject(items)) return value;
    return value.map((item, index) => this.#value(items, item, `${path}[${index}]`, depth + 1));
  }

  #complain(path: string, problem: string): null {
    if (this.problems.length < MAX_PROBLEMS) this.problems.push(`${path}: ${problem}`);
    return null;
  }
}

function objectAt(schema: JsonObject, keyword: string): JsonObject {
  const value = schema[keyword];
  return isJsonObject(value) ? value : {};
}

function isRequired({ required }: JsonObject, name: string): boolean {
  return Array.isArray(required) && required.includes(name);
}

function admits({ type }: JsonObject, name: string): boolean {
  return Array.isArray(type) ? type.includes(name) : type === undefined || type === name;
}

/** Agents and forms send texts. */
function coerced(schema: JsonObject, value: Json): Json {
  if (typeof value !== "string" || admits(schema, "string")) return value;
  const text = value.trim();
  const isWanted = admits(schema, "number") || admits(schema, "integer");
  const number = isWanted ? numberOfText(text) : undefined;
  if (number !== undefined) return number;
  if (admits(schema, "boolean") && (text === "true" || text === "false")) return text === "true";
  return value;
}

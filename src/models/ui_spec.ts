/**
 * Reads what authors wrote into `table` and `modal`: JSON that nobody has validated, of which every
 * part may be missing or of another type. It never throws and interprets nothing.
 *
 * @module
 */

import { isJsonObject, type Json, type JsonObject } from "../base/json.ts";

/**
 * Reads a list.
 *
 * @param spec a UI specification, if there is one.
 * @param key where the list stands.
 * @returns the list, or undefined when it is absent or of another type.
 */
export function listAt(spec: JsonObject | undefined, key: string): readonly Json[] | undefined {
  const list = valueAt(spec, key);
  return Array.isArray(list) ? list : undefined;
}

/**
 * Reads a list of objects.
 *
 * @param spec a UI specification, if there is one.
 * @param key where the list stands.
 * @returns its objects; other elements are left out.
 */
export function objectsAt(spec: JsonObject | undefined, key: string): readonly JsonObject[] {
  return (listAt(spec, key) ?? []).filter(isJsonObject);
}

/**
 * Reads a text.
 *
 * @param spec a UI specification, if there is one.
 * @param key where the text stands.
 * @returns the text, or undefined when it is absent, blank or no text.
 */
export function textAt(spec: JsonObject | undefined, key: string): string | undefined {
  const text = valueAt(spec, key);
  return typeof text === "string" && text.trim() !== "" ? text : undefined;
}

/**
 * Reads a list of texts.
 *
 * @param spec a UI specification, if there is one.
 * @param key where the list stands.
 * @returns its texts, or undefined when there is no list.
 */
export function textsAt(spec: JsonObject | undefined, key: string): string[] | undefined {
  return listAt(spec, key)?.filter((element) => typeof element === "string");
}

/**
 * Reads a truth value.
 *
 * @param spec a UI specification, if there is one.
 * @param key where it stands.
 * @returns the value, or undefined when it is absent or of another type.
 */
export function flagAt(spec: JsonObject | undefined, key: string): boolean | undefined {
  const flag = valueAt(spec, key);
  return typeof flag === "boolean" ? flag : undefined;
}

/**
 * Reads a value of the specification's own: names such as `constructor` find nothing.
 *
 * @param spec a UI specification, if there is one.
 * @param key where the value stands.
 * @returns the value, or undefined.
 */
export function valueAt(spec: JsonObject | undefined, key: string): Json | undefined {
  return spec !== undefined && Object.hasOwn(spec, key) ? spec[key] : undefined;
}

/** Keys under which a specification names an address that clients call with their bearer token. */
const ADDRESS_KEYS: ReadonlySet<string> = new Set([
  "searchEndpoint",
  "search_endpoint",
  "endpoint",
]);
const FOREIGN_ADDRESS = /^\s*(?:[a-z][a-z0-9+.-]*:|[/\\]{2})|\\/i;

/**
 * Takes addresses on other hosts out of a specification: whoever writes a manifest must not be able
 * to have users' tokens sent to a host of their choice.
 *
 * @param spec a UI specification.
 * @returns a copy without them, at any depth.
 */
export function withoutForeignAddresses(spec: JsonObject): JsonObject {
  return Object.fromEntries(
    Object.entries(spec)
      .filter(([key, value]) => !(ADDRESS_KEYS.has(key) && isForeign(value)))
      .map(([key, value]) => [key, cleaned(value)]),
  );
}

function isForeign(value: Json): boolean {
  return typeof value !== "string" || FOREIGN_ADDRESS.test(value);
}

function cleaned(value: Json): Json {
  if (isJsonObject(value)) return withoutForeignAddresses(value);
  return Array.isArray(value) ? value.map(cleaned) : value;
}

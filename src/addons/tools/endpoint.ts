/**
 * The address of a tool: which values fill its placeholders, and what of the parameters a request
 * without a body carries in its query.
 *
 * @module
 */

import type { JsonObject } from "../../base/json.ts";
import { parameterText } from "./parameters.ts";

const PLACEHOLDER = /\{\{\s*([A-Za-z_][A-Za-z0-9_.-]{0,127})\s*\}\}/g;

/**
 * Lists the placeholders of an address.
 *
 * @param endpoint as the manifest has it.
 * @returns names.
 */
export function placeholdersOf(endpoint: string): ReadonlySet<string> {
  return new Set([...endpoint.matchAll(PLACEHOLDER)].map(([, name]) => name ?? ""));
}

/** Whether a placeholder is the whole address. */
function isWhole(endpoint: string): boolean {
  return endpoint.replace(PLACEHOLDER, "").trim() === "" && placeholdersOf(endpoint).size === 1;
}

/**
 * Finds what fills the placeholders: parameters first, then settings. A whole address is what the
 * operator has set, where there is such a setting: who calls a tool does not choose where it leads.
 *
 * @param endpoint as the manifest has it.
 * @param parameters checked values.
 * @param settings the installation's settings as texts, secret ones among them.
 * @returns values by name, or the first placeholder that nothing fills.
 */
export function fillPlaceholders(
  endpoint: string,
  parameters: JsonObject,
  settings: ReadonlyMap<string, string>,
): ReadonlyMap<string, string> | { readonly missing: string } {
  const filled = new Map<string, string>();
  const whole = isWhole(endpoint);
  for (const name of placeholdersOf(endpoint)) {
    const setting = settings.get(name) || undefined;
    const value = Object.hasOwn(parameters, name) ? parameters[name] : undefined;
    const given = value === undefined ? undefined : parameterText(value);
    const text = whole ? setting ?? given : given ?? setting;
    if (text === undefined) return { missing: name };
    filled.set(name, text);
  }
  return filled;
}

/**
 * Puts parameters into the query of an address, for requests that carry no body. Those that fill a
 * placeholder are there already.
 *
 * @param endpoint as the manifest has it.
 * @param parameters checked values.
 * @returns the address; as it is where a placeholder is all of it.
 */
export function withQuery(endpoint: string, parameters: JsonObject): string {
  const used = placeholdersOf(endpoint);
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(parameters)) {
    if (!used.has(name)) query.append(name, parameterText(value));
  }
  if (query.size === 0 || isWhole(endpoint)) return endpoint;
  const [address = ""] = endpoint.split("#");
  return `${address}${address.includes("?") ? "&" : "?"}${query}`;
}

/**
 * JSON as a type.
 *
 * @module
 */

/** Any JSON value. */
export type Json = null | boolean | number | string | readonly Json[] | JsonObject;

/** A JSON object. */
export interface JsonObject {
  /** A member by its name. */
  readonly [key: string]: Json;
}

/**
 * Tells whether a value is a plain JSON object (not null, not an array).
 *
 * @param value anything.
 * @returns true when it is an object.
 */
export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/**
 * Reads a text that may be JSON.
 *
 * @param text anything.
 * @returns its value; undefined where it is no JSON.
 */
export function jsonOf(text: string): Json | undefined {
  try {
    // Border: whatever the parser takes is JSON.
    return JSON.parse(text) as Json;
  } catch {
    return undefined;
  }
}

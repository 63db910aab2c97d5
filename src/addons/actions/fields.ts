/**
 * What a user filled in for an action: checked field by field and brought into one form, as records
 * are. Keys that no field declares are passed on: published clients send more than the form.
 *
 * @module
 */

import type { FieldError } from "../../base/error.ts";
import type { Json, JsonObject } from "../../base/json.ts";
import type { ActionFieldDefinition } from "../../bundle/manifest/manifest.ts";
import { actionInvalid } from "./errors.ts";
import { type FieldReader, fieldReader } from "./field_types.ts";

/** Names that mean something else to code that copies objects carelessly. */
const UNSAFE_KEYS: ReadonlySet<string> = new Set(["__proto__", "constructor", "prototype"]);
const REQUIRED: FieldError = { code: "required", message: "is required" };

/**
 * Reads the payload of an action.
 *
 * @param fields what the action asks for.
 * @param payload what was sent.
 * @returns the payload, defaults filled in, values of declared fields in the form of their type.
 * @throws {KernelError} addon.action_invalid — `fields` holds every complaint.
 */
export function readPayload(
  fields: readonly ActionFieldDefinition[],
  payload: JsonObject,
): JsonObject {
  const declared = new Set(fields.map((field) => field.name));
  const read = new Map(
    Object.entries(payload).filter(([key]) => declared.has(key) || !UNSAFE_KEYS.has(key)),
  );
  const complaints = new Map<string, readonly FieldError[]>();
  for (const field of fields) {
    const reader = fieldReader(field);
    const given = presentIn(read, field, reader);
    if (given === undefined) {
      if (field.required === true) complaints.set(field.name, [REQUIRED]);
      // An input that was left empty is told as such, in the form of its type.
      else if (read.has(field.name)) read.set(field.name, reader.empty(read.get(field.name)!));
      continue;
    }
    const result = reader.read(given);
    if ("error" in result) complaints.set(field.name, [result.error]);
    else read.set(field.name, result.value);
  }
  if (complaints.size > 0) throw actionInvalid(complaints);
  return Object.fromEntries(read);
}

function presentIn(
  read: ReadonlyMap<string, Json>,
  field: ActionFieldDefinition,
  reader: FieldReader,
): Json | undefined {
  const given = read.get(field.name);
  if (given !== undefined && given !== null && !reader.isEmpty(given)) return given;
  const { default: standard } = field;
  return standard === undefined || standard === null || reader.isEmpty(standard)
    ? undefined
    : standard;
}

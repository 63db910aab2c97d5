/**
 * What an addon's answer to a tool call means (contract/metacore.md §11.7).
 *
 * @module
 */

import { isJsonObject, type Json, type JsonObject, jsonOf } from "../../base/json.ts";
import type { BackendAnswer } from "../backend/backend.ts";
import type { ToolResult } from "./tool_service.ts";

const SHOWN_BODY_LENGTH = 2_048;

/**
 * Reads the answer of a backend.
 *
 * @param answer what came.
 * @returns the result; a status that is none of success is told with what the backend said.
 */
export function readBackendResult(answer: BackendAnswer): ToolResult {
  const { status, body, truncated } = answer;
  if (status < 200 || status > 299) {
    const text = new TextDecoder().decode(body).slice(0, SHOWN_BODY_LENGTH);
    return { success: false, error: `addon returned ${status}: ${text}` };
  }
  if (truncated) return { success: false, error: "addon answered more than is read" };
  return readResult(body);
}

/**
 * Reads the answer of a function or of a backend.
 *
 * @param body what came.
 * @returns an object that has `success`, an `error` or `metadata` is the result itself; anything else
 *   is its data, a text where it is no JSON; nothing is success without data.
 */
export function readResult(body: Uint8Array): ToolResult {
  if (body.length === 0) return { success: true };
  const text = new TextDecoder().decode(body);
  const value = jsonOf(text);
  if (value === undefined) return { success: true, data: text };
  return isJsonObject(value) && isEnvelope(value)
    ? fromEnvelope(value)
    : { success: true, data: value };
}

function isEnvelope(value: JsonObject): boolean {
  return Object.hasOwn(value, "success") || errorText(value["error"]) !== "" ||
    Object.hasOwn(value, "metadata");
}

function fromEnvelope(value: JsonObject): ToolResult {
  const { success, data, metadata, message } = value;
  // A refusal in the envelope of records says why in its message.
  const error = errorText(value["error"]) || (success === false ? errorText(message) : "");
  return {
    success: typeof success === "boolean" ? success : error === "",
    ...(data === undefined ? {} : { data }),
    ...(error === "" ? {} : { error }),
    ...(isJsonObject(metadata) ? { metadata } : {}),
  };
}

/** Published guests write `{code, message}`, the contract a text. */
function errorText(error: Json | undefined): string {
  if (typeof error === "string") return error;
  if (!isJsonObject(error)) return "";
  const { message, code } = error;
  return typeof message === "string" ? message : typeof code === "string" ? code : "";
}

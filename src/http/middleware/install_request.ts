/**
 * Reads what a request to install, upgrade or go back says beside the bundle: its signature, and the
 * operator's terms. A value that is not understood is refused: each of them guards something.
 *
 * @module
 */

import type { InstallTerms } from "../../addons/addon_service.ts";
import { sha256Hex } from "../../bundle/digest.ts";
import { detachedFrom } from "../../bundle/trust/detached.ts";
import type { DetachedSignature } from "../../bundle/trust/trust.ts";
import type { Json, JsonObject } from "../../base/json.ts";
import { isJsonObject } from "../../base/json.ts";
import { checksumMismatch, invalidBody } from "../errors.ts";
import type { Exchange } from "../exchange.ts";
import type { HttpLimits } from "../limits.ts";
import { parseJson } from "./body.ts";
import { readRevision } from "./etag.ts";
import type { OfferField, RawOffer } from "./offer_fields.ts";
import { knownFields, readOffer } from "./offer_fields.ts";

/** A request to install, read. */
export interface InstallRequest {
  /** Absent: an addon on offer here is meant. */
  readonly archive?: Uint8Array;
  readonly signature?: DetachedSignature;
  /** Version of the addon on offer. */
  readonly version?: string;
  readonly terms: InstallTerms;
  /** Fields that have no effect here, as sentences. */
  readonly warnings: readonly string[];
}

type Fields = RawOffer["fields"];

/**
 * Reads a request.
 *
 * @param exchange the request; its body may be absent.
 * @param limits sizes.
 * @returns bundle, signature and terms.
 * @throws {KernelError} http.invalid_body, http.checksum_mismatch, http.invalid_revision,
 *   bundle.malformed_signature, and what `readOffer` throws.
 */
export async function readInstallRequest(
  exchange: Exchange,
  limits: HttpLimits,
): Promise<InstallRequest> {
  const { archive, fields } = await readOffer(exchange, limits);
  const checksum = checksumOf(fields);
  if (archive !== undefined && checksum !== undefined) {
    const actual = await sha256Hex(archive);
    if (actual !== checksum) throw checksumMismatch(checksum, actual);
  }
  const signature = signatureOf(fields, checksum, limits);
  const version = textOf(fields, "version") ?? textOf(fields, "target_version");
  return {
    ...(archive === undefined ? {} : { archive }),
    ...(signature === undefined ? {} : { signature }),
    ...(version === undefined ? {} : { version }),
    terms: termsOf(fields, limits),
    warnings: warningsOf(fields),
  };
}

/**
 * Reads the terms of a JSON body alone.
 *
 * @param body the body.
 * @param limits sizes.
 * @returns the terms that it names.
 * @throws {KernelError} http.invalid_body, http.invalid_revision
 */
export function termsOfBody(body: JsonObject, limits: HttpLimits): InstallTerms {
  return termsOf(new Map(knownFields(body)), limits);
}

function textOf(fields: Fields, name: OfferField): string | undefined {
  const value = fields.get(name);
  if (value === undefined || value === null || value === "") return undefined;
  if (typeof value === "string") return value.trim();
  throw invalidBody(`${name} is one text`);
}

function checksumOf(fields: Fields): string | undefined {
  const text = textOf(fields, "checksum")?.toLowerCase().replace(/^sha-?256[:=]/, "");
  if (text === undefined || /^[0-9a-f]{64}$/.test(text)) return text;
  throw invalidBody("the checksum is a SHA-256 of 64 hex digits");
}

/** A bare signature with a block of facts beside it, or the block alone; as a text of JSON as well. */
function signatureOf(
  fields: Fields,
  checksum: string | undefined,
  limits: HttpLimits,
): DetachedSignature | undefined {
  const text = textOf(fields, "signature");
  let own: JsonObject = text === undefined ? {} : { value: text };
  if (text?.startsWith("{")) own = objectOf(fields, "signature", limits) ?? {};
  const block = { ...objectOf(fields, "signature_meta", limits), ...own };
  if (Object.keys(block).length === 0) return undefined;
  const signature = detachedFrom(block);
  return checksum === undefined ? signature : { digest: checksum, ...signature };
}

function termsOf(fields: Fields, limits: HttpLimits): InstallTerms {
  const settings = objectOf(fields, "settings", limits);
  // An older form's name for values that are secret; which settings are, the manifest says.
  const credentials = objectOf(fields, "credentials", limits);
  return present({
    planHash: textOf(fields, "plan_hash"),
    acceptedCapabilities: acceptedOf(fields, limits),
    downgrade: downgradeOf(fields),
    revision: readRevision(fields.get("revision")),
    settings: settings ?? credentials ? { ...settings, ...credentials } : undefined,
  });
}

/** A list, its JSON, a text with commas between, or `all`. */
function acceptedOf(fields: Fields, limits: HttpLimits): readonly string[] | "all" | undefined {
  const value = fields.get("accepted_capabilities");
  if (value === undefined || value === null) return undefined;
  if (value === "all") return "all";
  const list = typeof value === "string" ? listOf(value, limits) : value;
  if (!Array.isArray(list) || list.some((each) => typeof each !== "string")) {
    throw invalidBody('accepted_capabilities is a list of texts "<kind> <target>", or "all"');
  }
  return list.map((each) => String(each).trim()).filter((each) => each !== "");
}

function listOf(text: string, limits: HttpLimits): Json {
  if (!text.trimStart().startsWith("[")) return text.split(",");
  // Border: what was parsed as JSON is JSON.
  return parseJson(new TextEncoder().encode(text), limits) as Json;
}

function downgradeOf(fields: Fields): "allow" | "refuse" | undefined {
  const value = fields.get("allow_downgrade");
  if (value === undefined || value === null || value === "") return undefined;
  if (value === true || value === "true" || value === "1") return "allow";
  if (value === false || value === "false" || value === "0") return "refuse";
  throw invalidBody("allow_downgrade is true or false");
}

function objectOf(fields: Fields, name: OfferField, limits: HttpLimits): JsonObject | undefined {
  const value = fields.get(name);
  if (value === undefined || value === null || value === "") return undefined;
  const parsed = typeof value === "string"
    // Border: what was parsed as JSON is JSON.
    ? parseJson(new TextEncoder().encode(value), limits) as Json
    : value;
  if (isJsonObject(parsed)) return parsed;
  throw invalidBody(`${name} is a JSON object`);
}

function warningsOf(fields: Fields): string[] {
  const unheeded: readonly OfferField[] = ["agent_id", "selected_tools"];
  return unheeded.filter((name) => isFilled(fields.get(name)))
    .map((name) => `${name} has no effect on this server`);
}

function isFilled(value: Json | undefined): boolean {
  return value !== undefined && value !== null && value !== "" &&
    !(Array.isArray(value) && value.length === 0);
}

type Present<T> = { [K in keyof T]?: Exclude<T[K], undefined> };

/** Leaves out what is undefined: an optional member is there or it is not. */
function present<T extends object>(values: T): Present<T> {
  // Border: what is left are members of T that are not undefined.
  return Object.fromEntries(
    Object.entries(values).filter(([, value]) => value !== undefined),
  ) as Present<T>;
}

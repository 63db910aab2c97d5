/**
 * Collects what a request says beside a bundle, however it says it: form, JSON, headers, query. What
 * the values mean is read in `install_request.ts`.
 *
 * @module
 */

import type { Json, JsonObject } from "../../base/json.ts";
import { isJsonObject } from "../../base/json.ts";
import { editDistance } from "../../base/nearest.ts";
import { invalidBody, missingBundle } from "../errors.ts";
import type { Exchange } from "../exchange.ts";
import type { HttpLimits } from "../limits.ts";
import { mediaTypeOf, parseJson, readBytes } from "./body.ts";
import { parseMultipart } from "./multipart.ts";

/** Media types under which the archive itself is sent. */
export const ARCHIVE_TYPES: readonly string[] = [
  "application/gzip",
  "application/x-gzip",
  "application/x-gtar",
  "application/x-tgz",
  "application/x-compressed-tar",
  "application/tar+gzip",
];

/** Names of what may stand beside a bundle. */
export const OFFER_FIELDS = [
  "signature",
  "signature_meta",
  "checksum",
  "plan_hash",
  "accepted_capabilities",
  "allow_downgrade",
  "settings",
  "credentials",
  "revision",
  "version",
  "target_version",
  "agent_id",
  "selected_tools",
] as const;

/** A field's name. */
export type OfferField = (typeof OFFER_FIELDS)[number];

/** What a request holds. */
export interface RawOffer {
  /** Absent: the request names an addon on offer here. */
  readonly archive?: Uint8Array;
  /** Values as they came: texts of forms, headers and queries, any JSON of a JSON body. */
  readonly fields: ReadonlyMap<OfferField, Json>;
}

/** Names that guard something: left out unseen, more would be done than was asked for. */
const GUARDS = ["plan", "plan_hash", "accepted_capabilities", "allow_downgrade", "revision"]
  .concat("signature", "checksum");

const UTF8 = new TextDecoder("utf-8", { fatal: true });

/**
 * Collects.
 *
 * @param exchange the request.
 * @param limits sizes.
 * @returns what was sent; a body's field goes before a header, a header before the query.
 * @throws {KernelError} http.missing_bundle — a form without one; http.invalid_body, and what reading
 *   a body throws.
 */
export async function readOffer(exchange: Exchange, limits: HttpLimits): Promise<RawOffer> {
  const type = mediaTypeOf(exchange.request);
  for (const name of exchange.query.keys()) refuseMisspelt(name);
  const beside = fieldsBeside(exchange);
  if (ARCHIVE_TYPES.includes(type)) {
    const archive = await readBytes(exchange, limits.bundleBytes);
    if (archive.byteLength === 0) throw missingBundle();
    return { archive, fields: beside };
  }
  if (type === "multipart/form-data") {
    const { archive, fields } = await readForm(exchange, limits);
    return { archive, fields: new Map([...beside, ...fields]) };
  }
  const bytes = await readBytes(exchange, limits.jsonBytes);
  if (bytes.byteLength === 0) return { fields: beside };
  if (!/^application\/(?:json|[\w.-]+\+json)$/.test(type)) throw missingBundle();
  // Border: what was parsed as JSON is JSON.
  const body = parseJson(bytes, limits) as Json;
  if (!isJsonObject(body)) throw invalidBody("the body is a JSON object, a form or an archive");
  for (const name of Object.keys(body)) refuseMisspelt(name);
  return { fields: new Map([...beside, ...knownFields(body)]) };
}

/**
 * Takes the fields out of a JSON body; what else it holds is not looked at.
 *
 * @param body the body.
 * @returns names and values.
 */
export function knownFields(body: JsonObject): [OfferField, Json][] {
  return OFFER_FIELDS.flatMap((name): [OfferField, Json][] =>
    Object.hasOwn(body, name) ? [[name, body[name]!]] : []
  );
}

/** Only what concerns the bundle: settings and credentials have no place in an address. */
const IN_QUERY: readonly OfferField[] = [
  "signature",
  "checksum",
  "plan_hash",
  "accepted_capabilities",
  "allow_downgrade",
  "revision",
  "version",
];

const IN_HEADERS: readonly (readonly [string, OfferField])[] = [
  ["x-asteby-marketplace-signature", "signature"],
  ["x-metacore-bundle-signature", "signature"],
  ["x-bundle-checksum", "checksum"],
  ["if-match", "revision"],
];

function fieldsBeside({ query, request }: Exchange): Map<OfferField, Json> {
  const fields = new Map<OfferField, Json>();
  for (const name of IN_QUERY) {
    const values = query.getAll(name);
    if (values.length > 0) fields.set(name, values.length === 1 ? values[0]! : values);
  }
  for (const [header, name] of IN_HEADERS) {
    const value = request.headers.get(header);
    if (value !== null) fields.set(name, value);
  }
  return fields;
}

async function readForm(
  exchange: Exchange,
  limits: HttpLimits,
): Promise<{ readonly archive: Uint8Array; readonly fields: Map<OfferField, Json> }> {
  const body = await readBytes(exchange, limits.bundleBytes);
  const parts = parseMultipart(body, exchange.request.headers.get("content-type") ?? "");
  const bundle = parts.find((part) => part.name === "bundle" && part.filename !== undefined);
  if (bundle === undefined || bundle.bytes.byteLength === 0) throw missingBundle();
  const fields = new Map<OfferField, Json>();
  for (const { name, bytes } of parts) {
    const field = OFFER_FIELDS.find((each) => each === name || `${each}[]` === name);
    if (field === undefined) refuseMisspelt(name.replace(/\[\]$/, ""));
    // A form's file field that nobody has filled is sent empty.
    if (field === undefined || bytes.byteLength === 0) continue;
    const text = fieldText(field, bytes, limits);
    const earlier = fields.get(field);
    fields.set(field, earlier === undefined ? text : [earlier, text].flat());
  }
  return { archive: bundle.bytes, fields };
}

function fieldText(name: OfferField, bytes: Uint8Array, limits: HttpLimits): string {
  if (bytes.byteLength > limits.jsonBytes) throw invalidBody(`${name} is too long`);
  try {
    return UTF8.decode(bytes);
  } catch {
    throw invalidBody(`${name} is not text in UTF-8`);
  }
}

/**
 * Other names are let pass, for clients send more than this server reads. But `planHash` or `plann=1`
 * must not install what somebody only meant to look at.
 */
function refuseMisspelt(name: string): void {
  const isKnown = GUARDS.includes(name) || OFFER_FIELDS.some((each) => each === name);
  if (isKnown || name.length > 40) return;
  const meant = GUARDS.find((each) => isNear(plain(name), plain(each)));
  if (meant === undefined) return;
  throw invalidBody(`${JSON.stringify(name)} is not known; did you mean ${meant}?`);
}

function plain(name: string): string {
  return name.toLowerCase().replace(/[-_]/g, "");
}

function isNear(given: string, meant: string): boolean {
  return editDistance(given, meant) <= (meant.length < 9 ? 1 : 2);
}

/**
 * Whom the operator trusts to sign bundles: keys of the environment, the file of keys, and what an
 * embedder gives. It reads no file; the command line does and hands the text over.
 *
 * @module
 */

import { KernelError } from "../base/error.ts";
import { isJsonObject, type Json, type JsonObject } from "../base/json.ts";
import { readJson } from "../bundle/manifest/json_reader.ts";
import { keyIdOf, parsePublicKey, PUBLIC_KEY_BYTES } from "../bundle/trust/public_key.ts";
import type { SignerRole, TrustedKey, TrustPolicy } from "../bundle/trust/trust.ts";
import type { ReadVariable, Refuse } from "./code_settings.ts";
import type { KernelOptions } from "./options.ts";

type KeysName = "MARKETPLACE_PUBKEYS" | "MARKETPLACE_PUBKEY";

const FIELDS: ReadonlySet<string> = new Set(
  ["id", "key", "role", "addons", "not_before", "expires_at", "revoked_at"],
);
const ADDON_PATTERN = /^[a-z][a-z0-9_-]{0,63}\*?$/;
const TIME = /^\d{4}-\d{2}-\d{2}[Tt]\d{2}:\d{2}:\d{2}(?:\.\d{1,9})?(?:[Zz]|[+-]\d{2}:\d{2})$/;

/**
 * Reads the keys of the environment.
 *
 * @param env reads a variable.
 * @param refuse makes the refusal.
 * @returns the keys as 64 hex digits each, in the order of the variables.
 */
export function readMarketplaceKeys(
  env: ReadVariable<KeysName>,
  refuse: Refuse<KeysName>,
): string[] {
  return (["MARKETPLACE_PUBKEYS", "MARKETPLACE_PUBKEY"] as const).flatMap((name) => {
    const texts = splitKeys(env(name) ?? "");
    return texts.map((text, at) => {
      try {
        return parsePublicKey(text).toHex();
      } catch (thrown) {
        if (!(thrown instanceof KernelError)) throw thrown;
        const which = `key ${at + 1} of ${texts.length} ${thrown.message}`;
        throw refuse(name, glimpse(text), `Ed25519 public keys, separated by commas (${which})`);
      }
    });
  });
}

/**
 * Reads the file of trusted keys.
 *
 * @param text JSON `{"keys": [{"key", "id"?, "role"?, "addons"?, "not_before"?, "expires_at"?,
 *   "revoked_at"?}]}`; nothing else may stand in it.
 * @param path the file, for messages.
 * @returns the keys; 1 or more, for an empty file would take trust away unsaid.
 * @throws {KernelError} kernel.invalid_setting — naming the file and the place in it.
 */
export function readTrustedKeys(text: string, path: string): TrustedKey[] {
  const document = readDocument(text, path);
  if (!isJsonObject(document)) throw fileRefused(path, "", "is not an object");
  refuseUnknown(document, new Set(["keys"]), path, "");
  const { keys } = document;
  if (!Array.isArray(keys)) throw fileRefused(path, "keys", "is not a list");
  if (keys.length === 0) throw fileRefused(path, "keys", "is empty");
  const read = (keys as readonly Json[]).map((entry, at) => readKey(entry, path, `keys[${at}]`));
  const clash = findClash(read);
  if (clash !== undefined) throw fileRefused(path, `keys[${clash.at}]`, clash.complaint);
  return read;
}

/**
 * Puts together what is trusted.
 *
 * @param marketplaceKeys keys of the environment, hex; each may sign any addon. Those that the file
 *   has too are taken as the file has them, so that a revocation there holds.
 * @param fileKeys keys of the file.
 * @param unsigned whether bundles may come unsigned; where there are keys, none may.
 * @returns the policy.
 * @throws {KernelError} kernel.invalid_setting — the file gives another key the id of one of these.
 */
export function trustPolicyOf(
  marketplaceKeys: readonly string[],
  fileKeys: readonly TrustedKey[],
  unsigned: TrustPolicy["unsigned"],
): TrustPolicy {
  const inFile = new Set(fileKeys.map(({ publicKey }) => publicKey.toHex()));
  const own = [...new Set(marketplaceKeys)].filter((key) => !inFile.has(key)).map((key) => {
    const publicKey = Uint8Array.fromHex(key);
    return { id: keyIdOf(publicKey), publicKey, role: "marketplace" as const };
  });
  const keys = [...own, ...fileKeys];
  const policy: TrustPolicy = { keys, unsigned: keys.length > 0 ? "refuse" : unsigned };
  checkTrustPolicy(policy);
  return policy;
}

/**
 * Checks what an embedder trusts.
 *
 * @param policy the option.
 * @throws {KernelError} kernel.invalid_setting — naming the key and what is wrong with it.
 */
function checkTrustPolicy(policy: TrustPolicy): void {
  if (policy.unsigned !== "refuse" && policy.unsigned !== "allow") {
    throw refused(`trust.unsigned is "refuse" or "allow", not ${JSON.stringify(policy.unsigned)}`);
  }
  policy.keys.forEach((key, at) => {
    const complaint = complaintOf(key);
    if (complaint !== undefined) throw refused(`trust.keys[${at}]${complaint}`);
  });
  const clash = findClash(policy.keys);
  if (clash !== undefined) throw refused(`trust.keys[${clash.at}] ${clash.complaint}`);
}

/**
 * Finds what is trusted in a kernel's options.
 *
 * @param options `trust` where it is given, otherwise no keys and what `unsignedBundles` says.
 * @returns the policy, checked.
 * @throws {KernelError} kernel.invalid_setting
 */
export function trustOf(options: Pick<KernelOptions, "trust" | "unsignedBundles">): TrustPolicy {
  const policy = options.trust ?? { keys: [], unsigned: options.unsignedBundles ?? "refuse" };
  checkTrustPolicy(policy);
  return policy;
}

/** Keys end at commas; blocks of PEM may also just follow each other. */
function splitKeys(text: string): string[] {
  return text.split(/,|(?=-----BEGIN )/).map((part) => part.trim()).filter(Boolean);
}

/** What may be repeated of a value: somebody may have pasted a private key. */
function glimpse(text: string): string {
  return text.length <= 12 ? text : `${text.slice(0, 8)}…`;
}

function readDocument(text: string, path: string): Json {
  try {
    return readJson(text, `METACORE_TRUSTED_KEYS_FILE ${path}`);
  } catch (thrown) {
    if (!(thrown instanceof KernelError)) throw thrown;
    throw refused(thrown.message);
  }
}

function readKey(entry: Json, file: string, place: string): TrustedKey {
  if (!isJsonObject(entry)) throw fileRefused(file, place, "is not an object");
  refuseUnknown(entry, FIELDS, file, place);
  const text = (name: string) => textAt(entry, name, file, place);
  const publicKey = readPublicKey(text("key"), file, `${place}.key`);
  const notBefore = text("not_before");
  const expiresAt = text("expires_at");
  const revokedAt = text("revoked_at");
  const key: TrustedKey = {
    id: text("id") ?? keyIdOf(publicKey),
    publicKey,
    // Border: complaintOf refuses any other word.
    role: (text("role") ?? "marketplace") as SignerRole,
    ...(entry.addons === undefined ? {} : { addons: textsAt(entry.addons, file, place) }),
    ...(notBefore === undefined ? {} : { notBefore }),
    ...(expiresAt === undefined ? {} : { expiresAt }),
    ...(revokedAt === undefined ? {} : { revokedAt }),
  };
  const complaint = complaintOf(key, {
    notBefore: "not_before",
    expiresAt: "expires_at",
    revokedAt: "revoked_at",
  });
  if (complaint !== undefined) throw fileRefused(file, place, complaint);
  return key;
}

function readPublicKey(text: string | undefined, file: string, place: string): Uint8Array {
  if (text === undefined) throw fileRefused(file, place, "is required");
  try {
    return parsePublicKey(text);
  } catch (thrown) {
    if (!(thrown instanceof KernelError)) throw thrown;
    throw fileRefused(file, place, thrown.message);
  }
}

function textAt(object: JsonObject, name: string, file: string, place: string): string | undefined {
  const value = object[name];
  if (value === undefined || typeof value === "string") return value;
  throw fileRefused(file, `${place}.${name}`, "is not a text");
}

function textsAt(value: Json, file: string, place: string): string[] {
  const list = Array.isArray(value) ? value as readonly Json[] : undefined;
  if (list === undefined) throw fileRefused(file, `${place}.addons`, "is not a list");
  return list.map((item, at) => {
    if (typeof item === "string") return item;
    throw fileRefused(file, `${place}.addons[${at}]`, "is not a text");
  });
}

type TimeName = "notBefore" | "expiresAt" | "revokedAt";
type TimeNames = Readonly<Record<TimeName, string>>;
const OWN_NAMES: TimeNames = {
  notBefore: "notBefore",
  expiresAt: "expiresAt",
  revokedAt: "revokedAt",
};

/** What is wrong with a key, written to follow its place; undefined when nothing is. */
function complaintOf(key: TrustedKey, names: TimeNames = OWN_NAMES): string | undefined {
  const { id, publicKey, role, addons } = key;
  if (!/^[\x21-\x7e]{1,128}$/.test(id)) return ".id is not 1 to 128 printable characters";
  if (publicKey.length !== PUBLIC_KEY_BYTES) return " has no key of 32 bytes";
  if (role !== "marketplace" && role !== "author") {
    return `.role is ${JSON.stringify(role)}, not "marketplace" or "author"`;
  }
  if (role === "author" && (addons ?? []).length === 0) {
    return ".addons names no addon of the author";
  }
  if (role === "marketplace" && addons !== undefined) {
    return '.addons is for the role "author": a marketplace signs any addon';
  }
  const strange = (addons ?? []).find((pattern) => !ADDON_PATTERN.test(pattern));
  if (strange !== undefined) {
    return `.addons: ${JSON.stringify(strange)} is no addon key, nor a beginning of one with *`;
  }
  for (const name of ["notBefore", "expiresAt", "revokedAt"] as const) {
    const time = key[name];
    if (time === undefined || (TIME.test(time) && !Number.isNaN(Date.parse(time)))) continue;
    return `.${names[name]} is ${JSON.stringify(time)}, not a time such as 2027-01-31T00:00:00Z`;
  }
  return undefined;
}

function findClash(keys: readonly TrustedKey[]): { at: number; complaint: string } | undefined {
  const ids = new Set<string>();
  const points = new Set<string>();
  for (const [at, { id, publicKey }] of keys.entries()) {
    const point = publicKey.toHex();
    if (ids.has(id)) return { at, complaint: `has the id ${JSON.stringify(id)} of an earlier key` };
    if (points.has(point)) return { at, complaint: "is the same key as an earlier one" };
    ids.add(id);
    points.add(point);
  }
  return undefined;
}

function refuseUnknown(
  object: JsonObject,
  known: ReadonlySet<string>,
  file: string,
  place: string,
): void {
  const unknown = Object.keys(object).find((name) => !known.has(name));
  if (unknown === undefined) return;
  const at = place === "" ? unknown : `${place}.${unknown}`;
  throw fileRefused(file, at, `is not known: use ${[...known].join(", ")}`);
}

function fileRefused(file: string, place: string, complaint: string): KernelError {
  const gap = complaint.startsWith(".") || complaint.startsWith(" ") ? "" : " ";
  const where = place === "" ? "" : `${place}${gap}`;
  return refused(`METACORE_TRUSTED_KEYS_FILE ${file}: ${where}${complaint}`);
}

function refused(message: string): KernelError {
  return new KernelError({
    code: "kernel.invalid_setting",
    kind: "precondition",
    message,
    details: { setting: "METACORE_TRUSTED_KEYS_FILE" },
  });
}

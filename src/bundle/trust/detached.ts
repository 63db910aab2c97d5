/**
 * A signature as it lies beside a bundle: the bare signature of a `.sig` file, or the block that
 * manifests and hubs write (contract/author.md §2 and §3). It verifies nothing.
 *
 * @module
 */

import { isJsonObject, type Json, type JsonObject } from "../../base/json.ts";
import { KernelError } from "../../base/error.ts";
import { quoted } from "../errors.ts";
import { readJson } from "../manifest/json_reader.ts";
import { malformedSignature } from "./errors.ts";
import { parseSignature } from "./public_key.ts";
import type { DetachedSignature } from "./trust.ts";

const MAX_CHECKSUMS = 20_000;

/**
 * Reads a signature that was given as text: a `.sig` file, a form's field, a header.
 *
 * @param text 64 bytes as hex or base64; or a JSON object with `value` and, if it has them,
 *   `algorithm`, `digest`, `key_id`, `signed_at`, `checksums`, `developer_id`, `developer_name`.
 * @returns the signature, its value readable; whether it holds is for `verifyArchive` to say.
 * @throws {KernelError} bundle.malformed_signature
 */
export function readDetachedSignature(text: string): DetachedSignature {
  const trimmed = text.trim();
  if (!trimmed.startsWith("{")) {
    parseSignature(trimmed);
    return { value: trimmed };
  }
  return detachedFrom(readBlock(trimmed));
}

/**
 * Reads the block of a signature.
 *
 * @param block a JSON object as above; keys that it does not know are left alone.
 * @returns the signature.
 * @throws {KernelError} bundle.malformed_signature — naming the field.
 */
export function detachedFrom(block: JsonObject): DetachedSignature {
  const value = textOf(block, "value");
  if (value === undefined) throw malformedSignature("the signature has no value");
  parseSignature(value);
  const algorithm = textOf(block, "algorithm");
  const digest = textOf(block, "digest");
  const keyId = textOf(block, "key_id");
  const signedAt = textOf(block, "signed_at");
  const checksums = checksumsOf(block.checksums);
  const developer = developerOf(block);
  return {
    value,
    ...(algorithm === undefined ? {} : { algorithm }),
    ...(digest === undefined ? {} : { digest }),
    ...(keyId === undefined ? {} : { keyId }),
    ...(signedAt === undefined ? {} : { signedAt }),
    ...(checksums === undefined ? {} : { checksums }),
    ...(developer === undefined ? {} : { developer }),
  };
}

function readBlock(text: string): JsonObject {
  try {
    const block = readJson(text);
    if (isJsonObject(block)) return block;
  } catch (thrown) {
    if (!(thrown instanceof KernelError)) throw thrown;
  }
  throw malformedSignature("the signature begins like JSON and is not one sound object of it");
}

/** A text that says something; null and empty ones count as absent, as the hub writes them. */
function textOf(block: JsonObject, name: string): string | undefined {
  const value = block[name];
  if (value === undefined || value === null || value === "") return undefined;
  if (typeof value !== "string") throw malformedSignature(`"${name}" is not a text`);
  if (value.length > 512) throw malformedSignature(`"${name}" has more than 512 characters`);
  return value;
}

function developerOf(block: JsonObject): DetachedSignature["developer"] {
  const id = textOf(block, "developer_id");
  const name = textOf(block, "developer_name");
  if (id === undefined && name === undefined) return undefined;
  return {
    ...(id === undefined ? {} : { id }),
    ...(name === undefined ? {} : { name }),
  };
}

function checksumsOf(value: Json | undefined): Record<string, string> | undefined {
  if (value === undefined || value === null) return undefined;
  if (!isJsonObject(value)) throw malformedSignature(`"checksums" is not an object`);
  const entries = Object.entries(value);
  if (entries.length > MAX_CHECKSUMS) {
    throw malformedSignature(`"checksums" has more than ${MAX_CHECKSUMS} entries`);
  }
  return Object.fromEntries(entries.map(([path, checksum]) => {
    if (typeof checksum === "string" && /^[0-9a-f]{64}$/i.test(checksum)) return [path, checksum];
    throw malformedSignature(`"checksums" names no SHA-256 in hex for ${quoted(path)}`);
  }));
}

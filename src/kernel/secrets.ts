/**
 * The two secrets a kernel cannot run without: the key that signs tokens and the master key that
 * encrypts values at rest. Given by settings, or made once and kept in the data directory. And what
 * the operator's token must be like.
 *
 * @module
 */

import { KernelError } from "../base/error.ts";
import type { Logger } from "../telemetry/log.ts";

/** Both secrets as text, as settings would give them. */
export interface SecretTexts {
  /** At least 32 bytes of UTF-8. */
  readonly jwtSecret: string;
  /** 32 bytes as 64 hex digits or base64. */
  readonly masterKey: string;
}

/** Where secrets come from. */
export interface SecretSources {
  readonly jwtSecret?: string;
  readonly masterKey?: string;
  /** Directory that keeps generated ones; created when absent. */
  readonly dataDir: string;
  readonly logger: Logger;
}

const LEAST_BYTES = 32;
/** What an operator's token looks like. */
export const OPERATOR_TOKEN_FORM = `${LEAST_BYTES} characters or more without blanks`;

/**
 * Gets both secrets, making and keeping the ones that are absent.
 *
 * @param sources given values and the directory for generated ones.
 * @returns the secrets.
 * @throws {KernelError} kernel.weak_key — a given or kept key is too short or not decodable.
 */
export async function obtainSecretTexts(sources: SecretSources): Promise<SecretTexts> {
  // Given ones first: a refused start makes no file.
  if (sources.jwtSecret !== undefined) checkJwtSecret(sources.jwtSecret);
  if (sources.masterKey !== undefined) checkMasterKey(sources.masterKey);
  const jwtSecret = sources.jwtSecret ?? await kept(sources, "jwt_secret");
  const masterKey = sources.masterKey ?? await kept(sources, "master_key");
  checkJwtSecret(jwtSecret);
  checkMasterKey(masterKey);
  return { jwtSecret, masterKey };
}

/**
 * Checks a token key: its UTF-8 bytes are the key.
 *
 * @param text the setting's value.
 * @returns the key.
 * @throws {KernelError} kernel.weak_key — fewer than 32 bytes.
 */
export function checkJwtSecret(text: string): Uint8Array {
  const bytes = new TextEncoder().encode(text);
  if (bytes.length >= LEAST_BYTES) return bytes;
  throw weakKey("JWT_SECRET", `has ${bytes.length} bytes; give it at least ${LEAST_BYTES}`);
}

/**
 * Checks a master key.
 *
 * @param text 32 bytes as 64 hex digits or as base64.
 * @returns the key.
 * @throws {KernelError} kernel.weak_key — it does not decode to 32 bytes.
 */
export function checkMasterKey(text: string): Uint8Array {
  const bytes = decodeKey(text);
  if (bytes?.length === LEAST_BYTES) return bytes;
  throw weakKey("METACORE_MASTER_KEY", "must be 32 bytes, as 64 hex digits or as base64");
}

/**
 * Checks the operator's token.
 *
 * @param text what operators present; absent where nobody is one.
 * @throws {KernelError} kernel.weak_key — it can be guessed, or no header can carry it.
 */
export function checkOperatorToken(text: string | undefined): void {
  if (text === undefined || isOperatorToken(text)) return;
  throw weakKey("METACORE_OPERATOR_TOKEN", `must be ${OPERATOR_TOKEN_FORM}`);
}

/** Whether a text may be the operator's token. */
export function isOperatorToken(text: string): boolean {
  return text.length >= LEAST_BYTES && !/\s/.test(text);
}

function decodeKey(text: string): Uint8Array | undefined {
  if (/^[0-9a-f]{64}$/i.test(text)) return Uint8Array.fromHex(text);
  try {
    return Uint8Array.fromBase64(text);
  } catch {
    return undefined;
  }
}

function weakKey(name: string, complaint: string): KernelError {
  return new KernelError({
    code: "kernel.weak_key",
    kind: "precondition",
    message: `${name} ${complaint} (make one with: openssl rand -hex 32)`,
  });
}

async function kept(sources: SecretSources, name: string): Promise<string> {
  const path = `${sources.dataDir}/${name}`;
  const found = await readIfThere(path);
  if (found !== undefined) return found;
  await Deno.mkdir(sources.dataDir, { recursive: true, mode: 0o700 });
  const made = crypto.getRandomValues(new Uint8Array(LEAST_BYTES)).toHex();
  const draft = `${path}.${crypto.randomUUID()}`;
  await Deno.writeTextFile(draft, made + "\n", { mode: 0o600, createNew: true });
  try {
    // A link fails when the name is taken, so of two first starters one key wins and both use it.
    await Deno.link(draft, path);
    sources.logger.info("generated a secret", { path });
  } catch (thrown) {
    if (!(thrown instanceof Deno.errors.AlreadyExists)) throw thrown;
  } finally {
    await Deno.remove(draft);
  }
  return await readIfThere(path) ?? made;
}

async function readIfThere(path: string): Promise<string | undefined> {
  try {
    return (await Deno.readTextFile(path)).trim();
  } catch (thrown) {
    if (thrown instanceof Deno.errors.NotFound) return undefined;
    throw thrown;
  }
}

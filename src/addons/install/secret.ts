/**
 * The install secret: 32 random bytes as 64 hex digits, shown once, kept as its digest and encrypted
 * (contract/metacore.md §7.2 step 9–10, contract/author.md "Install secret").
 *
 * @module
 */

import { randomSecretHex, sealSecret, sha256 } from "../../base/secret.ts";

/** A new secret and the two forms in which it is kept. */
export interface InstallSecret {
  /** 64 hex digits. */
  readonly text: string;
  /** `sha256:` and the hex digest of the text. */
  readonly hash: string;
  /** base64(nonce ‖ ciphertext ‖ tag) under the master key. */
  readonly sealed: string;
}

/**
 * Makes an install secret.
 *
 * @param masterKey 32 bytes.
 * @returns the secret with its kept forms.
 */
export async function makeInstallSecret(masterKey: Uint8Array): Promise<InstallSecret> {
  const text = randomSecretHex();
  return { text, hash: hashOfSecret(text), sealed: await sealSecret(masterKey, text) };
}

/**
 * Hashes an install secret.
 *
 * @param text the secret.
 * @returns `sha256:` and hex, as the column `secret_hash` keeps it.
 */
export function hashOfSecret(text: string): string {
  return `sha256:${sha256(text).toHex()}`;
}

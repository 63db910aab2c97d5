/**
 * The install secret: 32 random bytes as 64 hex digits, shown once, kept as its digest and encrypted
 * (contract/metacore.md §7.2 step 9–10, contract/author.md "Install secret").
 *
 * @module
 */

import { sealSecret } from "../../base/secret.ts";

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
  const text = crypto.getRandomValues(new Uint8Array(32)).toHex();
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text));
  return {
    text,
    hash: `sha256:${new Uint8Array(digest).toHex()}`,
    sealed: await sealSecret(masterKey, text),
  };
}

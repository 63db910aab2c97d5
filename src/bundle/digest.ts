/**
 * SHA-256 as the contract writes it: lower-case hex over the exact bytes (contract/metacore.md §4.2).
 *
 * @module
 */

/**
 * Hashes bytes, off the main thread.
 *
 * @param bytes what to hash.
 * @returns 64 lower-case hex characters.
 */
export async function sha256Hex(bytes: Uint8Array): Promise<string> {
  const digest = await crypto.subtle.digest("SHA-256", bytes as Uint8Array<ArrayBuffer>);
  return new Uint8Array(digest).toHex();
}

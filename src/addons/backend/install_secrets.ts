/**
 * The secrets of an installation as they hold at a moment: the current one, and the one before while
 * both hold.
 *
 * @module
 */

import { KernelError } from "../../base/error.ts";
import { openSecret } from "../../base/secret.ts";
import { hashOfSecret } from "../install/secret.ts";
import type { InstallationRow } from "../installation_store.ts";

/** What signs and verifies. */
export interface InstallSecrets {
  readonly current: string;
  /** The one before, while it holds. */
  readonly previous?: string;
}

/** The columns that keep them. */
export type SecretColumns = Pick<
  InstallationRow,
  "addon_key" | "secret_hash" | "secret_enc" | "previous_secret_enc" | "previous_secret_until"
>;

/**
 * Opens the secrets of an installation.
 *
 * @param masterKey 32 bytes.
 * @param row where they are kept.
 * @param nowMs Unix time in milliseconds.
 * @returns the secrets, or undefined where the installation has none.
 * @throws {KernelError} kernel.secret_unreadable — another master key, or one was changed or moved.
 */
export async function openInstallSecrets(
  masterKey: Uint8Array,
  row: SecretColumns,
  nowMs: number,
): Promise<InstallSecrets | undefined> {
  if (row.secret_enc === null) return undefined;
  const current = await openSecret(masterKey, row.secret_enc);
  if (hashOfSecret(current) !== row.secret_hash) {
    throw new KernelError({
      code: "kernel.secret_unreadable",
      kind: "internal",
      message: `The install secret of addon "${row.addon_key}" is not the one that was given to ` +
        "it: its row was changed. Rotate the secret",
    });
  }
  const { previous_secret_enc: sealed, previous_secret_until: until } = row;
  if (sealed === null || until === null || !(Date.parse(until) > nowMs)) return { current };
  return { current, previous: await openSecret(masterKey, sealed) };
}

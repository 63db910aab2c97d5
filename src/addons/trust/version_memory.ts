/**
 * Remembers the highest version of each addon ever seen from each signer, also after the addon is
 * uninstalled, so that an old bundle with a good signature cannot come back unnoticed. It decides
 * nothing: whether a lower version may enter is the operator's word.
 *
 * @module
 */

import { compareVersions } from "../../bundle/version_order.ts";
import type { VerifiedSignature } from "../../bundle/trust/trust.ts";
import type { Tables } from "../installation_store.ts";

/** A version that enters. */
export interface SeenVersion {
  readonly addonKey: string;
  readonly version: string;
  /** As {@link signerOf} names it. */
  readonly signer: string;
  /** RFC 3339 time. */
  readonly at: string;
}

/**
 * Names who answers for a bundle.
 *
 * @param signature the verified signature; undefined for an unsigned bundle.
 * @param organizationId the organization that it enters.
 * @returns the key, or the organization alone: what one organization uploads unsigned must not use up
 *   the versions of others.
 */
export function signerOf(
  signature: Pick<VerifiedSignature, "keyId"> | undefined,
  organizationId: string,
): string {
  return signature === undefined ? `organization:${organizationId}` : `key:${signature.keyId}`;
}

/**
 * Tells whether a version falls behind what was seen.
 *
 * @param tables where it is remembered.
 * @param addonKey the addon.
 * @param version the version that is offered.
 * @param signer as {@link signerOf} names it.
 * @returns the highest version seen, when it is above the offered one; otherwise undefined.
 */
export async function checkSeen(
  tables: Tables,
  addonKey: string,
  version: string,
  signer: string,
): Promise<string | undefined> {
  const highest = await highestSeen(tables, addonKey, signer);
  if (highest === undefined || compareVersions(version, highest) >= 0) return undefined;
  return highest;
}

/**
 * Remembers a version; a lower one than was seen changes nothing.
 *
 * @param tables of the transaction in which it enters, under the lock of the addon's bundles
 *   (`bundle:<key>`): what is read here is written here.
 * @param seen the version and whose it is.
 */
export async function rememberVersion(tables: Tables, seen: SeenVersion): Promise<void> {
  const { addonKey, version, signer, at } = seen;
  const highest = await highestSeen(tables, addonKey, signer);
  if (highest !== undefined && compareVersions(version, highest) <= 0) return;
  await tables.insertInto("seen_versions")
    .values({ addon_key: addonKey, signer, version, seen_at: at })
    .onConflict((conflict) =>
      conflict.columns(["addon_key", "signer"]).doUpdateSet({ version, seen_at: at })
    )
    .execute();
}

async function highestSeen(
  tables: Tables,
  addonKey: string,
  signer: string,
): Promise<string | undefined> {
  const row = await tables.selectFrom("seen_versions").select("version")
    .where("addon_key", "=", addonKey).where("signer", "=", signer).executeTakeFirst();
  return row?.version;
}

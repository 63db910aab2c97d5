/**
 * Remembers the highest version of each addon ever seen from each signer, and of which bundle, also
 * after the addon is uninstalled: neither an old bundle with a good signature nor other contents under
 * a known version come in unnoticed. It decides nothing: what may enter all the same is the operator's
 * word.
 *
 * @module
 */

import { compareVersions } from "../../bundle/version_order.ts";
import type { VerifiedSignature } from "../../bundle/trust/trust.ts";
import type { SeenVersionTable } from "../../db/tables.ts";
import type { Tables } from "../installation_store.ts";

const KEY = "key:";

/** A version that is offered. */
export interface OfferedVersion {
  readonly addonKey: string;
  readonly version: string;
  /** SHA-256 of the bundle, hex. */
  readonly digest: string;
  /** As {@link signerOf} names it. */
  readonly signer: string;
}

/** A version that enters. */
export interface SeenVersion extends OfferedVersion {
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
  return signature === undefined ? `organization:${organizationId}` : `${KEY}${signature.keyId}`;
}

/**
 * A key answers for what it has once signed as a version. Without a signature nobody does: whoever
 * builds an addon packs the same version many times.
 */
function rememberedDigest({ signer, digest }: OfferedVersion): string | null {
  return signer.startsWith(KEY) ? digest : null;
}

/** What the memory holds against a version; other contents of signed bundles only. */
export type SeenBefore =
  | { readonly finding: "higher version"; readonly version: string }
  | { readonly finding: "other contents" };

/**
 * Tells whether a version falls behind what was seen, or is the very one with other contents.
 *
 * @param tables where it is remembered.
 * @param offered the version that is offered.
 * @returns what speaks against it; undefined where nothing does.
 */
export async function checkSeen(
  tables: Tables,
  { addonKey, version, digest, signer }: OfferedVersion,
): Promise<SeenBefore | undefined> {
  const highest = await highestSeen(tables, addonKey, signer);
  if (highest === undefined) return undefined;
  const order = compareVersions(version, highest.version);
  if (order < 0) return { finding: "higher version", version: highest.version };
  const isOther = order === 0 && highest.digest !== null && highest.digest !== digest;
  return isOther ? { finding: "other contents" } : undefined;
}

/**
 * Remembers a version; a lower one than was seen changes nothing. Of the same version the bundle that
 * entered last counts: whoever let other contents in has meant them.
 *
 * @param tables of the transaction in which it enters, under the lock of the addon's bundles
 *   (`bundle:<key>`): what is read here is written here.
 * @param seen the version and whose it is.
 */
export async function rememberVersion(tables: Tables, seen: SeenVersion): Promise<void> {
  const { addonKey, version, signer, at } = seen;
  const digest = rememberedDigest(seen);
  const highest = await highestSeen(tables, addonKey, signer);
  const order = highest === undefined ? 1 : compareVersions(version, highest.version);
  if (order < 0 || (order === 0 && digest === highest?.digest)) return;
  await tables.insertInto("seen_versions")
    .values({ addon_key: addonKey, signer, version, digest, seen_at: at })
    .onConflict((conflict) =>
      conflict.columns(["addon_key", "signer"]).doUpdateSet({ version, digest, seen_at: at })
    )
    .execute();
}

async function highestSeen(
  tables: Tables,
  addonKey: string,
  signer: string,
): Promise<Pick<SeenVersionTable, "version" | "digest"> | undefined> {
  return await tables.selectFrom("seen_versions").select(["version", "digest"])
    .where("addon_key", "=", addonKey).where("signer", "=", signer).executeTakeFirst();
}

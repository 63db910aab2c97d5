/**
 * The stations before the plan: who signed a bundle, what it holds, whether the signer may sign it,
 * whether its module may run. Nothing is written.
 *
 * @module
 */

import type { Clock } from "../../base/clock.ts";
import { type Bundle, openBundle } from "../../bundle/bundle.ts";
import type { TrustPolicy, VerifiedSignature } from "../../bundle/trust/trust.ts";
import {
  checkSignerRole,
  verifyArchive,
  verifyChecksums,
  verifyKept,
} from "../../bundle/trust/verify.ts";
import type { Database } from "../../db/database.ts";
import { loadSqlParser } from "../../db/migration_sql/sql_parser.ts";
import type { BundleOffer, InstallTerms } from "../addon_service.ts";
import { checkIntegrity } from "../assets/integrity.ts";
import type { AddonModules } from "../code/addon_modules.ts";
import { keyIsCompiled, keyMismatch, noPreviousVersion } from "../errors.ts";
import type { Candidate, CandidateCode } from "./order.ts";

/** What the stations work with. */
export interface CandidateOptions {
  readonly database: Database;
  readonly modules: AddonModules;
  readonly trust: TrustPolicy;
  /** Tells whether a key is that of an addon of the host application. */
  readonly isCompiled: (addonKey: string) => boolean;
  readonly kernelContractVersion: string;
  readonly clock: Clock;
}

type Tell = NonNullable<InstallTerms["onProgress"]>;

/**
 * Takes a bundle that is offered through the stations.
 *
 * @param options what they work with.
 * @param offer the bundle.
 * @param tell is told of each station.
 * @returns the candidate.
 * @throws {KernelError} bundle.*, sandbox.*; addon.key_mismatch, addon.key_is_compiled
 */
export async function candidateOf(
  options: CandidateOptions,
  offer: BundleOffer,
  tell: Tell,
): Promise<Candidate> {
  const { trust, clock, kernelContractVersion: kernelVersion } = options;
  const { archive, signature: given, expectedKey } = offer;
  tell({ station: "verify" });
  const signature = await verifyArchive(archive, given, trust, clock.nowMs());
  tell({ station: "open" });
  const bundle = await openBundle(archive, { kernelVersion });
  const { key } = bundle.manifest;
  if (expectedKey !== undefined && expectedKey !== key) throw keyMismatch(key, expectedKey);
  if (options.isCompiled(key)) throw keyIsCompiled(key);
  checkSignerRole(signature, key, trust);
  verifyChecksums(bundle, given?.checksums);
  await checkIntegrity(bundle);
  return {
    bundle,
    archive,
    ...(signature === undefined ? {} : { signature }),
    source: "bundle",
    ...await admitted(options, bundle, tell),
  };
}

/**
 * Takes up a bundle that stands for code of the host application: nobody has to sign it.
 *
 * @param options what the stations work with.
 * @param archive its bytes.
 * @returns the candidate.
 */
export async function compiledCandidate(
  options: CandidateOptions,
  archive: Uint8Array,
): Promise<Candidate> {
  const { kernelContractVersion: kernelVersion } = options;
  return { bundle: await openBundle(archive, { kernelVersion }), archive, source: "compiled" };
}

/**
 * Takes up a bundle that is kept, for going back to it.
 *
 * @param options what the stations work with.
 * @param kept its digest and the addon it is of.
 * @param tell is told of each station.
 * @returns the candidate.
 * @throws {KernelError} addon.no_previous_version — it is gone; addon.bundle_damaged;
 *   bundle.key_revoked, bundle.unknown_key, bundle.bad_signature, bundle.unsigned — it is not trusted
 *   any more; bundle.*, sandbox.*
 */
export async function keptCandidate(
  options: CandidateOptions,
  kept: { readonly digest: string; readonly addonKey: string },
  tell: Tell,
): Promise<Candidate> {
  const { digest, addonKey } = kept;
  tell({ station: "verify" });
  const { archive, signature } = await trustedBundle(options, kept);
  tell({ station: "open" });
  const bundle = await options.modules.bundleOf(digest, addonKey);
  return {
    bundle,
    archive,
    ...(signature === undefined ? {} : { signature }),
    source: options.isCompiled(addonKey) ? "compiled" : "bundle",
    ...await admitted(options, bundle, tell),
  };
}

/**
 * Takes up the bytes of a bundle that is kept, before its code takes part again.
 *
 * @param options whom the operator trusts now.
 * @param kept its digest and the addon it is of.
 * @returns the bytes and who signed them.
 * @throws {KernelError} addon.no_previous_version — it is gone; bundle.key_revoked, bundle.unknown_key,
 *   bundle.bad_signature, bundle.unsigned — it is not trusted any more.
 */
export async function trustedBundle(
  options: Pick<CandidateOptions, "database" | "trust" | "isCompiled">,
  { digest, addonKey }: { readonly digest: string; readonly addonKey: string },
): Promise<{ readonly archive: Uint8Array; readonly signature?: VerifiedSignature }> {
  const row = await options.database.kysely.selectFrom("bundles")
    .select(["archive", "signature"]).where("digest", "=", digest).executeTakeFirst();
  if (row === undefined) throw noPreviousVersion(addonKey);
  // Border: the kernel wrote this text itself.
  const signature = row.signature === null
    ? undefined
    : JSON.parse(row.signature) as VerifiedSignature;
  if (!options.isCompiled(addonKey)) {
    await verifyKept(row.archive, signature, addonKey, options.trust);
  }
  return { archive: row.archive, ...(signature === undefined ? {} : { signature }) };
}

async function admitted(
  { modules }: CandidateOptions,
  bundle: Bundle,
  tell: Tell,
): Promise<{ readonly code?: CandidateCode }> {
  tell({ station: "admit" });
  // Loading the parser takes time; inside the transaction others would wait for it.
  if (bundle.migrations.length > 0) await loadSqlParser();
  const module = await modules.prepare(bundle);
  if (module === undefined) return {};
  const { digest, manifest } = bundle;
  const id = modules.idOf(digest, manifest);
  return { code: { id, module, guest: modules.adopt(id, manifest.key, module) } };
}

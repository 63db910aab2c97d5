/**
 * Keeps modules as they were admitted and rewritten, so that a start or another replica need not do
 * it again. Each row is sealed under the master key: who can write rows, but has not the key, cannot
 * make a kernel run other code. What is in the outline is the sandbox's matter.
 *
 * @module
 */

import type { Kysely } from "kysely";
import { equalSecrets, hmacSha256 } from "../../base/secret.ts";
import { sha256Hex } from "../../bundle/digest.ts";
import type { KernelTables } from "../../db/tables.ts";
import type { ModuleOutline, PreparedModule } from "../../sandbox/module/prepare.ts";

/** A prepared module that may be kept. */
export interface SealedModule extends PreparedModule {
  /** What {@link ModuleSeals} gave it, hex. */
  readonly seal: string;
}

/** What was found under a name. */
export type FoundModule =
  | { readonly state: "sound"; readonly module: PreparedModule }
  /** Nothing, or the work of another version of the rewriter. */
  | { readonly state: "absent" }
  /** A row that this kernel did not write, or not so: nothing of it was looked at. */
  | { readonly state: "distrusted"; readonly because: "no_seal" | "other_seal" };

const SEAL_LABEL = "metacore prepared module seal 1";

/** Seals modules and tells whether a seal fits. */
export class ModuleSeals {
  readonly #key: Uint8Array;

  /** @param masterKey 32 bytes; a key of its own is derived, for one key serves one purpose. */
  constructor(masterKey: Uint8Array) {
    this.#key = hmacSha256(masterKey, SEAL_LABEL);
  }

  /**
   * Seals a module under the name it will be kept under.
   *
   * @param id hash of the bundle, version of the rewriter and the limits built in.
   * @param module the module.
   * @returns the module with its seal.
   */
  async seal(id: string, module: PreparedModule): Promise<SealedModule> {
    const code = await this.#code(id, JSON.stringify(module.outline), module.bytes);
    return { ...module, seal: code.toHex() };
  }

  /**
   * Tells whether a seal belongs to what lies beside it.
   *
   * @param seal hex, as it was kept.
   * @param id the name it was kept under.
   * @param outline the outline's text as it was kept.
   * @param bytes the rewritten module.
   * @returns true when it does.
   */
  async fits(seal: string, id: string, outline: string, bytes: Uint8Array): Promise<boolean> {
    if (!/^[0-9a-f]{64}$/.test(seal)) return false;
    return equalSecrets(Uint8Array.fromHex(seal), await this.#code(id, outline, bytes));
  }

  async #code(id: string, outline: string, bytes: Uint8Array): Promise<Uint8Array> {
    // As JSON the three cannot run into each other.
    return hmacSha256(this.#key, JSON.stringify([id, outline, await sha256Hex(bytes)]));
  }
}

/**
 * Keeps a prepared module; keeping the same one twice is no change.
 *
 * @param tables where to keep it; the bundle is there already.
 * @param id hash of the bundle, version of the rewriter and the limits built in.
 * @param bundleDigest the bundle it is part of.
 * @param prepared the module.
 * @param at RFC 3339 time.
 */
export async function keepPrepared(
  tables: Kysely<KernelTables>,
  id: string,
  bundleDigest: string,
  prepared: SealedModule,
  at: string,
): Promise<void> {
  await tables.insertInto("prepared_modules").values(rowOf(id, bundleDigest, prepared, at))
    .onConflict((conflict) => conflict.column("id").doNothing()).execute();
}

/**
 * Keeps a prepared module in the place of whatever is kept under its name; otherwise as
 * {@link keepPrepared}.
 */
export async function replacePrepared(
  tables: Kysely<KernelTables>,
  id: string,
  bundleDigest: string,
  prepared: SealedModule,
  at: string,
): Promise<void> {
  const { id: _id, ...rest } = rowOf(id, bundleDigest, prepared, at);
  await tables.insertInto("prepared_modules").values({ id, ...rest })
    .onConflict((conflict) => conflict.column("id").doUpdateSet(rest)).execute();
}

/**
 * Finds a prepared module.
 *
 * @param tables where to look.
 * @param id as it was kept.
 * @param seals tells this kernel's rows from others.
 * @returns the module, or why there is none.
 * @throws {KernelError} sandbox.invalid_module — sealed, and yet not what its outline says.
 */
export async function findPrepared(
  tables: Kysely<KernelTables>,
  id: string,
  seals: ModuleSeals,
): Promise<FoundModule> {
  const row = await tables.selectFrom("prepared_modules").select(["outline", "bytes", "seal"])
    .where("id", "=", id).executeTakeFirst();
  if (row === undefined) return { state: "absent" };
  if (row.seal === null) return { state: "distrusted", because: "no_seal" };
  const bytes = new Uint8Array(row.bytes);
  if (!await seals.fits(row.seal, id, row.outline, bytes)) {
    return { state: "distrusted", because: "other_seal" };
  }
  const { reviveModule } = await import("../../sandbox/module/prepare.ts");
  // Border: the seal says that the kernel wrote this text itself.
  const outline = JSON.parse(row.outline) as ModuleOutline;
  const module = await reviveModule(outline, bytes);
  return module === undefined ? { state: "absent" } : { state: "sound", module };
}

function rowOf(id: string, bundleDigest: string, prepared: SealedModule, at: string) {
  return {
    id,
    bundle_digest: bundleDigest,
    outline: JSON.stringify(prepared.outline),
    bytes: prepared.bytes,
    seal: prepared.seal,
    created_at: at,
  };
}

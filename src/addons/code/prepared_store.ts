/**
 * Keeps modules as they were admitted and rewritten, so that a start or another replica need not do
 * it again. What is in the outline is the sandbox's matter.
 *
 * @module
 */

import type { Kysely } from "kysely";
import type { KernelTables } from "../../db/tables.ts";
import type { ModuleOutline, PreparedModule } from "../../sandbox/module/prepare.ts";

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
  prepared: PreparedModule,
  at: string,
): Promise<void> {
  await tables.insertInto("prepared_modules").values({
    id,
    bundle_digest: bundleDigest,
    outline: JSON.stringify(prepared.outline),
    bytes: prepared.bytes,
    created_at: at,
  }).onConflict((conflict) => conflict.column("id").doNothing()).execute();
}

/**
 * Finds a prepared module.
 *
 * @param tables where to look.
 * @param id as it was kept.
 * @returns the module, or undefined where it was prepared under other limits or by another version.
 * @throws {KernelError} sandbox.invalid_module — the bytes are not those that were kept.
 */
export async function findPrepared(
  tables: Kysely<KernelTables>,
  id: string,
): Promise<PreparedModule | undefined> {
  const row = await tables.selectFrom("prepared_modules").select(["outline", "bytes"])
    .where("id", "=", id).executeTakeFirst();
  if (row === undefined) return undefined;
  const { reviveModule } = await import("../../sandbox/module/prepare.ts");
  // Border: the kernel wrote this text itself.
  const outline = JSON.parse(row.outline) as ModuleOutline;
  return await reviveModule(outline, new Uint8Array(row.bytes));
}

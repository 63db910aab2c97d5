/**
 * Brings the kernel's own tables up to date: in order, one starter at a time, each step in a
 * transaction of its own, with a checksum that later starts compare. It knows nothing of addons.
 *
 * @module
 */

import { createHash } from "node:crypto";
import type { Clock } from "../base/clock.ts";
import type { Database, Transaction } from "./database.ts";
import { migrationChanged, migrationUnknown } from "./errors.ts";
import type { Migration } from "./migration.ts";
import { grantRights } from "./roles.ts";

/** What a run did. */
export interface MigrateResult {
  /** Names of the migrations that this run applied. */
  readonly applied: readonly string[];
}

const LOCK = "metacore:migrations";

/** What must be there before the first migration can be recorded. */
const FOUNDATION: Migration["sql"] = {
  postgres: [
    "create schema if not exists metacore",
    `create table if not exists metacore.schema_migrations (
      name text primary key,
      checksum text not null,
      applied_at timestamptz not null
    )`,
  ],
  sqlite: [
    `create table if not exists metacore_schema_migrations (
      name text primary key not null,
      checksum text not null,
      applied_at text not null
    ) strict`,
  ],
};

/**
 * Applies the migrations that have not been applied. A second starter waits for the first one and
 * then finds nothing to do.
 *
 * @param database an open database.
 * @param migrations every migration in order.
 * @param clock tells when a migration was applied.
 * @returns what was applied.
 * @throws {KernelError} db.migration_changed — when one that was applied has another text now.
 * @throws {KernelError} db.migration_unknown — when the database is newer than this program.
 * @throws {KernelError} db.busy — when another starter did not finish in time.
 */
export async function migrate(
  database: Database,
  migrations: readonly Migration[],
  clock: Clock,
): Promise<MigrateResult> {
  const applied: string[] = [];
  const before = await database.schemaTransaction(null, async (tx) => {
    await tx.lock(LOCK);
    await runAll(tx, FOUNDATION[tx.profile.name]);
    return await compare(tx, migrations);
  });
  for (const migration of migrations) {
    if (before.has(migration.name)) continue;
    await database.schemaTransaction(null, async (tx) => {
      await tx.lock(LOCK);
      if (await isApplied(tx, migration)) return;
      await runAll(tx, migration.sql[tx.profile.name]);
      await record(tx, migration, clock);
      applied.push(migration.name);
    });
  }
  await grantRights(database);
  return { applied };
}

/**
 * The checksum of a migration on one engine.
 *
 * @param migration the migration.
 * @param engine whose statements count.
 * @returns SHA-256 in hex.
 */
export function checksum(migration: Migration, engine: keyof Migration["sql"]): string {
  const hash = createHash("sha256");
  // Each text with its length, so that no two lists of statements read alike.
  for (const text of migration.sql[engine]) hash.update(`${text.length}:${text}`);
  return hash.digest("hex");
}

/** Names of the migrations that are applied, each compared with the program's. */
async function compare(
  tx: Transaction,
  migrations: readonly Migration[],
): Promise<ReadonlySet<string>> {
  const recorded = await tx.kysely.selectFrom("schema_migrations")
    .select(["name", "checksum"]).orderBy("name").execute();
  const known = new Map(migrations.map((migration) => [migration.name, migration]));
  for (const { name, checksum: before } of recorded) {
    const migration = known.get(name);
    if (migration === undefined) throw migrationUnknown(name);
    if (checksum(migration, tx.profile.name) !== before) throw migrationChanged(name);
  }
  return new Set(recorded.map(({ name }) => name));
}

async function isApplied(tx: Transaction, migration: Migration): Promise<boolean> {
  const row = await tx.kysely.selectFrom("schema_migrations").select("checksum")
    .where("name", "=", migration.name).executeTakeFirst();
  if (row === undefined) return false;
  if (row.checksum === checksum(migration, tx.profile.name)) return true;
  throw migrationChanged(migration.name);
}

async function record(tx: Transaction, migration: Migration, clock: Clock): Promise<void> {
  await tx.kysely.insertInto("schema_migrations").values({
    name: migration.name,
    checksum: checksum(migration, tx.profile.name),
    applied_at: new Date(clock.nowMs()).toISOString(),
  }).execute();
}

async function runAll(tx: Transaction, texts: readonly string[]): Promise<void> {
  for (const sql of texts) await tx.execute({ sql, parameters: [] });
}

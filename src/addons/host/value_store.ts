/**
 * The key-value store of addons (contract/gonext.md §2.4): values by organization, addon and key,
 * with a quota that makes room by dropping the oldest other key. Every change is one transaction
 * under a lock, so that counts hold however many invocations write at once.
 *
 * @module
 */

import { type Kysely, sql } from "kysely";
import type { Clock } from "../../base/clock.ts";
import type { Database, Transaction } from "../../db/database.ts";
import type { KernelTables } from "../../db/tables.ts";
import { Refusal } from "./refusal.ts";

/** Whose values. */
export interface ValueOwner {
  readonly organizationId: string;
  readonly addonKey: string;
}

/** Bounds of one owner's values. */
export interface ValueQuota {
  /** Bytes of all values. */
  readonly maxBytes: number;
  readonly maxKeys: number;
}

/** Bounds where a manifest sets none: nothing a guest fills is without a bound. */
export const DEFAULT_VALUE_QUOTA: ValueQuota = { maxBytes: 16 * 1024 * 1024, maxKeys: 10_000 };

/** Keeps values. Methods run inside `within` where it is given. */
export interface ValueStore {
  get(owner: ValueOwner, key: string, within?: Transaction): Promise<Uint8Array | undefined>;
  /** Sets a value; an overwritten one keeps its age. @throws {Refusal} quota */
  set(owner: ValueOwner, entry: ValueEntry, within?: Transaction): Promise<void>;
  /** Removes a value, if there is one. */
  remove(owner: ValueOwner, key: string, within?: Transaction): Promise<void>;
  /**
   * Adds to an integer; an absent one is 0.
   *
   * @returns the sum.
   * @throws {Refusal} internal — no integer is there, or the sum is outside 32 bits; quota
   */
  add(owner: ValueOwner, step: ValueStep, within?: Transaction): Promise<number>;
  /** Removes everything of an owner. */
  clear(owner: ValueOwner, within?: Transaction): Promise<void>;
}

/** A value to set. */
export interface ValueEntry {
  readonly key: string;
  readonly value: Uint8Array;
  readonly quota: ValueQuota;
}

/** A sum to make. */
export interface ValueStep {
  readonly key: string;
  readonly delta: bigint;
  readonly quota: ValueQuota;
}

/** Keys that are looked at to make room, at a time. */
const EVICTION_PAGE = 200;
const INT32 = { min: -(2n ** 31n), max: 2n ** 31n - 1n };
const INTEGER = /^-?[0-9]{1,20}$/;

/**
 * Makes the store of a database.
 *
 * @param database where values are kept.
 * @param clock the time.
 * @returns the store.
 */
export function createValueStore(database: Database, clock: Clock): ValueStore {
  const locked = <T>(
    owner: ValueOwner,
    within: Transaction | undefined,
    work: (tx: Transaction) => Promise<T>,
  ): Promise<T> => {
    const run = async (tx: Transaction) => {
      await tx.lock(`values:${owner.organizationId}:${owner.addonKey}`);
      return await work(tx);
    };
    return within === undefined ? database.transaction(null, run) : run(within);
  };
  const at = () => new Date(clock.nowMs()).toISOString();
  return {
    get: (owner, key, within) => read((within ?? database).kysely, owner, key),
    set: (owner, entry, within) => locked(owner, within, (tx) => write(tx, owner, entry, at())),
    remove: async (owner, key, within) => {
      await locked(owner, within, (tx) => ownedDelete(tx, owner).where("key", "=", key).execute());
    },
    add: (owner, step, within) => locked(owner, within, (tx) => add(tx, owner, step, at())),
    clear: async (owner, within) => {
      await locked(owner, within, (tx) => ownedDelete(tx, owner).execute());
    },
  };
}

async function read(
  tables: Kysely<KernelTables>,
  owner: ValueOwner,
  key: string,
): Promise<Uint8Array | undefined> {
  const row = await tables.selectFrom("addon_values").select("value")
    .where("organization_id", "=", owner.organizationId)
    .where("addon_key", "=", owner.addonKey)
    .where("key", "=", key)
    .executeTakeFirst();
  return row === undefined ? undefined : new Uint8Array(row.value);
}

async function write(
  tx: Transaction,
  owner: ValueOwner,
  { key, value, quota }: ValueEntry,
  at: string,
): Promise<void> {
  await makeRoom(tx, owner, { key, value, quota });
  await tx.kysely.insertInto("addon_values").values({
    organization_id: owner.organizationId,
    addon_key: owner.addonKey,
    key,
    value,
    created_at: at,
    updated_at: at,
  }).onConflict((conflict) =>
    conflict.columns(["organization_id", "addon_key", "key"])
      .doUpdateSet({ value, updated_at: at })
  ).execute();
}

async function makeRoom(
  tx: Transaction,
  owner: ValueOwner,
  { key, value, quota }: ValueEntry,
): Promise<void> {
  const full = () => new Refusal("quota", `the store holds ${quota.maxBytes} bytes at most`);
  if (value.length > quota.maxBytes || quota.maxKeys < 1) throw full();
  const others = await tx.kysely.selectFrom("addon_values")
    .select(sql<string | number>`count(*)`.as("keys"))
    .select(sql<string | number>`coalesce(sum(length(value)), 0)`.as("bytes"))
    .where("organization_id", "=", owner.organizationId)
    .where("addon_key", "=", owner.addonKey)
    .where("key", "<>", key)
    .executeTakeFirstOrThrow();
  let keys = Number(others.keys);
  let bytes = Number(others.bytes);
  while (keys + 1 > quota.maxKeys || bytes + value.length > quota.maxBytes) {
    const oldest = await oldestOthers(tx, owner, key);
    if (oldest.length === 0) throw full();
    const dropped: string[] = [];
    for (const other of oldest) {
      if (keys + 1 <= quota.maxKeys && bytes + value.length <= quota.maxBytes) break;
      dropped.push(other.key);
      keys--;
      bytes -= Number(other.bytes);
    }
    await ownedDelete(tx, owner).where("key", "in", dropped).execute();
  }
}

async function oldestOthers(
  tx: Transaction,
  owner: ValueOwner,
  key: string,
): Promise<{ key: string; bytes: string | number }[]> {
  return await tx.kysely.selectFrom("addon_values")
    .select(["key", sql<string | number>`length(value)`.as("bytes")])
    .where("organization_id", "=", owner.organizationId)
    .where("addon_key", "=", owner.addonKey)
    .where("key", "<>", key)
    .orderBy("created_at").orderBy("key")
    .limit(EVICTION_PAGE)
    .execute();
}

async function add(
  tx: Transaction,
  owner: ValueOwner,
  { key, delta, quota }: ValueStep,
  at: string,
): Promise<number> {
  const standing = await read(tx.kysely, owner, key);
  const text = standing === undefined ? "0" : new TextDecoder().decode(standing);
  if (!INTEGER.test(text)) throw new Refusal("internal", "the value of this key is no integer");
  const sum = BigInt(text) + delta;
  if (sum < INT32.min || sum > INT32.max) {
    throw new Refusal("internal", "the sum is outside the range of 32 bits");
  }
  await write(tx, owner, { key, value: new TextEncoder().encode(`${sum}`), quota }, at);
  return Number(sum);
}

function ownedDelete(tx: Transaction, owner: ValueOwner) {
  return tx.kysely.deleteFrom("addon_values")
    .where("organization_id", "=", owner.organizationId)
    .where("addon_key", "=", owner.addonKey);
}

/**
 * Organizations and users in the kernel's tables. It keeps them unique and whole; what may be
 * stored, and who may ask, is decided in `service.ts`.
 *
 * @module
 */

import type { Kysely, Selectable } from "kysely";
import type { Clock } from "../base/clock.ts";
import { type IdSource, isUuid } from "../base/ids.ts";
import type { Database } from "../db/database.ts";
import type { KernelTables, UserTable } from "../db/tables.ts";
import type { Organization, User } from "./auth_service.ts";
import { organizationExists, organizationNotFound, userExists } from "./errors.ts";
import { emailKey } from "./email_key.ts";
import { slugOf, suffixedSlug } from "./slug.ts";

/** A user with what only auth sees. */
export interface Account {
  readonly user: User;
  readonly passwordHash: string;
  readonly isActive: boolean;
}

/** A user to be stored; everything was checked. */
export interface UserValues {
  readonly name: string;
  readonly email: string;
  readonly passwordHash: string;
  readonly role: string;
}

/** A user with the organization. */
export interface Membership {
  readonly user: User;
  readonly organization: Organization;
}

/** When an organization may be created. */
export type OrganizationCondition = "always" | "none_exists";

const FIRST_LOCK = "auth:first-organization";
/** A name that is taken this often within one call is no accident. */
const MAX_SLUG_ATTEMPTS = 8;
const ORGANIZATION_COLUMNS = ["id", "name", "slug"] as const;

/** Organizations and users. */
export class AuthStore {
  readonly #database: Database;
  readonly #clock: Clock;
  readonly #ids: IdSource;

  /**
   * Creates a store.
   *
   * @param database holds the tables.
   * @param clock tells when rows were written.
   * @param ids names new rows.
   */
  constructor(database: Database, clock: Clock, ids: IdSource) {
    this.#database = database;
    this.#clock = clock;
    this.#ids = ids;
  }

  /** Finds who logs in. @param key see `emailKey`. */
  async findAccount(key: string): Promise<Account | undefined> {
    const row = await this.#database.kysely.selectFrom("users").selectAll()
      .where("email_key", "=", key).executeTakeFirst();
    if (row === undefined) return undefined;
    return {
      user: userOf(row),
      passwordHash: row.password_hash,
      isActive: row.status === "active",
    };
  }

  /** Finds an active user of an organization. */
  async findActiveUser(organizationId: string, userId: string): Promise<User | undefined> {
    const row = await this.#database.kysely.selectFrom("users").selectAll()
      .where("id", "=", userId).where("organization_id", "=", organizationId)
      .where("status", "=", "active").executeTakeFirst();
    return row && userOf(row);
  }

  /** Finds an organization. */
  async findOrganization(organizationId: string): Promise<Organization | undefined> {
    // Postgres refuses to compare anything else with a uuid, in words that help nobody.
    if (!isUuid(organizationId)) return undefined;
    return await this.#database.kysely.selectFrom("organizations").select(ORGANIZATION_COLUMNS)
      .where("id", "=", organizationId).executeTakeFirst();
  }

  /** Every organization, the oldest first. */
  async listOrganizations(): Promise<Organization[]> {
    return await this.#database.kysely.selectFrom("organizations").select(ORGANIZATION_COLUMNS)
      .orderBy("id").execute();
  }

  /** Number of organizations. */
  async countOrganizations(): Promise<number> {
    return await countOrganizations(this.#database.kysely);
  }

  /**
   * Creates an organization with its first user: both or none.
   *
   * @param name of the organization.
   * @param values the user.
   * @param condition whether there may be an organization already; decided under a lock.
   * @returns both as stored.
   * @throws {KernelError} auth.user_exists, auth.organization_exists
   */
  async createOrganization(
    name: string,
    values: UserValues,
    condition: OrganizationCondition,
  ): Promise<Membership> {
    return await this.#database.transaction(null, async (tx) => {
      if (condition === "none_exists") {
        await tx.lock(FIRST_LOCK);
        if (await countOrganizations(tx.kysely) > 0) throw organizationExists();
      }
      const organization = await this.#insertOrganization(tx.kysely, name);
      return { organization, user: await this.#insertUser(tx.kysely, organization.id, values) };
    });
  }

  /**
   * Adds a user to an organization.
   *
   * @throws {KernelError} auth.organization_not_found, auth.user_exists
   */
  async createUser(organizationId: string, values: UserValues): Promise<User> {
    if (await this.findOrganization(organizationId) === undefined) throw organizationNotFound();
    return await this.#insertUser(this.#database.kysely, organizationId, values);
  }

  /**
   * Notes a login, and a fresh password hash where there is one.
   *
   * @param account who logged in.
   * @param passwordHash replaces the hash, unless that has been changed meanwhile.
   * @returns the user as stored now.
   */
  async recordLogin(account: Account, passwordHash: string | undefined): Promise<User> {
    const { id } = account.user;
    const now = this.#now();
    if (passwordHash !== undefined) {
      await this.#database.kysely.updateTable("users").set({ password_hash: passwordHash })
        .where("id", "=", id).where("password_hash", "=", account.passwordHash).execute();
    }
    await this.#database.kysely.updateTable("users").set({ last_login_at: now })
      .where("id", "=", id).execute();
    return { ...account.user, last_login_at: now };
  }

  /** A slug that is taken gets a suffix; `do nothing` keeps the transaction usable on Postgres. */
  async #insertOrganization(kysely: Kysely<KernelTables>, name: string): Promise<Organization> {
    const now = this.#now();
    let slug = slugOf(name);
    for (let attempt = 0; attempt < MAX_SLUG_ATTEMPTS; attempt++) {
      const inserted = await kysely.insertInto("organizations")
        .values({ id: this.#ids.next(), name, slug, created_at: now, updated_at: now })
        .onConflict((conflict) => conflict.column("slug").doNothing())
        .returning(ORGANIZATION_COLUMNS).executeTakeFirst();
      if (inserted !== undefined) return inserted;
      slug = suffixedSlug(slugOf(name), this.#ids.next());
    }
    throw new Error(`no free slug for an organization after ${MAX_SLUG_ATTEMPTS} attempts`);
  }

  async #insertUser(
    kysely: Kysely<KernelTables>,
    organizationId: string,
    values: UserValues,
  ): Promise<User> {
    const now = this.#now();
    const inserted = await kysely.insertInto("users").values({
      id: this.#ids.next(),
      organization_id: organizationId,
      name: values.name,
      email: values.email,
      email_key: emailKey(values.email),
      password_hash: values.passwordHash,
      role: values.role,
      avatar: null,
      last_login_at: null,
      created_at: now,
      updated_at: now,
    }).onConflict((conflict) => conflict.column("email_key").doNothing())
      .returningAll().executeTakeFirst();
    if (inserted === undefined) throw userExists();
    return userOf(inserted);
  }

  #now(): string {
    return new Date(this.#clock.nowMs()).toISOString();
  }
}

async function countOrganizations(kysely: Kysely<KernelTables>): Promise<number> {
  const { count } = await kysely.selectFrom("organizations")
    .select((query) => query.fn.countAll().as("count")).executeTakeFirstOrThrow();
  return Number(count);
}

function userOf(row: Selectable<UserTable>): User {
  return {
    id: row.id,
    organization_id: row.organization_id,
    name: row.name,
    email: row.email,
    role: row.role,
    ...(row.avatar === null ? undefined : { avatar: row.avatar }),
    ...(row.last_login_at === null ? undefined : { last_login_at: instant(row.last_login_at) }),
    created_at: instant(row.created_at),
    updated_at: instant(row.updated_at),
  };
}

/** Engines print fractions of a second differently. */
function instant(text: string): string {
  return new Date(text).toISOString();
}

/**
 * Login, registration and who one is. Every failed login looks the same and costs the same, whether
 * the address is unknown, the password wrong or the user disabled.
 *
 * @module
 */

import type { UserCaller } from "../base/caller.ts";
import type { Clock } from "../base/clock.ts";
import { isKernelError } from "../base/error.ts";
import type { IdSource } from "../base/ids.ts";
import { SUPER_ROLE } from "../base/role.ts";
import type { Database } from "../db/database.ts";
import type { Logger } from "../telemetry/log.ts";
import type {
  AuthService,
  NewOrganization,
  NewUser,
  OperatorNewOrganization,
  Organization,
  Session,
  TokenClaims,
  User,
} from "./auth_service.ts";
import { emailKey, isEmail } from "./email_key.ts";
import {
  invalidCredentials,
  registrationClosed,
  tokenInvalid,
  userExists,
  userNotFound,
} from "./errors.ts";
import { checkName, checkPerson, checkRole, type PersonForm, requireTexts } from "./new_user.ts";
import { createPasswordHasher, type PasswordHasher } from "./password.ts";
import { type Account, AuthStore, type Membership, type UserValues } from "./store.ts";
import { DEFAULT_THROTTLE, LoginThrottle, type ThrottleLimits } from "./throttle.ts";
import { StandingCache } from "./standing_cache.ts";
import type { Tokens } from "./token.ts";

/** What the service is made of. */
export interface AuthOptions {
  readonly database: Database;
  readonly clock: Clock;
  readonly ids: IdSource;
  readonly logger: Logger;
  readonly tokens: Tokens;
  /** Whether strangers may open an organization. @default "closed" */
  readonly registration?: "open" | "closed";
  /** Limits of failed logins that differ from the default. @default {@link DEFAULT_THROTTLE} */
  readonly throttle?: Partial<ThrottleLimits>;
  /** Hashes and verifies passwords. @default scrypt, two at once */
  readonly passwords?: PasswordHasher;
}

/**
 * Makes the service.
 *
 * @param options database, ports and settings.
 * @returns the service.
 */
export function createAuthService(options: AuthOptions): AuthService {
  return new KernelAuthService(options);
}

class KernelAuthService implements AuthService {
  readonly #logger: Logger;
  readonly #tokens: Tokens;
  readonly #registration: "open" | "closed";
  readonly #passwords: PasswordHasher;
  readonly #store: AuthStore;
  readonly #throttle: LoginThrottle;
  readonly #standings: StandingCache;

  constructor(options: AuthOptions) {
    const { database, clock, ids, logger } = options;
    this.#logger = logger;
    this.#tokens = options.tokens;
    this.#registration = options.registration ?? "closed";
    this.#passwords = options.passwords ?? createPasswordHasher();
    this.#store = new AuthStore(database, clock, ids);
    this.#standings = new StandingCache(
      async (organizationId, userId) =>
        (await this.#store.findActiveUser(organizationId, userId))?.role,
      clock,
    );
    const limits = { ...DEFAULT_THROTTLE, ...options.throttle };
    this.#throttle = new LoginThrottle({ database, clock, logger, limits });
  }

  async login(
    credentials: { readonly email: string; readonly password: string },
    clientAddress: string,
  ): Promise<Session> {
    const { email, password } = credentials;
    requireTexts(email);
    if (typeof password !== "string" || password === "") requireTexts(undefined);
    const key = emailKey(email);
    const attempt = await this.#throttle.count(key, clientAddress);
    let account: Account | undefined;
    try {
      account = await this.#prove(key, password);
    } catch (thrown) {
      await this.#throttle.giveBack(attempt);
      throw thrown;
    }
    if (account === undefined) {
      this.#logger.info("login refused", { clientAddress });
      throw invalidCredentials();
    }
    await this.#throttle.forgive(attempt);
    return await this.#openSession(account);
  }

  async verify(token: string): Promise<TokenClaims> {
    const claims = await this.#tokens.verify(token);
    const role = await this.#standings.of(claims.organizationId, claims.userId);
    if (role === undefined) throw tokenInvalid();
    return role === claims.role ? claims : { ...claims, role };
  }

  async me(caller: UserCaller): Promise<Membership> {
    const user = await this.#store.findActiveUser(caller.organizationId, caller.userId);
    if (user === undefined) throw userNotFound();
    return { user, organization: await this.#organizationOf(user) };
  }

  async register(request: NewOrganization): Promise<Session> {
    if (this.#registration !== "open") throw registrationClosed();
    // Field by field: nothing else that a client sent can come along.
    const { organizationName, name, email, password } = request;
    const { user, organization } = await this.createOrganization({
      organizationName,
      name,
      email,
      password,
    });
    return await this.#session(user, organization);
  }

  async createOrganization(request: OperatorNewOrganization): Promise<Membership> {
    const person = checkPerson(request);
    const given = request.organizationName?.trim() || `${person.name}'s Organization`;
    const name = checkName(given, "organization_name");
    const values = await this.#valuesOf(person, SUPER_ROLE);
    const created = await this.#store.createOrganization(
      name,
      values,
      request.condition ?? "always",
    );
    this.#logger.info("organization created", {
      organizationId: created.organization.id,
      userId: created.user.id,
    });
    return created;
  }

  async createUser(request: NewUser): Promise<User> {
    const person = checkPerson(request);
    requireTexts(request.role);
    const role = checkRole(request.role);
    const values = await this.#valuesOf(person, role);
    const user = await this.#store.createUser(request.organizationId, values);
    const { id: userId, organization_id: organizationId } = user;
    this.#logger.info("user created", { organizationId, userId, role });
    return user;
  }

  async countOrganizations(): Promise<number> {
    return await this.#store.countOrganizations();
  }

  async listOrganizations(): Promise<readonly Organization[]> {
    return await this.#store.listOrganizations();
  }

  /** The account whose password this is, its hash brought up to date; or undefined. */
  async #prove(key: string, password: string): Promise<Account | undefined> {
    const account = isEmail(key) ? await this.#store.findAccount(key) : undefined;
    const verdict = await this.#passwords.verify(password, account?.passwordHash);
    if (account === undefined || !verdict.matches || !account.isActive) return undefined;
    const hash = verdict.needsRehash ? await this.#freshHash(account, password) : undefined;
    return { ...account, user: await this.#store.recordLogin(account, hash) };
  }

  /** An old hash is good enough to log in when there is no room to make a new one. */
  async #freshHash(account: Account, password: string): Promise<string | undefined> {
    try {
      return await this.#passwords.hash(password);
    } catch (thrown) {
      if (!isKernelError(thrown, "auth.busy")) throw thrown;
      this.#logger.info("a password hash is upgraded at a later login", {
        userId: account.user.id,
      });
      return undefined;
    }
  }

  async #openSession({ user }: Account): Promise<Session> {
    const session = await this.#session(user, await this.#organizationOf(user));
    this.#logger.info("login", { organizationId: user.organization_id, userId: user.id });
    return session;
  }

  async #session(user: User, organization: Organization): Promise<Session> {
    const { id: userId, organization_id: organizationId, email, role } = user;
    const issued = await this.#tokens.issue({ userId, organizationId, email, role });
    const expiry = new Date(issued.expiresAt * 1000).toISOString();
    return { user, organization, token: issued.token, expires_at: expiry };
  }

  async #organizationOf(user: User): Promise<Organization> {
    const organization = await this.#store.findOrganization(user.organization_id);
    // The organization went, and its users with it, since the user was read.
    if (organization === undefined) throw userNotFound();
    return organization;
  }

  /** Looks first, because hashing is costly; the unique index has the last word. */
  async #valuesOf(person: PersonForm, role: string): Promise<UserValues> {
    if (await this.#store.findAccount(emailKey(person.email)) !== undefined) throw userExists();
    const { name, email, password } = person;
    return { name, email, role, passwordHash: await this.#passwords.hash(password) };
  }
}

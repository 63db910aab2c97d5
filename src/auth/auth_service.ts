/**
 * Who people are: login, tokens, organizations and their users.
 *
 * @module
 */

import type { UserCaller } from "../base/caller.ts";

/** A person as clients see one: never with a password hash. */
export interface User {
  /** UUIDv7. */
  readonly id: string;
  /** The organization the user belongs to, exactly one; a UUID. */
  readonly organization_id: string;
  /** Name for people, 1 to 255 characters. */
  readonly name: string;
  /**
   * Address as given, trimmed and composed (NFC); at most 254 characters. Letter case makes no
   * other user.
   */
  readonly email: string;
  /** Lower-case role such as `owner`, `admin`, `agent`; 1 to 50 of `a-z 0-9 _ -`. */
  readonly role: string;
  /** Address of a picture; absent where there is none. */
  readonly avatar?: string;
  /** Time of the latest login, RFC 3339 in UTC; absent before the first. */
  readonly last_login_at?: string;
  /** RFC 3339 in UTC, milliseconds. */
  readonly created_at: string;
  /** Time of the latest change other than a login, RFC 3339 in UTC, milliseconds. */
  readonly updated_at: string;
}

/** A tenant as clients see it. */
export interface Organization {
  /** UUIDv7. */
  readonly id: string;
  /** Name for people, 1 to 255 characters. */
  readonly name: string;
  /** Name for addresses, unique: at most 71 of `a-z`, `0-9` and `-`; made from the name. */
  readonly slug: string;
}

/** What a login gives. */
export interface Session {
  /** Who has logged in. */
  readonly user: User;
  /** The organization that the session stays inside. */
  readonly organization: Organization;
  /** Signed JWT (RFC 7519), sent as `Authorization: Bearer <token>`. */
  readonly token: string;
  /** RFC 3339. */
  readonly expires_at: string;
}

/** What a valid token says. */
export interface TokenClaims {
  /** Claim `sub`; a UUID, lower-case. */
  readonly userId: string;
  /** Claim `org`; a UUID, lower-case. */
  readonly organizationId: string;
  /** Claim `email`, where the token has it. */
  readonly email?: string;
  /** Claim `role`; empty where the token has none, which permits nothing. */
  readonly role: string;
  /** Unix time in seconds. */
  readonly expiresAt: number;
}

/** A new organization with its first user. */
export interface NewOrganization {
  /** Name of the organization, 1 to 255 characters; blank names it after its owner. */
  readonly organizationName: string;
  /** Name of the first user, its owner; 1 to 255 characters. */
  readonly name: string;
  /** Address of the owner, `name@host` of at most 254 characters; no other user may have it. */
  readonly email: string;
  /** Password of the owner, 8 to 256 characters. */
  readonly password: string;
}

/** A new organization as an operator or host application opens it. */
export interface OperatorNewOrganization extends NewOrganization {
  /**
   * `none_exists` opens it only where there is no organization yet, which is decided under a lock:
   * of two starters at one time, one opens it.
   *
   * @default "always"
   */
  readonly condition?: "always" | "none_exists";
}

/** A new user of an existing organization. */
export interface NewUser {
  /** The organization that the user joins; a UUID. */
  readonly organizationId: string;
  /** Name for people, 1 to 255 characters. */
  readonly name: string;
  /** Address, `name@host` of at most 254 characters; no user of any organization may have it. */
  readonly email: string;
  /** Password, 8 to 256 characters. */
  readonly password: string;
  /** Lower-case role such as `agent`. */
  readonly role: string;
}

/** Proves who people are. */
export interface AuthService {
  /**
   * Checks a password and issues a token. Unknown address and wrong password take the same time and
   * give the same error.
   *
   * @param clientAddress counted by the rate limit beside the address.
   * @throws {KernelError} auth.invalid_credentials, auth.rate_limited, auth.missing_fields, auth.busy
   */
  login(
    credentials: { readonly email: string; readonly password: string },
    clientAddress: string,
  ): Promise<Session>;
  /**
   * Checks a token, and that its user is still active. The role is the user's present one, at most
   * five seconds old, whatever it was when the token was issued.
   *
   * @throws {KernelError} auth.token_missing, auth.token_expired, auth.token_invalid
   */
  verify(token: string): Promise<TokenClaims>;
  /** The caller's user and organization. @throws {KernelError} auth.user_not_found */
  me(caller: UserCaller): Promise<{ readonly user: User; readonly organization: Organization }>;
  /**
   * Opens an organization with its owner and logs the owner in, where registration is open.
   *
   * @throws {KernelError} auth.registration_closed, auth.user_exists, auth.missing_fields,
   *   auth.weak_password, auth.invalid_email, auth.invalid_name, auth.busy
   */
  register(request: NewOrganization): Promise<Session>;
  /**
   * Opens an organization with its owner; for operators and host applications.
   *
   * @throws {KernelError} what {@link AuthService.register} throws, registration_closed apart;
   *   auth.organization_exists — where the condition does not hold.
   */
  createOrganization(
    request: OperatorNewOrganization,
  ): Promise<{ readonly user: User; readonly organization: Organization }>;
  /**
   * Adds a user; for operators and host applications.
   *
   * @throws {KernelError} auth.organization_not_found, auth.user_exists, auth.missing_fields,
   *   auth.weak_password, auth.invalid_email, auth.invalid_name, auth.invalid_role, auth.busy
   */
  createUser(request: NewUser): Promise<User>;
  /** Number of organizations; 0 on a first start. */
  countOrganizations(): Promise<number>;
  /** Every organization, the oldest first; for operators and host applications. */
  listOrganizations(): Promise<readonly Organization[]>;
}

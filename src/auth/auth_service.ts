/**
 * Who people are: login, tokens, organizations and their users.
 *
 * @module
 */

import type { UserCaller } from "../base/caller.ts";

/** A person as clients see one: never with a password hash. */
export interface User {
  readonly id: string;
  readonly organization_id: string;
  readonly name: string;
  readonly email: string;
  readonly role: string;
  readonly avatar?: string;
  readonly last_login_at?: string;
  readonly created_at: string;
  readonly updated_at: string;
}

/** A tenant as clients see it. */
export interface Organization {
  readonly id: string;
  readonly name: string;
  readonly slug: string;
}

/** What a login gives. */
export interface Session {
  readonly user: User;
  readonly organization: Organization;
  readonly token: string;
  /** RFC 3339. */
  readonly expires_at: string;
}

/** What a valid token says. */
export interface TokenClaims {
  readonly userId: string;
  readonly organizationId: string;
  readonly email?: string;
  readonly role: string;
  /** Unix time in seconds. */
  readonly expiresAt: number;
}

/** A new organization with its first user. */
export interface NewOrganization {
  readonly organizationName: string;
  readonly name: string;
  readonly email: string;
  readonly password: string;
}

/** A new user of an existing organization. */
export interface NewUser {
  readonly organizationId: string;
  readonly name: string;
  readonly email: string;
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
   * @throws {KernelError} auth.invalid_credentials, auth.rate_limited, auth.missing_fields
   */
  login(
    credentials: { readonly email: string; readonly password: string },
    clientAddress: string,
  ): Promise<Session>;
  /** Checks a token. @throws {KernelError} auth.token_expired, auth.token_invalid */
  verify(token: string): Promise<TokenClaims>;
  /** The caller's user and organization. @throws {KernelError} auth.user_not_found */
  me(caller: UserCaller): Promise<{ readonly user: User; readonly organization: Organization }>;
  /**
   * Opens an organization with its owner and logs the owner in, where registration is open.
   *
   * @throws {KernelError} auth.registration_closed, auth.user_exists, auth.missing_fields,
   *   auth.weak_password
   */
  register(request: NewOrganization): Promise<Session>;
  /** Opens an organization with its owner; for operators and host applications. */
  createOrganization(
    request: NewOrganization,
  ): Promise<{ readonly user: User; readonly organization: Organization }>;
  /** Adds a user; for operators and host applications. */
  createUser(request: NewUser): Promise<User>;
  /** Number of organizations; 0 on a first start. */
  countOrganizations(): Promise<number>;
}

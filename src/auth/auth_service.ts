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
   * @throws {KernelError} auth.invalid_credentials, auth.rate_limited, auth.missing_fields, auth.busy
   */
  login(
    credentials: { readonly email: string; readonly password: string },
    clientAddress: string,
  ): Promise<Session>;
  /**
   * Checks a token.
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
}

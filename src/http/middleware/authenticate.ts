/**
 * Proves who asks. A token is read from the Authorization header only: in a URL it would end in
 * logs, histories and referrers, so `?token=` is not read here.
 *
 * @module
 */

import type { AuthService, TokenClaims } from "../../auth/auth_service.ts";
import type { UserCaller } from "../../base/caller.ts";
import { missingToken, unsupportedScheme } from "../errors.ts";
import type { Exchange } from "../exchange.ts";

const CREDENTIALS = /^(?:bearer +)?(\S+)$/i;
const FIRST_LANGUAGE =
  /^[\s,]*(?:\*[^,]*,\s*)?([A-Za-z]{1,8}(?:-[A-Za-z0-9]{1,8}){0,4})\s*(?:[,;]|$)/;

/**
 * Finds out who asks and remembers it in the exchange.
 *
 * @param exchange the request.
 * @param auth checks the token.
 * @returns the caller, inside the organization that the token names.
 * @throws {KernelError} http.missing_token, http.unsupported_scheme, or what the check throws.
 */
export async function authenticate(exchange: Exchange, auth: AuthService): Promise<UserCaller> {
  const headers = exchange.request.headers;
  const claims = await auth.verify(tokenOf(headers.get("authorization")));
  const caller = new RequestCaller(exchange, claims, localeOf(headers.get("accept-language")));
  exchange.caller = caller;
  return caller;
}

class RequestCaller implements UserCaller {
  readonly kind = "user";
  readonly userId: string;
  readonly organizationId: string;
  readonly role: string;
  readonly requestId: string;
  declare readonly email?: string;
  declare readonly locale?: string;
  readonly #exchange: Exchange;

  constructor(exchange: Exchange, claims: TokenClaims, locale: string | undefined) {
    this.userId = claims.userId;
    this.organizationId = claims.organizationId;
    this.role = claims.role;
    this.requestId = exchange.requestId;
    if (claims.email !== undefined) this.email = claims.email;
    if (locale !== undefined) this.locale = locale;
    this.#exchange = exchange;
  }

  /** Made when first asked for: most work never does, and combining two signals is not free. */
  get signal(): AbortSignal {
    return this.#exchange.signal;
  }
}

/**
 * Reads the token out of a header: `Bearer <token>` in any letter case, or the token alone.
 *
 * @param header value of Authorization, or null.
 * @returns the token, not yet checked.
 * @throws {KernelError} http.missing_token, http.unsupported_scheme
 */
export function tokenOf(header: string | null): string {
  const value = header?.trim() ?? "";
  if (value === "" || value.toLowerCase() === "bearer") throw missingToken();
  const token = CREDENTIALS.exec(value)?.[1];
  if (token === undefined) throw unsupportedScheme();
  return token;
}

/**
 * Reads the first language of a header; weights are not looked at (contract/metacore.md §1.10).
 *
 * @param header value of Accept-Language, or null.
 * @returns a language tag, or undefined.
 */
export function localeOf(header: string | null): string | undefined {
  return header === null ? undefined : FIRST_LANGUAGE.exec(header)?.[1];
}

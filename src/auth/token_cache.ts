/**
 * Claims of tokens whose signature has been proven, so that the next request with the same token
 * does not prove it again. It answers no longer than the token lives, and holds a bounded number.
 *
 * @module
 */

import type { TokenClaims } from "./auth_service.ts";

/** Most tokens remembered; about 1 KB each. */
export const MAX_CACHED_TOKENS = 10_000;

/** Remembers verified claims by the whole text of their token. */
export class TokenCache {
  readonly #claims = new Map<string, TokenClaims>();
  readonly #maxEntries: number;

  /**
   * Creates an empty cache.
   *
   * @param maxEntries most tokens remembered, 1 or more. @default {@link MAX_CACHED_TOKENS}
   */
  constructor(maxEntries: number = MAX_CACHED_TOKENS) {
    this.#maxEntries = maxEntries;
  }

  /** Tokens remembered. */
  get size(): number {
    return this.#claims.size;
  }

  /**
   * Finds the claims of a token.
   *
   * @param token the whole token.
   * @returns its claims, of which the caller still checks the expiry, or undefined.
   */
  get(token: string): TokenClaims | undefined {
    return this.#claims.get(token);
  }

  /**
   * Remembers a token; the oldest is forgotten when there are too many.
   *
   * @param token the whole token, its signature proven.
   * @param claims what it says.
   */
  set(token: string, claims: TokenClaims): void {
    if (this.#claims.size >= this.#maxEntries) {
      const oldest = this.#claims.keys().next();
      if (!oldest.done) this.#claims.delete(oldest.value);
    }
    this.#claims.set(token, claims);
  }

  /** Forgets a token. @param token the whole token. */
  delete(token: string): void {
    this.#claims.delete(token);
  }

  /** Forgets every token of a user. @param userId the user. */
  deleteUser(userId: string): void {
    for (const [token, claims] of this.#claims) {
      if (claims.userId === userId) this.#claims.delete(token);
    }
  }
}

/**
 * Issues and verifies tokens: JWT signed with HMAC-SHA-256 (RFC 7519, RFC 8725). The algorithm, the
 * key, issuer and audience are fixed here; nothing in a token chooses them. It keeps no sessions:
 * a token is good until it expires.
 *
 * @module
 */

import { errors, type JWTPayload, jwtVerify, type JWTVerifyResult, SignJWT } from "@panva/jose";
import type { Clock } from "../base/clock.ts";
import { type IdSource, isUuid, SystemIds } from "../base/ids.ts";
import type { TokenClaims } from "./auth_service.ts";
import { invalidLifetime, tokenExpired, tokenInvalid, tokenMissing, weakKey } from "./errors.ts";
import { TokenCache } from "./token_cache.ts";

/** How {@link createTokens} is called. */
export interface TokenOptions {
  /** Signs and verifies; at least 32 bytes. */
  readonly key: Uint8Array;
  readonly clock: Clock;
  /** Makes claim `jti`. @default UUIDv7 of the system's clock and random numbers */
  readonly ids?: IdSource;
  /** Claim `iss`. @default "metacore" */
  readonly issuer?: string;
  /** Claim `aud`. @default "metacore-api" */
  readonly audience?: string;
  /** How long a token is good, in seconds, 60 to 2,592,000. @default 86,400 */
  readonly lifetimeSeconds?: number;
}

/** For whom a token is issued. */
export interface TokenSubject {
  readonly userId: string;
  readonly organizationId: string;
  readonly email: string;
  readonly role: string;
}

/** A new token. */
export interface IssuedToken {
  readonly token: string;
  /** Unix time in seconds. */
  readonly expiresAt: number;
}

/** Issues and verifies tokens. */
export interface Tokens {
  /** Issues a token. */
  issue(subject: TokenSubject): Promise<IssuedToken>;
  /**
   * Verifies a token.
   *
   * @throws {KernelError} auth.token_missing, auth.token_expired, auth.token_invalid
   */
  verify(token: string): Promise<TokenClaims>;
  /** Forgets what was proven of a user's tokens, so that they are verified anew. */
  forget(userId: string): void;
}

/** Default of claim `iss`. */
export const DEFAULT_ISSUER = "metacore";
/** Default of claim `aud`. */
export const DEFAULT_AUDIENCE = "metacore-api";
/** Clocks of replicas may differ by this much. */
export const CLOCK_TOLERANCE_SECONDS = 5;
/** Longer texts are no tokens of ours; bounds the work on a forged one. */
export const MAX_TOKEN_LENGTH = 4096;

const ALGORITHM = "HS256";
const TYPE = "JWT";
const LEAST_KEY_BYTES = 32;
const LEAST_LIFETIME_SECONDS = 60;
const MOST_LIFETIME_SECONDS = 2_592_000;
const DEFAULT_LIFETIME_SECONDS = 86_400;
/** The whole header of our tokens. `kid`, `jwk`, `jku`, `x5u`, `crit` and all others are refused. */
const HEADER_NAMES: ReadonlySet<string> = new Set(["alg", "typ"]);
const REQUIRED_CLAIMS = ["iss", "aud", "exp", "iat", "sub", "org"];

/**
 * Makes the issuer and verifier of tokens, importing the key once.
 *
 * @param options key, clock, issuer, audience and lifetime.
 * @returns the tokens.
 * @throws {KernelError} auth.weak_key — fewer than 32 bytes.
 * @throws {KernelError} auth.invalid_lifetime — outside 60 to 2,592,000 seconds.
 */
export async function createTokens(options: TokenOptions): Promise<Tokens> {
  const { length } = options.key;
  if (length < LEAST_KEY_BYTES) throw weakKey(length, LEAST_KEY_BYTES);
  const lifetime = options.lifetimeSeconds ?? DEFAULT_LIFETIME_SECONDS;
  if (
    !Number.isInteger(lifetime) || lifetime < LEAST_LIFETIME_SECONDS ||
    lifetime > MOST_LIFETIME_SECONDS
  ) {
    throw invalidLifetime(lifetime, LEAST_LIFETIME_SECONDS, MOST_LIFETIME_SECONDS);
  }
  const algorithm = { name: "HMAC", hash: "SHA-256" };
  const bytes = new Uint8Array(options.key);
  const key = await crypto.subtle.importKey("raw", bytes, algorithm, false, ["sign", "verify"]);
  return new SignedTokens(options, key, lifetime);
}

class SignedTokens implements Tokens {
  readonly #clock: Clock;
  readonly #ids: IdSource;
  readonly #key: CryptoKey;
  readonly #issuer: string;
  readonly #audience: string;
  readonly #lifetimeSeconds: number;
  readonly #verified = new TokenCache();

  constructor(options: TokenOptions, key: CryptoKey, lifetimeSeconds: number) {
    this.#clock = options.clock;
    this.#ids = options.ids ?? new SystemIds();
    this.#key = key;
    this.#issuer = options.issuer ?? DEFAULT_ISSUER;
    this.#audience = options.audience ?? DEFAULT_AUDIENCE;
    this.#lifetimeSeconds = lifetimeSeconds;
  }

  async issue(subject: TokenSubject): Promise<IssuedToken> {
    const issuedAt = Math.floor(this.#clock.nowMs() / 1000);
    const expiresAt = issuedAt + this.#lifetimeSeconds;
    const { organizationId: org, email, role } = subject;
    const token = await new SignJWT({ org, email, role })
      .setProtectedHeader({ alg: ALGORITHM, typ: TYPE })
      .setIssuer(this.#issuer)
      .setAudience(this.#audience)
      .setSubject(subject.userId)
      .setJti(this.#ids.next())
      .setIssuedAt(issuedAt)
      .setExpirationTime(expiresAt)
      .sign(this.#key);
    return { token, expiresAt };
  }

  async verify(token: string): Promise<TokenClaims> {
    const known = this.#verified.get(token);
    if (known !== undefined) {
      if (known.expiresAt + CLOCK_TOLERANCE_SECONDS > this.#clock.nowMs() / 1000) return known;
      this.#verified.delete(token);
      throw tokenExpired();
    }
    const claims = await this.#prove(token);
    this.#verified.set(token, claims);
    return claims;
  }

  forget(userId: string): void {
    this.#verified.deleteUser(userId);
  }

  async #prove(token: string): Promise<TokenClaims> {
    if (token === "") throw tokenMissing();
    if (token.length > MAX_TOKEN_LENGTH) throw tokenInvalid();
    try {
      return this.#claimsOf(
        await jwtVerify(token, this.#key, {
          algorithms: [ALGORITHM],
          typ: TYPE,
          issuer: this.#issuer,
          audience: this.#audience,
          requiredClaims: REQUIRED_CLAIMS,
          clockTolerance: CLOCK_TOLERANCE_SECONDS,
          currentDate: new Date(this.#clock.nowMs()),
        }),
      );
    } catch (thrown) {
      throw thrown instanceof errors.JWTExpired ? tokenExpired() : tokenInvalid(thrown);
    }
  }

  /** Signature, expiry, issuer and audience hold; the rest is checked here. */
  #claimsOf({ protectedHeader, payload }: JWTVerifyResult): TokenClaims {
    const foreign = Object.keys(protectedHeader).find((name) => !HEADER_NAMES.has(name));
    if (foreign !== undefined) throw new Error(`header ${foreign} is not accepted`);
    if (payload.aud !== this.#audience) throw new Error("several audiences are not accepted");
    const { sub, org, email, role, exp, iat } = payload as JWTPayload & Record<string, unknown>;
    const latest = this.#clock.nowMs() / 1000 + CLOCK_TOLERANCE_SECONDS;
    if (iat === undefined || iat > latest) throw new Error("issued in the future");
    if (exp === undefined) throw new Error("no expiry");
    if (!isUuid(sub) || !isUuid(org)) throw new Error("sub and org must be UUIDs");
    const address = optionalText(email, "email");
    return {
      // One form, because an engine that stores identifiers as text compares them as text.
      userId: sub.toLowerCase(),
      organizationId: org.toLowerCase(),
      role: optionalText(role, "role") ?? "",
      ...(address !== undefined && { email: address }),
      expiresAt: exp,
    };
  }
}

function optionalText(value: unknown, claim: string): string | undefined {
  if (value === undefined || typeof value === "string") return value;
  throw new Error(`${claim} must be text`);
}

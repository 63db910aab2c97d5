/**
 * An auth service over a test database, with ports that tests move and count.
 *
 * @module
 */

import { scryptSync } from "node:crypto";
import type { AuthService } from "../../src/auth/auth_service.ts";
import { createPasswordHasher, type DeriveKey } from "../../src/auth/password.ts";
import type { ScryptParameters } from "../../src/auth/scrypt_hash.ts";
import { type AuthOptions, createAuthService } from "../../src/auth/service.ts";
import { createTokens, type Tokens } from "../../src/auth/token.ts";
import type { Clock } from "../../src/base/clock.ts";
import { SystemIds } from "../../src/base/ids.ts";
import type { Database } from "../../src/db/database.ts";
import { createLogger } from "../../src/telemetry/log.ts";
import { openTestDatabase, type TestDatabase } from "../_support/engines.ts";

/** Cheap, so that tests wait for behaviour and not for hashing. */
export const CHEAP: ScryptParameters = { costLog2: 10, blockSize: 1, parallelization: 1 };
/** A key of 32 bytes. */
export const SECRET: Uint8Array = new TextEncoder().encode("0123456789abcdef0123456789abcdef");

/** Time that stands still until it is moved. */
export class FakeClock implements Clock {
  #now = Date.parse("2026-11-21T09:00:00.000Z");

  nowMs(): number {
    return this.#now;
  }

  /** Moves time. @param ms milliseconds, to either side. */
  advance(ms: number): void {
    this.#now += ms;
  }
}

/** What {@link makeAuth} gives. */
export interface AuthFixture {
  readonly auth: AuthService;
  readonly tokens: Tokens;
  readonly clock: FakeClock;
  /** Salts of the computations of scrypt so far, in hex. */
  readonly derived: string[];
  /** Lines of the log. */
  readonly lines: string[];
}

/**
 * Makes a service that hashes cheaply and counts.
 *
 * @param database a migrated database.
 * @param options what differs from the default.
 * @param clock the time.
 * @returns the service and its ports.
 */
export async function makeAuth(
  database: Database,
  options: Partial<AuthOptions> = {},
  clock: FakeClock = new FakeClock(),
): Promise<AuthFixture> {
  const derived: string[] = [];
  const lines: string[] = [];
  const derive: DeriveKey = (password, form) => {
    derived.push(form.salt.toHex());
    const cost = { N: 2 ** form.costLog2, r: form.blockSize, p: form.parallelization };
    return Promise.resolve(
      new Uint8Array(scryptSync(password, form.salt, form.hash.length, cost)),
    );
  };
  const tokens = await createTokens({ key: SECRET, clock });
  const logger = createLogger({
    sink: (line) => lines.push(line),
    nowMs: () => clock.nowMs(),
  });
  const auth = createAuthService({
    database,
    clock,
    ids: new SystemIds(),
    logger,
    tokens,
    registration: "open",
    passwords: createPasswordHasher({ parameters: CHEAP, derive }),
    ...options,
  });
  return { auth, tokens, clock, derived, lines };
}

/** A registration that is accepted. @param email its address. */
export function acme(email = "ada@acme.example"): {
  readonly organizationName: string;
  readonly name: string;
  readonly email: string;
  readonly password: string;
} {
  return { organizationName: "Acme", name: "Ada", email, password: "correct horse" };
}

/**
 * Registers a test on SQLite alone, for behaviour that no engine can change.
 *
 * @param name symbol and behaviour.
 * @param run the test.
 */
export function sqliteTest(name: string, run: (t: TestDatabase) => Promise<void>): void {
  Deno.test(name, async () => {
    await using test = await openTestDatabase("sqlite");
    await run(test);
  });
}

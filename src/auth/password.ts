/**
 * Hashes and verifies passwords off the event loop, a bounded number at once. Whether there is a
 * user, and in which form the hash is stored, costs the same: where there is nothing to check
 * against, a dummy is checked.
 *
 * @module
 */

import { scrypt } from "node:crypto";
import { equalSecrets } from "../base/secret.ts";
import { isBcryptHash, matchesBcrypt } from "./bcrypt_hash.ts";
import { passwordBytes } from "./password_policy.ts";
import {
  CURRENT_PARAMETERS,
  formatScryptHash,
  memoryBytes,
  parseScryptHash,
  type ScryptHash,
  type ScryptParameters,
} from "./scrypt_hash.ts";
import { WorkQueue } from "./work_queue.ts";

/** What a check of a password says. */
export interface PasswordVerdict {
  readonly matches: boolean;
  /** True when it matches and the stored form is older than what is stored today. */
  readonly needsRehash: boolean;
}

/** Hashes and verifies passwords. */
export interface PasswordHasher {
  /**
   * Hashes a password that met the policy.
   *
   * @returns the form to be stored.
   * @throws {KernelError} auth.busy
   */
  hash(password: string): Promise<string>;
  /**
   * Checks a password.
   *
   * @param stored the stored form, or undefined where there is no user: the cost is the same.
   * @throws {KernelError} auth.busy
   */
  verify(password: string, stored: string | undefined): Promise<PasswordVerdict>;
}

/** Computes scrypt; a port, so that tests count computations instead of measuring time. */
export type DeriveKey = (password: Uint8Array, form: ScryptHash) => Promise<Uint8Array>;

/** How a {@link PasswordHasher} is made. */
export interface PasswordHasherOptions {
  /** What new hashes cost. @default {@link CURRENT_PARAMETERS} */
  readonly parameters?: ScryptParameters;
  /** Computes. @default `node:crypto`, on a thread of its own */
  readonly derive?: DeriveKey;
  /** Computations at once. @default 2 */
  readonly maxActive?: number;
  /** Computations that may wait; at 0.2 s each, 32 wait up to about 3 s. @default 32 */
  readonly maxWaiting?: number;
}

const SALT_BYTES = 16;
const HASH_BYTES = 32;
const REFUSED: PasswordVerdict = { matches: false, needsRehash: false };

/**
 * Makes a hasher.
 *
 * @param options costs and bounds.
 * @returns the hasher.
 */
export function createPasswordHasher(options: PasswordHasherOptions = {}): PasswordHasher {
  return new ScryptPasswordHasher(options);
}

class ScryptPasswordHasher implements PasswordHasher {
  readonly #parameters: ScryptParameters;
  readonly #derive: DeriveKey;
  readonly #queue: WorkQueue;
  /** Bcrypt computes on the main thread, so one at a time. */
  readonly #bcryptQueue: WorkQueue;
  readonly #dummy: ScryptHash;

  constructor(options: PasswordHasherOptions) {
    const maxWaiting = options.maxWaiting ?? 32;
    this.#parameters = options.parameters ?? CURRENT_PARAMETERS;
    this.#derive = options.derive ?? deriveOffThread;
    this.#queue = new WorkQueue(options.maxActive ?? 2, maxWaiting);
    this.#bcryptQueue = new WorkQueue(1, maxWaiting);
    this.#dummy = {
      ...this.#parameters,
      salt: new Uint8Array(SALT_BYTES).fill(0x5a),
      hash: new Uint8Array(HASH_BYTES),
    };
  }

  async hash(password: string): Promise<string> {
    const bytes = passwordBytes(password);
    if (bytes === undefined) throw new RangeError("the password was not checked by the policy");
    const salt = crypto.getRandomValues(new Uint8Array(SALT_BYTES));
    const form = { ...this.#parameters, salt, hash: new Uint8Array(HASH_BYTES) };
    const hash = await this.#queue.run(() => this.#derive(bytes, form));
    return formatScryptHash({ ...form, hash });
  }

  async verify(password: string, stored: string | undefined): Promise<PasswordVerdict> {
    const bytes = passwordBytes(password);
    if (bytes !== undefined && stored !== undefined && isBcryptHash(stored)) {
      const matches = await this.#bcryptQueue.run(() => matchesBcrypt(password, stored));
      return { matches, needsRehash: matches };
    }
    const form = stored === undefined ? undefined : parseScryptHash(stored);
    if (form === undefined || bytes === undefined) return await this.#verifyDummy(bytes);
    const computed = await this.#queue.run(() => this.#derive(bytes, form));
    const matches = equalSecrets(computed, form.hash);
    return { matches, needsRehash: matches && !this.#isCurrent(form) };
  }

  /** The answer is no in any case; the work is done so that the time does not tell why. */
  async #verifyDummy(bytes: Uint8Array = new Uint8Array(SALT_BYTES)): Promise<PasswordVerdict> {
    await this.#queue.run(() => this.#derive(bytes, this.#dummy));
    return REFUSED;
  }

  #isCurrent(form: ScryptHash): boolean {
    const current = this.#parameters;
    return form.costLog2 === current.costLog2 && form.blockSize === current.blockSize &&
      form.parallelization === current.parallelization &&
      form.salt.length >= SALT_BYTES && form.hash.length >= HASH_BYTES;
  }
}

function deriveOffThread(password: Uint8Array, form: ScryptHash): Promise<Uint8Array> {
  const cost = {
    N: 2 ** form.costLog2,
    r: form.blockSize,
    p: form.parallelization,
    // The library's own bound is below what our parameters take.
    maxmem: 2 * memoryBytes(form) + 1024 * 1024,
  };
  return new Promise((resolve, reject) => {
    scrypt(password, form.salt, form.hash.length, cost, (error, key) => {
      if (error) reject(error);
      else resolve(new Uint8Array(key));
    });
  });
}

/**
 * The stored form of a password hashed by scrypt (RFC 7914), which names its own parameters:
 * `$scrypt$ln=15,r=8,p=1$<salt>$<hash>`, both in base64 without padding. What is read back is
 * bounded, so that a forged row cannot ask for gigabytes. Computing is not done here.
 *
 * @module
 */

/** What scrypt costs. */
export interface ScryptParameters {
  /** Binary logarithm of the cost N, 10 to 17. */
  readonly costLog2: number;
  /** Block size r, 1 to 16. */
  readonly blockSize: number;
  /** Parallelization p, 1 to 4. */
  readonly parallelization: number;
}

/** A stored hash, taken apart. */
export interface ScryptHash extends ScryptParameters {
  /** 8 to 64 bytes. */
  readonly salt: Uint8Array;
  /** 16 to 64 bytes. */
  readonly hash: Uint8Array;
}

/** What new hashes cost: 32 MiB, about 0.1 to 0.2 s of one core. */
export const CURRENT_PARAMETERS: ScryptParameters = {
  costLog2: 15,
  blockSize: 8,
  parallelization: 1,
};

/** Most memory that a hash which is read back may ask for, in bytes. */
const MAX_MEMORY_BYTES = 128 * 1024 * 1024;
const FORM =
  /^\$scrypt\$ln=([1-9]\d),r=([1-9]\d?),p=([1-4])\$([A-Za-z0-9+/]{11,86})\$([A-Za-z0-9+/]{22,86})$/;

/**
 * Tells how much memory a computation takes.
 *
 * @param parameters its cost.
 * @returns bytes.
 */
export function memoryBytes(parameters: ScryptParameters): number {
  return 128 * 2 ** parameters.costLog2 * parameters.blockSize;
}

/**
 * Writes the stored form.
 *
 * @param hash parameters, salt and hash.
 * @returns the form, at most 203 characters.
 */
export function formatScryptHash(hash: ScryptHash): string {
  const { costLog2, blockSize, parallelization } = hash;
  const costs = `ln=${costLog2},r=${blockSize},p=${parallelization}`;
  return `$scrypt$${costs}$${encode(hash.salt)}$${encode(hash.hash)}`;
}

/**
 * Reads the stored form.
 *
 * @param text anything.
 * @returns its parts, or undefined when it is another form, is not written as
 *   {@link formatScryptHash} writes it, or is out of bounds.
 */
export function parseScryptHash(text: string): ScryptHash | undefined {
  const match = FORM.exec(text);
  if (match === null) return undefined;
  const salt = decode(match[4]!);
  const hash = decode(match[5]!);
  if (salt === undefined || hash === undefined) return undefined;
  const parsed: ScryptHash = {
    costLog2: Number(match[1]),
    blockSize: Number(match[2]),
    parallelization: Number(match[3]),
    salt,
    hash,
  };
  return isBounded(parsed) ? parsed : undefined;
}

function isBounded({ costLog2, blockSize, ...rest }: ScryptHash): boolean {
  return costLog2 >= 10 && costLog2 <= 17 && blockSize >= 1 && blockSize <= 16 &&
    memoryBytes({ costLog2, blockSize, ...rest }) <= MAX_MEMORY_BYTES &&
    rest.salt.length >= 8 && rest.salt.length <= 64 &&
    rest.hash.length >= 16 && rest.hash.length <= 64;
}

function encode(bytes: Uint8Array): string {
  return bytes.toBase64({ omitPadding: true });
}

function decode(text: string): Uint8Array | undefined {
  try {
    const bytes = Uint8Array.fromBase64(text);
    // Unused bits of the last character must be zero: one value has one form.
    return encode(bytes) === text ? bytes : undefined;
  } catch {
    return undefined;
  }
}

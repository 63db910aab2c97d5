/**
 * Who is trusted to sign bundles, and what a verified signature says. Verification comes before
 * anything of the archive is read (contract/metacore.md §4.4 and §7.1, contract/author.md §6).
 *
 * @module
 */

/** What a key may sign. */
export type SignerRole =
  /** Any addon. */
  | "marketplace"
  /** Only the addons that the key names. */
  | "author";

/** A key that an operator trusts. */
export interface TrustedKey {
  /** Name of the key in signatures and listings. @default the first 16 hex digits of its SHA-256 */
  readonly id: string;
  /** The Ed25519 public key, 32 bytes. */
  readonly publicKey: Uint8Array;
  /** What it may sign. */
  readonly role: SignerRole;
  /** Keys of the addons that an `author` may sign, exact, or `prefix*`. */
  readonly addons?: readonly string[];
  /** RFC 3339 time before which it signs nothing. */
  readonly notBefore?: string;
  /** RFC 3339 time from which it is trusted no more. */
  readonly expiresAt?: string;
  /** RFC 3339 time of its revocation: nothing that it signed is taken any more. */
  readonly revokedAt?: string;
}

/** A signature that came beside a bundle, as it was given. */
export interface DetachedSignature {
  /** 64 bytes as hex or base64, standard or URL-safe, white space around it ignored. */
  readonly value: string;
  /** `ed25519` in any letter case. @default "ed25519" */
  readonly algorithm?: string;
  /** SHA-256 of the archive as hex; when given it must be the archive's. */
  readonly digest?: string;
  /** Which key; without it every trusted key is tried. */
  readonly keyId?: string;
  /** RFC 3339 time at which it was made, as the signer says. */
  readonly signedAt?: string;
  /** SHA-256 of each entry but the manifest, hex by path; when given, complete both ways. */
  readonly checksums?: Readonly<Record<string, string>>;
  /** Who signed, as the signer says. */
  readonly developer?: { readonly id?: string; readonly name?: string };
}

/** A signature that has been verified. */
export interface VerifiedSignature {
  /** Key that made it. */
  readonly keyId: string;
  /** What that key may sign. */
  readonly role: SignerRole;
  /** The signature itself, 64 bytes as hex, so that it can be verified again. */
  readonly value: string;
  /** When it was made, as the signer says. */
  readonly signedAt?: string;
  /** Who made it, as the signer says. */
  readonly developer?: { readonly id?: string; readonly name?: string };
}

/** What an operator admits. */
export interface TrustPolicy {
  /** With at least one key, every bundle must be signed by one of them. */
  readonly keys: readonly TrustedKey[];
  /** Whether bundles may come without a signature where there are no keys. */
  readonly unsigned: "refuse" | "allow";
}

/**
 * The first organization and its owner, without whom nobody could log in after a first start. Where
 * the values come from, and who is told the password, is the caller's part.
 *
 * @module
 */

import { isKernelError } from "../base/error.ts";
import type { AuthService } from "./auth_service.ts";

/** What the first organization is made of. */
export interface FirstOrganization {
  /** Address of the owner. @default "admin@localhost" */
  readonly adminEmail?: string;
  /** Password of the owner. @default generated */
  readonly adminPassword?: string;
  /** Name of the owner. @default "Owner" */
  readonly adminName?: string;
  /** Name of the organization. @default "My Organization" */
  readonly organizationName?: string;
}

/** What {@link ensureFirstOrganization} did. */
export type FirstOrganizationResult =
  | { readonly created: false }
  | {
    readonly created: true;
    readonly email: string;
    /** Only when it was generated: shown once, kept nowhere. */
    readonly password?: string;
  };

const NOT_CREATED: FirstOrganizationResult = { created: false };
/** 32 characters, so that a random byte maps to one without bias; none is mistaken for another. */
const PASSWORD_ALPHABET = "abcdefghijkmnopqrstuvwxyz2345678";
const PASSWORD_CHARACTERS = 24;

/**
 * Opens the first organization where there is none. Of several starters at one time one opens it.
 *
 * @param auth opens organizations.
 * @param first address, password and names.
 * @returns whether it was created now, and by whom it is owned.
 * @throws {KernelError} auth.weak_password, auth.invalid_email, auth.invalid_name — what was given is
 *   not acceptable.
 */
export async function ensureFirstOrganization(
  auth: AuthService,
  first: FirstOrganization,
): Promise<FirstOrganizationResult> {
  if (await auth.countOrganizations() > 0) return NOT_CREATED;
  const email = first.adminEmail ?? "admin@localhost";
  const password = first.adminPassword ?? generatePassword();
  try {
    await auth.createOrganization({
      organizationName: first.organizationName ?? "My Organization",
      name: first.adminName ?? "Owner",
      email,
      password,
      condition: "none_exists",
    });
  } catch (thrown) {
    // Another starter was faster, which is as good.
    const isThere = isKernelError(thrown, "auth.organization_exists") ||
      isKernelError(thrown, "auth.user_exists");
    if (isThere) return NOT_CREATED;
    throw thrown;
  }
  return { created: true, email, ...(first.adminPassword === undefined && { password }) };
}

/**
 * Makes a password of 120 random bits that people can copy.
 *
 * @returns four groups of six letters and digits with `-` between them.
 */
export function generatePassword(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(PASSWORD_CHARACTERS));
  const letters = Array.from(bytes, (byte) => PASSWORD_ALPHABET.charAt(byte % 32)).join("");
  return letters.replace(/.{6}(?=.)/g, "$&-");
}

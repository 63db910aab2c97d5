/**
 * The first organization and its owner, without whom nobody could log in after a first start.
 *
 * @module
 */

import type { AuthService } from "../auth/auth_service.ts";
import { isKernelError } from "../base/error.ts";

/** How the first organization is named, and who owns it. */
export interface FirstOrganization {
  readonly organizationName: string;
  /** @default admin@localhost */
  readonly adminEmail?: string;
  /** @default generated */
  readonly adminPassword?: string;
}

/** The owner that was created. */
export interface FirstOwner {
  readonly email: string;
  /** Only when it was generated. */
  readonly password?: string;
}

/**
 * Opens the first organization when there is none.
 *
 * @param auth where organizations are opened.
 * @param first names, address and password.
 * @returns the owner, or undefined when an organization was there (also one that another starter has
 *   just opened).
 */
export async function ensureFirstOrganization(
  auth: AuthService,
  first: FirstOrganization,
): Promise<FirstOwner | undefined> {
  if (await auth.countOrganizations() > 0) return undefined;
  const email = first.adminEmail ?? "admin@localhost";
  const password = first.adminPassword ?? generatePassword();
  const { organizationName } = first;
  try {
    await auth.createOrganization({ organizationName, name: "Owner", email, password });
  } catch (thrown) {
    if (isKernelError(thrown, "auth.user_exists")) return undefined;
    throw thrown;
  }
  return first.adminPassword === undefined ? { email, password } : { email };
}

/**
 * Makes a password of 120 random bits that people can copy.
 *
 * @returns 24 characters in four groups.
 */
export function generatePassword(): string {
  const alphabet = "abcdefghijkmnopqrstuvwxyz2345678";
  const letters = [...crypto.getRandomValues(new Uint8Array(24))].map((byte) =>
    alphabet[byte % 32]!
  );
  return letters.join("").replace(/.{6}(?=.)/g, "$&-");
}

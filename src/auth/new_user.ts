/**
 * Checks what people give when a user or an organization is created, and brings it into the form
 * that is stored. Whether it is taken already is the store's part.
 *
 * @module
 */

import { normalizeRole } from "../base/role.ts";
import { emailKey, isEmail } from "./email_key.ts";
import { invalidEmail, invalidName, invalidRole, missingFields } from "./errors.ts";
import { checkPassword } from "./password_policy.ts";

/** What every new user has. */
export interface PersonForm {
  readonly name: string;
  readonly email: string;
  readonly password: string;
}

const MAX_NAME_CHARACTERS = 255;
const CONTROL = /\p{Cc}/u;

/**
 * Checks a person.
 *
 * @param form as given; a value that is not text counts as missing.
 * @returns name and address trimmed and composed, the password as it is.
 * @throws {KernelError} auth.missing_fields, auth.invalid_name, auth.invalid_email,
 *   auth.weak_password
 */
export function checkPerson(form: PersonForm): PersonForm {
  requireTexts(form.name, form.email, form.password);
  const name = checkName(form.name, "name");
  // Composed as its key is, so that mail goes to the address that was compared.
  const email = form.email.trim().normalize("NFC");
  if (!isEmail(email) || !isEmail(emailKey(email))) throw invalidEmail();
  checkPassword(form.password);
  return { name, email, password: form.password };
}

/**
 * Demands texts that are not empty.
 *
 * @param values as given, perhaps by callers without types.
 * @throws {KernelError} auth.missing_fields
 */
export function requireTexts(...values: readonly unknown[]): void {
  for (const value of values) {
    if (typeof value !== "string" || value.trim() === "") throw missingFields();
  }
}

/**
 * Checks a name.
 *
 * @param text as given.
 * @param field which name, for the message.
 * @returns the name, trimmed and composed (NFC).
 * @throws {KernelError} auth.invalid_name
 */
export function checkName(text: string, field: string): string {
  const name = text.trim().normalize("NFC");
  const isName = name !== "" && name.length <= MAX_NAME_CHARACTERS && name.isWellFormed() &&
    !CONTROL.test(name);
  if (isName) return name;
  throw invalidName(field);
}

/**
 * Checks a role.
 *
 * @param text as given.
 * @returns the role, trimmed and lower-case.
 * @throws {KernelError} auth.invalid_role
 */
export function checkRole(text: string): string {
  const role = normalizeRole(text);
  if (role === undefined) throw invalidRole();
  return role;
}

/**
 * `metacore organization`: opens and lists organizations and adds users, beside or before a server.
 *
 * @module
 */

import { generatePassword } from "../auth/bootstrap.ts";
import { print } from "./output.ts";
import { withKernel } from "./with_kernel.ts";

/** Options of `organization create`. */
export interface OrganizationOptions {
  readonly name: string;
  readonly ownerEmail: string;
  readonly ownerName: string;
  readonly password?: string;
}

/** Options of `organization add-user`. */
export interface UserOptions {
  readonly organization: string;
  readonly email: string;
  readonly name: string;
  readonly role: string;
  readonly password?: string;
}

/**
 * Opens an organization and prints its id.
 *
 * @param options names, address and password.
 */
export async function createOrganization(options: OrganizationOptions): Promise<void> {
  const password = options.password ?? generatePassword();
  const { organization, user } = await withKernel(({ auth }) =>
    auth.createOrganization({
      organizationName: options.name,
      name: options.ownerName,
      email: options.ownerEmail,
      password,
    })
  );
  print(`organization ${organization.id} ${organization.slug}`);
  print(`owner        ${user.id} ${user.email}`);
  printMadePassword(options.password, password);
}

/** Prints every organization: its id, its slug, its name. */
export async function listOrganizations(): Promise<void> {
  const organizations = await withKernel(({ auth }) => auth.listOrganizations());
  if (organizations.length === 0) return print("there are no organizations");
  for (const { id, slug, name } of organizations) print([id, slug, name].join("  "));
}

/**
 * Adds a user and prints its id.
 *
 * @param options organization, address, role and password.
 */
export async function createUser(options: UserOptions): Promise<void> {
  const password = options.password ?? generatePassword();
  const user = await withKernel(({ auth }) =>
    auth.createUser({
      organizationId: options.organization,
      name: options.name,
      email: options.email,
      password,
      role: options.role,
    })
  );
  print(`user         ${user.id} ${user.email} (${user.role})`);
  printMadePassword(options.password, password);
}

function printMadePassword(given: string | undefined, password: string): void {
  if (given === undefined) print(`password     ${password} (shown this once)`);
}

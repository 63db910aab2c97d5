/**
 * A kernel for the length of one command that works in one organization.
 *
 * @module
 */

import { type Caller, systemCaller } from "../base/caller.ts";
import type { KernelServices } from "../kernel/services.ts";
import type { Environment } from "./environment.ts";
import { UsageError } from "./usage_error.ts";
import { withKernel } from "./with_kernel.ts";

/** The organization that a command works in. */
export interface Place {
  /** Its id. */
  readonly organization: string;
}

/** What a command is given to work with. */
export interface Workroom {
  readonly services: KernelServices;
  /** The application itself, in the organization. */
  readonly caller: Caller;
  readonly environment: Environment;
}

/**
 * Starts a kernel, lets a command work in an organization, and stops the kernel.
 *
 * @param place the organization.
 * @param work what the command does.
 * @returns what it gave.
 * @throws {UsageError} there is no such organization.
 * @throws {KernelError} as starting a kernel does, and as the work does.
 */
export async function withOrganization<T>(
  { organization }: Place,
  work: (room: Workroom) => Promise<T>,
): Promise<T> {
  return await withKernel(async (services, environment) => {
    const known = await services.auth.listOrganizations();
    // Nothing else asks: in an unknown organization nothing would be installed, and all planned.
    if (!known.some(({ id }) => id === organization)) {
      throw new UsageError(
        `there is no organization ${organization}: organization list prints those there are`,
      );
    }
    return await work({
      services,
      caller: systemCaller(organization, "command-line"),
      environment,
    });
  });
}

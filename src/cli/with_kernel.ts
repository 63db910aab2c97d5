/**
 * A kernel for the length of one command.
 *
 * @module
 */

import { createKernel } from "../kernel/kernel.ts";
import type { KernelServices } from "../kernel/services.ts";
import { type Environment, readEnvironment } from "./environment.ts";

/**
 * Starts a kernel as the environment says, lets a command use its services, and stops it.
 *
 * @param work what the command does.
 * @returns what it gave.
 * @throws {KernelError} as starting a kernel does, and as the work does.
 */
export async function withKernel<T>(
  work: (services: KernelServices, environment: Environment) => Promise<T>,
): Promise<T> {
  const environment = await readEnvironment();
  const kernel = createKernel(environment.options);
  await kernel.start();
  try {
    return await work(kernel.services, environment);
  } finally {
    await kernel.stop();
  }
}

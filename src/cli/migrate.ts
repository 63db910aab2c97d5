/**
 * `metacore migrate`: brings the kernel's own tables up to date, then exits.
 *
 * @module
 */

import { createKernel } from "../kernel/kernel.ts";
import { readEnvironment } from "./environment.ts";
import { print } from "./output.ts";

/** Applies migrations by starting and stopping a kernel. */
export async function migrate(): Promise<void> {
  const { options } = await readEnvironment();
  const kernel = createKernel(options);
  await kernel.start();
  await kernel.stop();
  print("The kernel's tables are up to date");
}

/**
 * Ranges of the sandbox's bounds: one table for the environment and for embedders. A bound that is out
 * of its range would be none, so it is refused.
 *
 * @module
 */

import { KernelError } from "../base/error.ts";
import type { SandboxSettings } from "./options.ts";

/** Least and greatest value of each bound. */
export const SANDBOX_RANGES: Readonly<
  Record<keyof SandboxSettings, readonly [least: number, greatest: number]>
> = {
  maxWorkers: [1, 1_024],
  maxWorkersPerAddon: [1, 1_024],
  memoryLimitMiB: [1, 4_096],
  timeoutMs: [10, 30_000],
  fuel: [1_000, 1_000_000_000_000],
};

/**
 * Checks what an embedder gives.
 *
 * @param bounds those that differ from the defaults.
 * @throws {KernelError} kernel.invalid_setting — naming the bound and its range.
 */
export function checkSandboxBounds(bounds: SandboxSettings = {}): void {
  for (const [name, value] of Object.entries(bounds)) {
    if (value === undefined) continue;
    // Border: an embedder without types may give any name.
    const range = Object.hasOwn(SANDBOX_RANGES, name)
      ? SANDBOX_RANGES[name as keyof SandboxSettings]
      : undefined;
    if (range === undefined) throw refused(`sandbox.${name} is no bound of the sandbox`);
    const [least, greatest] = range;
    if (Number.isInteger(value) && value >= least && value <= greatest) continue;
    throw refused(`sandbox.${name} is a whole number from ${least} to ${greatest}, not ${value}`);
  }
}

function refused(message: string): KernelError {
  return new KernelError({ code: "kernel.invalid_setting", kind: "precondition", message });
}

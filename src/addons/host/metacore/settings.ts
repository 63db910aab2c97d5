/**
 * `env_get`: settings of the installation (contract/metacore.md §5.3).
 *
 * @module
 */

import { textOf } from "../arguments.ts";
import type { HostFunction } from "../host_function.ts";
import { numericRefusal, ZERO } from "../reply.ts";

const KEY = { what: "the setting's name", maxBytes: 1_024 };

/** Answers a setting; `0` when it is missing or empty. */
export const envGet: HostFunction = {
  budget: "setting",
  maxTimeMs: 1_000,
  refuse: () => numericRefusal("zero"),
  prepare: ({ context }, call) => {
    const value = context.settings.get(textOf(call.arguments[0], KEY)) ?? "";
    return {
      run: () => value === "" ? ZERO : { bytes: new TextEncoder().encode(value) },
    };
  },
};

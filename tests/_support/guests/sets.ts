/**
 * Every set of guests written in WebAssembly text, for tests that go through all of them.
 *
 * @module
 */

import { ENDLESS, LATE } from "./endless.ts";
import { BAD_EXPORTS, FORBIDDEN_FEATURES, FORBIDDEN_IMPORTS } from "./forbidden.ts";
import { GONEXT, GONEXT_LIARS } from "./gonext.ts";
import { CALLERS, HEALTHY, WASI } from "./healthy.ts";
import { BAD_ARGUMENTS, flood, LOG_BOMBS, manyCalls, REENTRANT } from "./host_calls.ts";
import { BAD_ALLOCATORS, BAD_RESULTS, OVERSIZED } from "./memory.ts";
import { CORE_IMPORTS, type GuestSet } from "./text.ts";

/** Sets by name. */
export const GUEST_SETS: Readonly<Record<string, GuestSet>> = {
  healthy: HEALTHY,
  callers: CALLERS,
  wasi: WASI,
  gonext: GONEXT,
  gonextLiars: GONEXT_LIARS,
  endless: ENDLESS,
  late: LATE,
  badResults: BAD_RESULTS,
  badAllocators: BAD_ALLOCATORS,
  oversized: OVERSIZED,
  badArguments: BAD_ARGUMENTS,
  reentrant: REENTRANT,
  floods: Object.fromEntries(CORE_IMPORTS.map((name) => [name, flood(name)])),
  manyCalls: Object.fromEntries(CORE_IMPORTS.map((name) => [name, manyCalls(name)])),
  logBombs: LOG_BOMBS,
  forbiddenImports: FORBIDDEN_IMPORTS,
  forbiddenFeatures: FORBIDDEN_FEATURES,
  badExports: BAD_EXPORTS,
};

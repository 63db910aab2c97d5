/**
 * The exact list of what a guest may import, with the exact type of each function, by interface
 * (contract/metacore.md §5.3, §18.3; contract/gonext.md §2, §19). What is not here is refused.
 *
 * @module
 */

import type { Abi } from "../abi.ts";
import type { FunctionType } from "./module_info.ts";

/** Types by name of the function: a function may have more than one shape. */
type ImportList = Readonly<Record<string, readonly string[]>>;

const one = "(i32, i32) -> i64";
const two = "(i32, i32, i32, i32) -> i64";
const status2 = "(i32, i32) -> i32";
const status4 = "(i32, i32, i32, i32) -> i32";

const METACORE_HOST: ImportList = {
  log: ["(i32, i32) -> ()"],
  env_get: [one],
  http_fetch: ["(i32, i32, i32, i32, i32, i32) -> i64"],
  http_request: ["(i32, i32, i32, i32, i32, i32, i32, i32) -> i64"],
  event_emit: [two],
  db_query: [two],
  db_exec: [two],
};

/** Functions that the newest policy names and this kernel does not have. */
const METACORE_NOT_OFFERED: readonly string[] = [
  "connector_get",
  "data_mutate",
  "data_query",
  "data_batch",
  "sequence_next",
  "ctx_get",
  "approval_request",
  "routing_resolve",
];

/** The last shape of the first three is that of the Go SDK, which hands over one text. */
const GONEXT_ENV: ImportList = {
  gn_secrets_get: [status4, one],
  gn_audit_emit: [status4, status2],
  gn_cron_register: [status4, status2],
  gn_log: ["(i32, i32, i32) -> ()"],
  gn_panic: ["(i32, i32) -> ()"],
  gn_time_ms: ["() -> i64"],
  gn_i18n_translate: [two],
  gn_span_event: [status4],
  gn_metric_observe: ["(i32, i32, f64, i32, i32) -> i32"],
  gn_event_emit: [status4],
};

/** The Rust SDK's name for the platform functions. */
const GONEXT_PLATFORM: ImportList = {
  gn_secrets_get: [one],
  gn_audit_emit: [status2],
  gn_cron_register: [status2],
};

const GONEXT_DATA: ImportList = {
  gn_db_read: [two],
  gn_db_write: [two],
  gn_kv_get: [one],
  gn_kv_set: [two],
  gn_kv_del: [one],
  gn_kv_incr: ["(i32, i32, i64) -> i64"],
  gn_cache_invalidate: [one],
};

const GONEXT_NET: ImportList = {
  gn_http_fetch: [one],
  gn_media_read: [one],
  gn_users_read: [one],
};

const WASI: ImportList = {
  args_get: [status2],
  args_sizes_get: [status2],
  clock_time_get: ["(i32, i64, i32) -> i32"],
  environ_get: [status2],
  environ_sizes_get: [status2],
  fd_close: ["(i32) -> i32"],
  fd_fdstat_get: [status2],
  fd_fdstat_set_flags: [status2],
  fd_prestat_get: [status2],
  fd_prestat_dir_name: ["(i32, i32, i32) -> i32"],
  fd_read: [status4],
  fd_seek: ["(i32, i64, i32, i32) -> i32"],
  fd_write: [status4],
  poll_oneoff: [status4],
  proc_exit: ["(i32) -> ()"],
  random_get: [status2],
  sched_yield: ["() -> i32"],
};

const WASI_MODULE = "wasi_snapshot_preview1";

const LISTS: Readonly<Record<Abi, ReadonlyMap<string, readonly string[]>>> = {
  "metacore/1": flatten({ metacore_host: METACORE_HOST, [WASI_MODULE]: WASI }),
  "gonext/1": flatten({
    env: GONEXT_ENV,
    env_platform: GONEXT_PLATFORM,
    gonext_data: GONEXT_DATA,
    env_net: GONEXT_NET,
    [WASI_MODULE]: WASI,
  }),
};

const NOT_OFFERED: ReadonlySet<string> = new Set(
  METACORE_NOT_OFFERED.map((name) => `metacore_host.${name}`),
);

/** Kind of right without which an import is useless: by import. Own schema is implicit. */
const CAPABILITY_KINDS: ReadonlyMap<string, string> = new Map([
  ["metacore_host.http_fetch", "http:fetch"],
  ["metacore_host.http_request", "http:fetch"],
  ["metacore_host.event_emit", "event:emit"],
  ["env_net.gn_http_fetch", "http:fetch"],
]);

/**
 * Gives the types that an import may have.
 *
 * @param abi the interface of the module.
 * @param name such as `metacore_host.log`.
 * @returns them, written as {@link typeText} does; `not_offered` for what is known and missing here;
 *   undefined for anything else.
 */
export function permittedTypes(
  abi: Abi,
  name: string,
): readonly string[] | "not_offered" | undefined {
  if (abi === "metacore/1" && NOT_OFFERED.has(name)) return "not_offered";
  return LISTS[abi].get(name);
}

/**
 * Gives the kind of right that an import needs.
 *
 * @param name such as `metacore_host.http_fetch`.
 * @returns such as `http:fetch`; undefined when it needs none.
 */
export function capabilityKind(name: string): string | undefined {
  return CAPABILITY_KINDS.get(name);
}

/**
 * Writes the type of a function.
 *
 * @param type the type.
 * @returns such as `(i32, i32) -> i64`.
 */
export function typeText(type: FunctionType): string {
  const results = type.results.length === 1 ? type.results[0] : `(${type.results.join(", ")})`;
  return `(${type.parameters.join(", ")}) -> ${results}`;
}

function flatten(
  modules: Readonly<Record<string, ImportList>>,
): ReadonlyMap<string, readonly string[]> {
  return new Map(
    Object.entries(modules).flatMap(([module, list]) =>
      Object.entries(list).map(([name, types]) => [`${module}.${name}`, types] as const)
    ),
  );
}

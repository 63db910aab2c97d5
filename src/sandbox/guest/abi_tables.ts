/**
 * Every import that the kernel answers, as data: what it takes, what it gives. A row is found by
 * module, name **and** exact type, because SDKs declare one name with several shapes
 * (contract/gonext.md §19) and JavaScript would link any of them.
 *
 * @module
 */

/** What a guest passes. */
export type ArgumentKind =
  /** Pointer and length: bytes, copied; more than the cap arrive as `too_large`. */
  | { readonly kind: "bytes"; readonly cap: number }
  /** Pointer and capacity of a buffer for the answer; the host is told the capacity. */
  | { readonly kind: "out" }
  | { readonly kind: "i64" }
  | { readonly kind: "f64" };

/** What a guest gets. */
export type ResultForm =
  /** A packed range, 0 for nothing. */
  | { readonly form: "packed" }
  /** A packed range, or a status in the low word with pointer 0. */
  | { readonly form: "packed_or_status"; readonly noMemory: number }
  /** A status. */
  | { readonly form: "status" }
  /** Length of the bytes; written to the `out` buffer when they fit, else a status below 0. */
  | { readonly form: "length" };

/** One import. */
export interface HostImport {
  readonly name: string;
  readonly arguments: readonly ArgumentKind[];
  readonly result: ResultForm;
}

const KIB = 1_024;
const MIB = 1_048_576;

const OUT: ArgumentKind = { kind: "out" };
const I64: ArgumentKind = { kind: "i64" };
const F64: ArgumentKind = { kind: "f64" };
const PACKED: ResultForm = { form: "packed" };
const STATUS: ResultForm = { form: "status" };
const LENGTH: ResultForm = { form: "length" };

function bytes(cap: number): ArgumentKind {
  return { kind: "bytes", cap };
}

function packedOr(noMemory: number): ResultForm {
  return { form: "packed_or_status", noMemory };
}

function row(name: string, kinds: readonly ArgumentKind[], result: ResultForm): HostImport {
  return { name, arguments: kinds, result };
}

/** URL, method, headers, body: contract/metacore.md §18.3. */
const HTTP_REQUEST = [bytes(16 * KIB), bytes(64), bytes(64 * KIB), bytes(8 * MIB)];

/** contract/metacore.md §5.3 and §5.5. What is over a cap is answered by the host function. */
const METACORE: readonly HostImport[] = [
  row("metacore_host.env_get", [bytes(KIB)], PACKED),
  row("metacore_host.http_fetch", [bytes(16 * KIB), bytes(64), bytes(8 * MIB)], PACKED),
  row("metacore_host.http_request", HTTP_REQUEST, PACKED),
  row("metacore_host.event_emit", [bytes(256), bytes(256 * KIB)], PACKED),
  row("metacore_host.db_query", [bytes(16 * KIB), bytes(8 * MIB)], PACKED),
  row("metacore_host.db_exec", [bytes(16 * KIB), bytes(8 * MIB)], PACKED),
];

/** What a GoNext host reads is capped at 64 KiB (contract/gonext.md §1.4), */
const TEXT = bytes(64 * KIB);
/** but for what is promised more: values, arguments of statements, requests (§2.4, §2.5). */
const VALUE = bytes(256 * KIB);
const DOCUMENT = bytes(MIB);
/** "Internal" in the status tables of contract/gonext.md §2.4 and §2.5. */
const DATA = packedOr(-2);
const NET = packedOr(-7);

/** contract/gonext.md §2.2 to §2.5 and the SDKs' shapes of §19. */
const GONEXT: readonly HostImport[] = [
  row("env.gn_i18n_translate", [TEXT, TEXT], PACKED),
  row("env.gn_span_event", [TEXT, TEXT], STATUS),
  row("env.gn_metric_observe", [TEXT, F64, TEXT], STATUS),
  row("env.gn_event_emit", [TEXT, TEXT], STATUS),
  row("env.gn_secrets_get", [TEXT, OUT], LENGTH),
  row("env.gn_audit_emit", [TEXT, TEXT], STATUS),
  row("env.gn_cron_register", [TEXT, TEXT], STATUS),
  row("env.gn_secrets_get", [TEXT], packedOr(-1)),
  row("env.gn_audit_emit", [TEXT], STATUS),
  row("env.gn_cron_register", [TEXT], STATUS),
  row("env_platform.gn_secrets_get", [TEXT], packedOr(-1)),
  row("env_platform.gn_audit_emit", [TEXT], STATUS),
  row("env_platform.gn_cron_register", [TEXT], STATUS),
  row("gonext_data.gn_db_read", [TEXT, DOCUMENT], DATA),
  row("gonext_data.gn_db_write", [TEXT, DOCUMENT], DATA),
  row("gonext_data.gn_kv_get", [TEXT], DATA),
  row("gonext_data.gn_kv_set", [TEXT, VALUE], DATA),
  row("gonext_data.gn_kv_del", [TEXT], DATA),
  row("gonext_data.gn_kv_incr", [TEXT, I64], DATA),
  row("gonext_data.gn_cache_invalidate", [TEXT], DATA),
  row("env_net.gn_http_fetch", [DOCUMENT], NET),
  row("env_net.gn_media_read", [TEXT], NET),
  row("env_net.gn_users_read", [TEXT], NET),
];

/** Imports that the kernel's main thread answers, by interface. */
export const HOST_IMPORTS: Readonly<Record<"metacore/1" | "gonext/1", readonly HostImport[]>> = {
  "metacore/1": METACORE,
  "gonext/1": GONEXT,
};

/** Imports that the worker answers itself, by interface, WASI apart: full name with its type. */
export const LOCAL_IMPORTS: Readonly<Record<"metacore/1" | "gonext/1", readonly string[]>> = {
  "metacore/1": ["metacore_host.log(i32,i32)"],
  "gonext/1": ["env.gn_log(i32,i32,i32)", "env.gn_panic(i32,i32)", "env.gn_time_ms()i64"],
};

/** Imports of WASI preview 1 that the worker answers itself, for both interfaces: §18.3. */
export const WASI_IMPORTS: readonly string[] = [
  "args_get(i32,i32)i32",
  "args_sizes_get(i32,i32)i32",
  "clock_time_get(i32,i64,i32)i32",
  "environ_get(i32,i32)i32",
  "environ_sizes_get(i32,i32)i32",
  "fd_close(i32)i32",
  "fd_fdstat_get(i32,i32)i32",
  "fd_fdstat_set_flags(i32,i32)i32",
  "fd_prestat_dir_name(i32,i32,i32)i32",
  "fd_prestat_get(i32,i32)i32",
  "fd_read(i32,i32,i32,i32)i32",
  "fd_seek(i32,i64,i32,i32)i32",
  "fd_write(i32,i32,i32,i32)i32",
  "poll_oneoff(i32,i32,i32,i32)i32",
  "proc_exit(i32)",
  "random_get(i32,i32)i32",
  "sched_yield()i32",
].map((shape) => `wasi_snapshot_preview1.${shape}`);

/** What a host import looks like in a module. @returns its full name with its type */
export function shapeOf(entry: HostImport): string {
  const parameters = entry.arguments.flatMap(({ kind }) =>
    kind === "bytes" || kind === "out" ? ["i32", "i32"] : [kind]
  );
  return `${entry.name}(${parameters.join()})${RESULT_TYPES[entry.result.form]}`;
}

const RESULT_TYPES: Readonly<Record<ResultForm["form"], string>> = {
  packed: "i64",
  packed_or_status: "i64",
  status: "i32",
  length: "i32",
};

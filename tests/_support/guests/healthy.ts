/**
 * Metacore guests that behave: echo, state, logging, one host function each, WASI, conventions of
 * other toolchains. For anything richer there is the probe in `tests/fixtures/guests/probe`.
 *
 * @module
 */

import { ECHO, guest, type GuestSet, HONEST_ALLOC, type MetacoreImport, PACK } from "./text.ts";

const LOG_INPUT = "(call $log (local.get $ptr) (local.get $len))";

/**
 * Cuts the input into parts: the first four bytes of what is left are the length of the next part.
 * Leaves `$p0 $l0 $p1 $l1 …` as locals; a part that is missing is empty.
 */
function splitInput(parts: number): string {
  const end = "(i32.add (local.get $ptr) (local.get $len))";
  return Array.from({ length: parts }, (_, at) => `
    (if (i32.lt_u (local.get $at) ${end}) (then
      (local.set $l${at} (i32.load align=1 (local.get $at)))
      (local.set $p${at} (i32.add (local.get $at) (i32.const 4)))
      (local.set $at (i32.add (local.get $p${at}) (local.get $l${at})))))`).join("");
}

function caller(name: MetacoreImport, parts: number): ReturnType<typeof guest> {
  const numbers = Array.from({ length: parts }, (_, at) => at);
  const locals = numbers.map((at) => `(local $p${at} i32) (local $l${at} i32)`).join(" ");
  const operands = numbers.map((at) => `(local.get $p${at}) (local.get $l${at})`).join(" ");
  return guest(`${name} with the parts of its input (see partsOf), gives the answer back`, ["ok"], {
    imports: [name],
    more: `(func $split (param $ptr i32) (param $len i32) (result i64) ${locals} (local $at i32)
    (local.set $at (local.get $ptr)) ${splitInput(parts)}
    (call $${name} ${operands}))`,
    run: "(call $split (local.get $ptr) (local.get $len))",
  });
}

/**
 * Writes an input for the guests of {@link CALLERS}.
 *
 * @param texts the arguments of the host function.
 * @returns each with its length (u32, little endian) before it.
 */
export function partsOf(...texts: readonly string[]): Uint8Array {
  const bytes = texts.map((text) => new TextEncoder().encode(text));
  return new Uint8Array(
    bytes.flatMap((part) => [...new Uint8Array(new Uint32Array([part.length]).buffer), ...part]),
  );
}

/** A guest for each host function of levels 1.0 to 1.3 that answers. */
export const CALLERS = {
  env_get: caller("env_get", 1),
  http_fetch: caller("http_fetch", 3),
  event_emit: caller("event_emit", 2),
  db_query: caller("db_query", 2),
  db_exec: caller("db_exec", 2),
} satisfies GuestSet;

/** Leaves a letter for each start function that ran. */
const MARK = `(global $at (mut i32) (i32.const 64))
  (func $mark (param i32) (i32.store8 (global.get $at) (local.get 0))
    (global.set $at (i32.add (global.get $at) (i32.const 1))))
  (func $begin (call $mark (i32.const 115))) (start $begin)`;
const MARKS = "(call $pack (i32.const 64) (i32.sub (global.get $at) (i32.const 64)))";

/** Guests that behave. */
export const HEALTHY = {
  echo: guest("gives its input back", ["ok"], { run: ECHO }),
  nothing: guest("answers with nothing", ["ok"], { run: "(i64.const 0)" }),
  logs: guest("logs its input, then gives it back", ["ok"], {
    imports: ["log"],
    run: LOG_INPUT + ECHO,
  }),
  counter: guest("counts invocations in a global (u32): 1 where nothing survives", ["ok"], {
    more: "(global $count (mut i32) (i32.const 0))",
    run: `(global.set $count (i32.add (global.get $count) (i32.const 1)))
    (i32.store (i32.const 16) (global.get $count)) (call $pack (i32.const 16) (i32.const 4))`,
  }),
  memoryCounter: guest("counts invocations in memory (u32): 1 where nothing survives", ["ok"], {
    run: `(i32.store (i32.const 16) (i32.add (i32.load (i32.const 16)) (i32.const 1)))
    (call $pack (i32.const 16) (i32.const 4))`,
  }),
  leaves: guest("gives what an earlier input left at 65,000, then leaves its own there", ["ok"], {
    run: `(i64.store (i32.const 32) (i64.load (i32.const 65000)))
    (i64.store (i32.const 65000) (i64.load align=1 (local.get $ptr)))
    (call $pack (i32.const 32) (i32.const 8))`,
  }),
  started: guest("start section, then _initialize ran: gives 'si'", ["ok"], {
    more: `${MARK} (func (export "_initialize") (call $mark (i32.const 105)))`,
    run: MARKS,
  }),
  startedAsCommand: guest("start section, then _start ran: gives 'sa'", ["ok"], {
    more: `${MARK} (func (export "_start") (call $mark (i32.const 97)))`,
    run: MARKS,
  }),
  traps: guest("traps: unreachable, in a named function", ["sandbox.trap"], {
    more: "(func $give_up unreachable)",
    run: "(call $give_up) (i64.const 0)",
  }),
  divides: guest("divides by zero", ["sandbox.trap"], {
    run: "(i64.div_u (i64.const 1) (i64.const 0))",
  }),
  readsOutside: guest("reads outside its memory", ["sandbox.trap"], {
    run: "(i64.load (i32.const -8))",
  }),
  wrongSignature: guest("calls through a table with the wrong type", ["sandbox.trap"], {
    more: "(type $t (func (param i64))) (table 1 funcref) (elem (i32.const 0) $alloc)",
    run: "(call_indirect (type $t) (i64.const 0) (i32.const 0)) (i64.const 0)",
  }),
  packedArgument: {
    about: "convention (b): resolve(packed) -> packed, and free",
    abi: "metacore/1",
    ends: ["ok"],
    wat: `(module (memory (export "memory") 1)${HONEST_ALLOC}
  (func (export "free") (param i32 i32))
  (func (export "resolve") (param i64) (result i64) (local.get 0)))`,
  },
  packedAlloc: {
    about: "convention (c): packed argument and result, free with one parameter, no log",
    abi: "metacore/1",
    ends: ["ok"],
    wat: `(module (memory (export "memory") 1)${HONEST_ALLOC}${PACK}
  (func (export "free") (param i32))
  (func (export "run") (param i64) (result i64) (local.get 0)))`,
  },
} satisfies GuestSet;

const WASI_TYPES = {
  args_get: "(param i32 i32)",
  args_sizes_get: "(param i32 i32)",
  clock_time_get: "(param i32 i64 i32)",
  environ_get: "(param i32 i32)",
  environ_sizes_get: "(param i32 i32)",
  fd_close: "(param i32)",
  fd_fdstat_get: "(param i32 i32)",
  fd_fdstat_set_flags: "(param i32 i32)",
  fd_prestat_get: "(param i32 i32)",
  fd_prestat_dir_name: "(param i32 i32 i32)",
  fd_read: "(param i32 i32 i32 i32)",
  fd_seek: "(param i32 i64 i32 i32)",
  fd_write: "(param i32 i32 i32 i32)",
  poll_oneoff: "(param i32 i32 i32 i32)",
  random_get: "(param i32 i32)",
  sched_yield: "",
} as const;

function wasi(name: keyof typeof WASI_TYPES): string {
  return `(import "wasi_snapshot_preview1" "${name}" ` +
    `(func $${name} ${WASI_TYPES[name]} (result i32)))`;
}

const ALL_WASI = Object.keys(WASI_TYPES).map((name) => wasi(name as keyof typeof WASI_TYPES)); // Object.keys forgets the names.

/** Guests that use WASI as contract/metacore.md §18.3 lists it. */
export const WASI = {
  everything: guest("imports every permitted WASI function", ["ok"], {
    imports: [
      ...ALL_WASI,
      '(import "wasi_snapshot_preview1" "proc_exit" (func $proc_exit (param i32)))',
    ].join("\n  "),
    run: ECHO,
  }),
  facts: guest(
    "status of args_sizes_get, environ_sizes_get, fd_read(0), fd_prestat_get(3), fd_close(9), " +
      "counts of arguments and variables, 8 random bytes, clock (u64)",
    ["ok"],
    {
      imports: [
        "args_sizes_get",
        "environ_sizes_get",
        "fd_read",
        "fd_prestat_get",
        "fd_close",
        "random_get",
        "clock_time_get",
      ].map((name) => wasi(name as keyof typeof WASI_TYPES)).join("\n  "), // The list is of its keys.
      run: `(i32.store8 (i32.const 64) (call $args_sizes_get (i32.const 128) (i32.const 132)))
    (i32.store8 (i32.const 65) (call $environ_sizes_get (i32.const 136) (i32.const 140)))
    (i32.store8 (i32.const 66)
      (call $fd_read (i32.const 0) (i32.const 256) (i32.const 0) (i32.const 300)))
    (i32.store8 (i32.const 67) (call $fd_prestat_get (i32.const 3) (i32.const 256)))
    (i32.store8 (i32.const 68) (call $fd_close (i32.const 9)))
    (i32.store8 (i32.const 69) (i32.load (i32.const 128)))
    (i32.store8 (i32.const 70) (i32.load (i32.const 136)))
    (drop (call $random_get (i32.const 72) (i32.const 8)))
    (drop (call $clock_time_get (i32.const 0) (i64.const 0) (i32.const 80)))
    (call $pack (i32.const 64) (i32.const 24))`,
    },
  ),
  prints: guest("writes its input to stdout and to stderr through fd_write, then echoes", ["ok"], {
    imports: wasi("fd_write"),
    run: `(i32.store (i32.const 64) (local.get $ptr)) (i32.store (i32.const 68) (local.get $len))
    (drop (call $fd_write (i32.const 1) (i32.const 64) (i32.const 1) (i32.const 80)))
    (drop (call $fd_write (i32.const 2) (i32.const 64) (i32.const 1) (i32.const 80)))
    ${ECHO}`,
  }),
  exits: guest("calls proc_exit(3)", ["sandbox.trap"], {
    imports: '(import "wasi_snapshot_preview1" "proc_exit" (func $proc_exit (param i32)))',
    run: "(call $proc_exit (i32.const 3)) (i64.const 0)",
  }),
  badVectors: guest("gives fd_write vectors outside memory and with 2^31 entries", ["ok"], {
    imports: wasi("fd_write"),
    run: `(drop (call $fd_write (i32.const 1) (i32.const -16) (i32.const 4) (i32.const 80)))
    (drop (call $fd_write (i32.const 1) (i32.const 64) (i32.const 0x7fffffff) (i32.const 80)))
    (i32.store (i32.const 64) (i32.const -4)) (i32.store (i32.const 68) (i32.const -1))
    (drop (call $fd_write (i32.const 1) (i32.const 64) (i32.const 1) (i32.const -2)))
    ${ECHO}`,
  }),
  sleeps: guest("asks poll_oneoff to sleep for an hour, for ever", ["sandbox.timeout"], {
    imports: wasi("poll_oneoff"),
    run: `(i64.store (i32.const 64) (i64.const 0)) (i32.store (i32.const 80) (i32.const 1))
    (i64.store (i32.const 88) (i64.const 3600000000000))
    (loop $again
      (drop (call $poll_oneoff (i32.const 64) (i32.const 128) (i32.const 1) (i32.const 192)))
      (br $again)) (i64.const 0)`,
  }),
} satisfies GuestSet;

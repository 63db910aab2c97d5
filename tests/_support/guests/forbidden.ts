/**
 * Guests that admission has to refuse: imports that nobody gives, features that are not admitted,
 * exports that are missing or reserved. GC types, which wabt cannot write, are in `malformed.ts`.
 *
 * @module
 */

import { RESERVED_EXPORTS } from "../../../src/sandbox/guest/reserved.ts";
import { ECHO, guest, type GuestSet, HONEST_ALLOC, PACK, type TestGuest } from "./text.ts";

const REFUSED = ["sandbox.module_refused"] as const;

function importing(about: string, imports: string): TestGuest {
  return guest(about, REFUSED, { imports, run: ECHO });
}

function whole(about: string, wat: string, ends: TestGuest["ends"] = REFUSED): TestGuest {
  return { about, abi: "metacore/1", wat, ends };
}

/** Imports that are not given. */
export const FORBIDDEN_IMPORTS = {
  unknownName: importing(
    "a function that metacore_host does not have",
    '(import "metacore_host" "exec" (func (param i32 i32) (result i64)))',
  ),
  unknownModule: importing("a module that does not exist", '(import "os" "system" (func))'),
  abort: importing(
    "AssemblyScript's env.abort",
    '(import "env" "abort" (func (param i32 i32 i32 i32)))',
  ),
  constructor: importing(
    "constructor.constructor, which links on a plain object",
    '(import "constructor" "constructor" (func (param i32)))',
  ),
  prototype: importing("__proto__.toString", '(import "__proto__" "toString" (func))'),
  ownPrototype: importing(
    "metacore_host.__proto__",
    '(import "metacore_host" "__proto__" (func (param i32 i32) (result i64)))',
  ),
  hasOwnProperty: importing(
    "metacore_host.hasOwnProperty",
    '(import "metacore_host" "hasOwnProperty" (func (param i32 i32) (result i64)))',
  ),
  emptyNames: importing("an import without names", '(import "" "" (func))'),
  wrongParameters: importing(
    "db_query with two parameters",
    '(import "metacore_host" "db_query" (func (param i32 i32) (result i64)))',
  ),
  wrongResult: importing(
    "env_get that returns i32",
    '(import "metacore_host" "env_get" (func (param i32 i32) (result i32)))',
  ),
  wrongLog: importing(
    "log that returns a value",
    '(import "metacore_host" "log" (func (param i32 i32) (result i32)))',
  ),
  externref: importing(
    "log with an externref",
    '(import "metacore_host" "log" (func (param externref i32)))',
  ),
  goNextFunction: importing(
    "both interfaces at once",
    `(import "metacore_host" "log" (func (param i32 i32)))
  (import "gonext_data" "gn_kv_get" (func (param i32 i32) (result i64)))`,
  ),
  wasiFiles: importing(
    "WASI's path_open",
    '(import "wasi_snapshot_preview1" "path_open" ' +
      "(func (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))",
  ),
  wasiSockets: importing(
    "WASI's sock_accept",
    '(import "wasi_snapshot_preview1" "sock_accept" (func (param i32 i32 i32) (result i32)))',
  ),
  wasiUnstable: importing(
    "an older WASI",
    '(import "wasi_unstable" "fd_write" (func (param i32 i32 i32 i32) (result i32)))',
  ),
  reservedModule: importing("the rewriter's own h.tick", '(import "h" "tick" (func (result i32)))'),
  memory: whole(
    "env.memory",
    `(module (import "env" "memory" (memory 1))
  (export "memory" (memory 0))${HONEST_ALLOC}
  (func (export "run") (param i32 i32) (result i64) (i64.const 0)))`,
  ),
  global: importing("a global", '(import "metacore_host" "log" (global i32))'),
  table: importing("a table", '(import "env" "table" (table 1 funcref))'),
  tag: importing("an exception tag", '(import "env" "tag" (tag (param i32)))'),
} satisfies GuestSet;

/** Features that are not admitted (decision D5). */
export const FORBIDDEN_FEATURES = {
  sharedMemory: guest("a shared memory", REFUSED, {
    memory: '(memory (export "memory") 1 4 shared)',
    run: ECHO,
  }),
  atomics: guest("an atomic operation", REFUSED, {
    run: "(drop (i32.atomic.rmw.add (i32.const 64) (i32.const 1)))" + ECHO,
  }),
  atomicWait: guest("waits on its own shared memory", REFUSED, {
    memory: '(memory (export "memory") 1 4 shared)',
    run: `(drop (memory.atomic.wait32 (i32.const 64) (i32.const 0) (i64.const -1))) ${ECHO}`,
  }),
  memory64: whole(
    "a 64-bit memory",
    `(module (memory (export "memory") i64 1)
  (func (export "alloc") (param i32) (result i32) (i32.const 64))
  (func (export "run") (param i32 i32) (result i64) (i64.const 0)))`,
  ),
  multiMemory: guest("two memories", REFUSED, { more: "(memory 1)", run: ECHO }),
} satisfies GuestSet;

/** Exports that are missing, of the wrong kind, or reserved. */
export const BAD_EXPORTS = {
  noMemory: whole(
    "no memory",
    `(module (func (export "alloc") (param i32) (result i32) (i32.const 64))
  (func (export "run") (param i32 i32) (result i64) (i64.const 0)))`,
  ),
  noAlloc: whole(
    "no alloc",
    `(module (memory (export "memory") 1)
  (func (export "run") (param i32 i32) (result i64) (i64.const 0)))`,
  ),
  noEntry: whole(
    "no run, although the manifest names it",
    `(module (memory (export "memory") 1)${HONEST_ALLOC})`,
    ["sandbox.module_refused", "sandbox.missing_export"],
  ),
  memoryIsFunction: whole(
    "memory is a function",
    `(module (memory 1) (func (export "memory"))${HONEST_ALLOC}${PACK}
  (func (export "run") (param i32 i32) (result i64) (i64.const 0)))`,
  ),
  allocIsGlobal: whole(
    "alloc is a global",
    `(module (memory (export "memory") 1) (global (export "alloc") i32 (i32.const 64))
  (func (export "run") (param i32 i32) (result i64) (i64.const 0)))`,
  ),
  allocTakesTwo: whole(
    "alloc has two parameters",
    `(module (memory (export "memory") 1)
  (func (export "alloc") (param i32 i32) (result i32) (i32.const 64))
  (func (export "run") (param i32 i32) (result i64) (i64.const 0)))`,
  ),
  runReturnsNothing: whole(
    "run returns nothing",
    `(module (memory (export "memory") 1)${HONEST_ALLOC}
  (func (export "run") (param i32 i32)))`,
    ["sandbox.module_refused", "sandbox.missing_export"],
  ),
  runTakesFloat: whole(
    "run takes a float",
    `(module (memory (export "memory") 1)${HONEST_ALLOC}
  (func (export "run") (param f64) (result i64) (i64.const 0)))`,
    ["sandbox.module_refused", "sandbox.missing_export"],
  ),
  ...Object.fromEntries(
    Object.entries(RESERVED_EXPORTS).map(([name, reserved]) => [
      `reserved_${name}`,
      guest(`exports the reserved name ${reserved}`, REFUSED, {
        run: ECHO,
        more: `(func (export "${reserved}"))`,
      }),
    ]),
  ),
  reservedPrefix: guest("exports a name with the reserved prefix", REFUSED, {
    run: ECHO,
    more: '(global (export "$metacore.other") (mut i32) (i32.const 0))',
  }),
} satisfies GuestSet;

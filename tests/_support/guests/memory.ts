/**
 * Guests that lie about memory: results and buffers outside it, allocators that fail or cheat, sizes
 * that no host should give.
 *
 * @module
 */

import { ECHO, guest, type GuestSet, HONEST_ALLOC } from "./text.ts";

const BAD = ["sandbox.bad_result"] as const;
const ALLOC_FAILED = ["sandbox.out_of_memory", "sandbox.bad_result"] as const;
const MEMORY_END = "(i32.mul (memory.size) (i32.const 65536))";

function result(pointer: string, length: string): string {
  return `(call $pack ${pointer} ${length})`;
}

function fixedAlloc(pointer: string): string {
  return `(func (export "alloc") (param i32) (result i32) ${pointer})`;
}

/** Guests whose results lie. */
export const BAD_RESULTS = {
  beyondEnd: guest("result reaches past the end of memory by one byte", BAD, {
    run: result(`(i32.sub ${MEMORY_END} (i32.const 4))`, "(i32.const 5)"),
  }),
  outside: guest("result lies outside memory", BAD, {
    run: result(MEMORY_END, "(i32.const 1)"),
  }),
  length31: guest("result of 2^31 bytes", BAD, {
    run: result("(i32.const 4096)", "(i32.const 0x80000000)"),
  }),
  lengthMax: guest("result of 2^32 - 1 bytes", BAD, {
    run: result("(i32.const 8)", "(i32.const -1)"),
  }),
  wraps: guest("pointer plus length wraps around", BAD, {
    run: result("(i32.const -8)", "(i32.const 16)"),
  }),
  everyBit: guest("result with every bit set", BAD, { run: "(i64.const -1)" }),
  emptyOutside: guest("empty result with a pointer outside memory: an empty success", ["ok"], {
    run: result("(i32.const -1)", "(i32.const 0)"),
  }),
  exactEnd: guest("result that ends exactly with memory", ["ok"], {
    run: result(`(i32.sub ${MEMORY_END} (i32.const 4))`, "(i32.const 4)"),
  }),
  atZero: guest("result at address 0", ["ok"], { run: result("(i32.const 0)", "(i32.const 4)") }),
  huge: guest("result of 40 MiB", ["sandbox.bad_result", "sandbox.module_refused"], {
    memory: '(memory (export "memory") 641)',
    run: result("(i32.const 0)", "(i32.const 0x2800000)"),
  }),
} satisfies GuestSet;

/** Guests whose `alloc` fails or cheats. */
export const BAD_ALLOCATORS = {
  zero: guest("alloc returns 0", ["sandbox.out_of_memory"], {
    alloc: fixedAlloc("(i32.const 0)"),
    run: ECHO,
  }),
  outside: guest("alloc returns an address outside memory", ALLOC_FAILED, {
    alloc: fixedAlloc("(i32.const 0x7fffffff)"),
    run: ECHO,
  }),
  negative: guest("alloc returns -1", ALLOC_FAILED, {
    alloc: fixedAlloc("(i32.const -1)"),
    run: ECHO,
  }),
  lastByte: guest("alloc returns the last byte of memory", ALLOC_FAILED, {
    alloc: fixedAlloc(`(i32.sub ${MEMORY_END} (i32.const 1))`),
    run: ECHO,
  }),
  overlapping: guest("alloc returns one address every time: host answers overwrite the input", [
    "ok",
  ], {
    imports: ["env_get"],
    alloc: fixedAlloc("(i32.const 4096)"),
    run: `(drop (call $env_get (local.get $ptr) (local.get $len))) ${ECHO}`,
  }),
  unaligned: guest("alloc returns odd addresses", ["ok"], {
    alloc: `(global $next (mut i32) (i32.const 4097))
  (func (export "alloc") (param i32) (result i32) (local i32)
    (local.set 1 (global.get $next))
    (global.set $next (i32.add (global.get $next) (i32.or (local.get 0) (i32.const 2))))
    (local.get 1))`,
    run: ECHO,
  }),
  traps: guest("alloc traps", ["sandbox.trap", "sandbox.out_of_memory"], {
    alloc: fixedAlloc("unreachable"),
    run: ECHO,
  }),
  grows: guest("alloc grows memory each time, so that views of it are detached", ["ok"], {
    imports: ["env_get", "log"],
    alloc: `(func (export "alloc") (param i32) (result i32)
    (i32.mul (memory.grow (i32.add (i32.const 1) (i32.shr_u (local.get 0) (i32.const 16))))
      (i32.const 65536)))`,
    run: `(drop (call $env_get (local.get $ptr) (local.get $len)))
    (call $log (local.get $ptr) (local.get $len)) ${ECHO}`,
  }),
  zeroForReply: guest(
    "alloc fails for the host's answer: the import returns 0, which it gives back",
    [
      "ok",
    ],
    {
      imports: ["env_get"],
      alloc: `(global $calls (mut i32) (i32.const 0))
  (func (export "alloc") (param i32) (result i32)
    (global.set $calls (i32.add (global.get $calls) (i32.const 1)))
    (select (i32.const 4096) (i32.const 0) (i32.eq (global.get $calls) (i32.const 1))))`,
      run: `(i64.store (i32.const 16) (call $env_get (local.get $ptr) (local.get $len)))
    (call $pack (i32.const 16) (i32.const 8))`,
    },
  ),
  outsideForReply: guest(
    "alloc lies about the room for the host's answer",
    ["ok", ...ALLOC_FAILED],
    {
      imports: ["env_get"],
      alloc: `(global $calls (mut i32) (i32.const 0))
  (func (export "alloc") (param i32) (result i32)
    (global.set $calls (i32.add (global.get $calls) (i32.const 1)))
    (select (i32.const 4096) (i32.const -16) (i32.eq (global.get $calls) (i32.const 1))))`,
      run: `(i64.store (i32.const 16) (call $env_get (local.get $ptr) (local.get $len)))
    (call $pack (i32.const 16) (i32.const 8))`,
    },
  ),
  usesUpMemory: guest("takes all memory it can get, then fails to allocate", [
    "sandbox.out_of_memory",
  ], {
    alloc: `(func (export "alloc") (param i32) (result i32)
    (loop $more (br_if $more (i32.ne (i32.const -1) (memory.grow (i32.const 64)))))
    (loop $more (br_if $more (i32.ne (i32.const -1) (memory.grow (i32.const 1)))))
    (i32.const 0))`,
    run: ECHO,
  }),
} satisfies GuestSet;

/** Guests that ask for more than they may have. */
export const OVERSIZED = {
  minimum: guest("a memory of 4 GiB from the beginning", ["sandbox.module_refused"], {
    memory: '(memory (export "memory") 65536)',
    run: ECHO,
  }),
  oneGibibyte: guest("a memory of 1 GiB from the beginning", ["sandbox.module_refused"], {
    memory: '(memory (export "memory") 16384)',
    run: ECHO,
  }),
  maximum: guest("declares a maximum of 4 GiB: it is clamped", ["ok"], {
    memory: '(memory (export "memory") 1 65536)',
    run: ECHO,
  }),
  table: guest("a table of ten million elements", ["sandbox.module_refused"], {
    more: "(table 10000000 funcref)",
    run: ECHO,
  }),
  grown: guest("grows memory as far as it gets and returns the number of pages (u32)", ["ok"], {
    alloc: HONEST_ALLOC,
    run: `(loop $more (br_if $more (i32.ne (i32.const -1) (memory.grow (i32.const 64)))))
    (loop $more (br_if $more (i32.ne (i32.const -1) (memory.grow (i32.const 1)))))
    (i32.store (i32.const 16) (memory.size))
    (call $pack (i32.const 16) (i32.const 4))`,
  }),
  touched: guest("grows memory as far as it gets and writes to every page of it", ["ok"], {
    run: `(loop $more (br_if $more (i32.ne (i32.const -1) (memory.grow (i32.const 64)))))
    (loop $more (br_if $more (i32.ne (i32.const -1) (memory.grow (i32.const 1)))))
    (loop $touch
      (i32.store (i32.mul (local.get $i) (i32.const 4096)) (i32.const 1))
      (local.set $i (i32.add (local.get $i) (i32.const 1)))
      (br_if $touch (i32.lt_u (local.get $i) (i32.mul (memory.size) (i32.const 16)))))
    (i64.const 0)`,
  }),
} satisfies GuestSet;

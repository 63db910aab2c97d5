/**
 * Guests that would never end by themselves, in every place where a guest's code runs, and guests
 * that take memory, stack or time out of proportion.
 *
 * @module
 */

import { ECHO, guest, type GuestSet, HONEST_ALLOC } from "./text.ts";

const SPIN = "(loop $spin (br $spin))";
const STOPPED = ["sandbox.timeout", "sandbox.fuel_exhausted"] as const;
const PREPARATION = [...STOPPED, "sandbox.instantiation_failed"] as const;
const CALL_TREE = Array.from(
  { length: 60 },
  (_, at) => `(func $t${at} ${at === 59 ? "nop" : `(call $t${at + 1}) (call $t${at + 1})`})`,
).join("\n  ");

/** Guests that do not end. */
export const ENDLESS = {
  inStart: guest("loops in its start function", PREPARATION, {
    run: ECHO,
    more: `(func $begin ${SPIN}) (start $begin)`,
  }),
  inInitialize: guest("loops in _initialize", PREPARATION, {
    run: ECHO,
    more: `(func (export "_initialize") ${SPIN})`,
  }),
  inWasiStart: guest("loops in _start", PREPARATION, {
    run: ECHO,
    more: `(func (export "_start") ${SPIN})`,
  }),
  inAlloc: guest("loops in alloc", STOPPED, {
    run: ECHO,
    alloc: `(func (export "alloc") (param i32) (result i32) ${SPIN} (i32.const 0))`,
  }),
  inAllocOfReply: guest("loops in alloc when the host writes an answer", STOPPED, {
    imports: ["env_get"],
    alloc: `(global $calls (mut i32) (i32.const 0))
  (func (export "alloc") (param i32) (result i32)
    (global.set $calls (i32.add (global.get $calls) (i32.const 1)))
    (if (i32.gt_u (global.get $calls) (i32.const 1)) (then ${SPIN}))
    (i32.const 4096))`,
    run: "(call $env_get (local.get $ptr) (local.get $len))",
  }),
  inExport: guest("loops in its export", STOPPED, { run: `${SPIN} (i64.const 0)` }),
  inFree: guest("loops in free", ["ok", ...STOPPED], {
    run: ECHO,
    more: `(func (export "free") (param i32 i32) ${SPIN})`,
  }),
  withStores: guest("loops and writes memory", STOPPED, {
    run: `(loop $spin
      (i32.store (i32.and (local.get $i) (i32.const 0xfffc)) (local.get $i))
      (local.set $i (i32.add (local.get $i) (i32.const 4)))
      (br $spin)) (i64.const 0)`,
  }),
  afterHostCall: guest("loops after a host call", STOPPED, {
    imports: ["env_get"],
    run: `(drop (call $env_get (local.get $ptr) (local.get $len))) ${SPIN} (i64.const 0)`,
  }),
  swallowingOld: guest("swallows failures of host calls with try and catch_all, for ever", [
    ...STOPPED,
    "sandbox.trap",
    "sandbox.module_refused",
  ], {
    imports: ["db_query"],
    run: `(loop $again
      (try (do (drop (call $db_query (i32.const 0) (i32.const 8) (i32.const 0) (i32.const 0))))
        (catch_all))
      (br $again)) (i64.const 0)`,
  }),
  swallowingNew: guest("swallows failures of host calls with try_table, for ever", [
    ...STOPPED,
    "sandbox.trap",
    "sandbox.module_refused",
  ], {
    imports: ["db_query"],
    run: `(loop $again
      (block $caught (try_table (catch_all $caught)
        (drop (call $db_query (i32.const 0) (i32.const 8) (i32.const 0) (i32.const 0)))))
      (br $again)) (i64.const 0)`,
  }),
  swallowingStop: guest("loops inside catch_all and goes on when it is stopped", STOPPED, {
    run: `(loop $again (try (do ${SPIN}) (catch_all)) (br $again)) (i64.const 0)`,
  }),
  swallowingOverflow: guest("overflows the stack inside catch_all, for ever", [
    ...STOPPED,
    "sandbox.trap",
  ], {
    more: "(func $deep (call $deep))",
    run: "(loop $again (try (do (call $deep)) (catch_all)) (br $again)) (i64.const 0)",
  }),
  deepRecursion: guest("recurses without end", ["sandbox.trap", ...STOPPED], {
    more: "(func $deep (param i64) (result i64) " +
      "(i64.add (i64.const 1) (call $deep (i64.add (local.get 0) (i64.const 1)))))",
    run: "(call $deep (i64.const 0))",
  }),
  mutualRecursion: guest(
    "two functions call each other without end",
    ["sandbox.trap", ...STOPPED],
    {
      more:
        `(func $ping (param i32) (result i32) (i32.add (i32.const 1) (call $pong (local.get 0))))
  (func $pong (param i32) (result i32) (i32.add (i32.const 1) (call $ping (local.get 0))))`,
      run: "(i64.extend_i32_u (call $ping (i32.const 0)))",
    },
  ),
  indirectRecursion: guest("recurses through a table", ["sandbox.trap", ...STOPPED], {
    more: `(table 1 funcref) (elem (i32.const 0) $again)
  (func $again (call_indirect (i32.const 0)))`,
    run: "(call $again) (i64.const 0)",
  }),
  tailCalls: guest("two functions tail-call each other: no loop, no stack", STOPPED, {
    more: "(func $ping (return_call $pong)) (func $pong (return_call $ping))",
    run: "(call $ping) (i64.const 0)",
  }),
  indirectTailCalls: guest("tail-calls itself through a table", STOPPED, {
    more: `(table 1 funcref) (elem (i32.const 0) $again)
  (func $again (return_call_indirect (i32.const 0)))`,
    run: "(call $again) (i64.const 0)",
  }),
  callTree: guest("2^59 calls without a loop and without recursion", STOPPED, {
    more: CALL_TREE,
    run: "(call $t0) (i64.const 0)",
  }),
  memoryGrow: guest("grows memory until it is refused, then goes on asking", STOPPED, {
    run: "(loop $more (drop (memory.grow (i32.const 16))) (br $more)) (i64.const 0)",
  }),
  tableGrow: guest("grows a table without end", STOPPED, {
    more: "(table $t 1 funcref)",
    run: `(loop $more (drop (table.grow $t (ref.null func) (i32.const 4096))) (br $more))
    (i64.const 0)`,
  }),
  bothGrow: guest("grows memory and a table by turns", STOPPED, {
    more: "(table $t 1 funcref)",
    run: `(loop $more (drop (memory.grow (i32.const 1)))
      (drop (table.grow $t (ref.null func) (i32.const 64))) (br $more)) (i64.const 0)`,
  }),
  fills: guest("fills 16 MiB again and again", STOPPED, {
    memory: '(memory (export "memory") 257)',
    run: `(loop $again (memory.fill (i32.const 65536) (i32.const 7) (i32.const 0x1000000))
      (br $again)) (i64.const 0)`,
  }),
  copies: guest("copies 8 MiB again and again", STOPPED, {
    memory: '(memory (export "memory") 257)',
    run: `(loop $again (memory.copy (i32.const 65536) (i32.const 0x810000) (i32.const 0x800000))
      (br $again)) (i64.const 0)`,
  }),
  straightFills: guest("20,000 fills of 16 MiB in a row, no loop", STOPPED, {
    memory: '(memory (export "memory") 257)',
    run: `${
      "(memory.fill (i32.const 65536) (i32.const 7) (i32.const 0x1000000))\n".repeat(20_000)
    } (i64.const 0)`,
  }),
  manyBranches: guest("one br_table of 4,096 labels that all lead back", STOPPED, {
    run: `(loop $again (br_table ${"$again ".repeat(4096)} (local.get $i))) (i64.const 0)`,
  }),
  tableFills: guest("fills a large table again and again", [
    ...STOPPED,
    "sandbox.module_refused",
  ], {
    more: "(table $t 10000 funcref)",
    run: `(loop $again (table.fill $t (i32.const 0) (ref.null func) (i32.const 10000))
      (br $again)) (i64.const 0)`,
  }),
} satisfies GuestSet;

/** Guests that end, but late. */
export const LATE = {
  late: guest("works as many milliseconds as the input says (u32), then answers", [
    "ok",
    ...STOPPED,
  ], {
    imports: `(import "wasi_snapshot_preview1" "clock_time_get"
    (func $clock (param i32 i64 i32) (result i32)))`,
    alloc: HONEST_ALLOC,
    run: `(drop (call $clock (i32.const 1) (i64.const 0) (i32.const 16)))
    (local.set $r (i64.add (i64.load (i32.const 16)) (i64.mul (i64.const 1000000)
      (i64.extend_i32_u (i32.load (local.get $ptr))))))
    (loop $wait
      (drop (call $clock (i32.const 1) (i64.const 0) (i32.const 16)))
      (br_if $wait (i64.lt_u (i64.load (i32.const 16)) (local.get $r))))
    (call $pack (i32.const 16) (i32.const 8))`,
  }),
  turns: guest("turns a loop as often as the input says (u64), then answers", [
    "ok",
    ...STOPPED,
  ], {
    run: `(local.set $r (i64.load (local.get $ptr)))
    (block $done (loop $turn
      (br_if $done (i64.eqz (local.get $r)))
      (local.set $r (i64.sub (local.get $r) (i64.const 1)))
      (br $turn)))
    ${ECHO}`,
  }),
} satisfies GuestSet;

/**
 * GoNext guests in WebAssembly text: the hooks and jobs interface as its fixtures exercise it
 * (contract/gonext.md §5, §7, §20), and liars. For host functions there is `probe_gonext`.
 *
 * @module
 */

import type { GuestSet, TestGuest } from "./text.ts";

/** Parts of a GoNext guest that are not as usual. */
export interface GoNextParts {
  readonly imports?: string;
  /** Instructions that leave an i64, given `$name $name_len $ptr $len`. @default unknown hook */
  readonly hook?: string;
  /** The same for jobs. @default unknown job */
  readonly job?: string;
  readonly alloc?: string;
  readonly free?: string;
  readonly more?: string;
}

const UNKNOWN = "(i64.const 0xfffffffc)";
const ALLOC = `(global $next (mut i32) (i32.const 4096))
  (func $alloc (export "gn_alloc") (param $size i32) (result i32)
    (local $at i32)
    (local.set $at (global.get $next))
    (if (i32.gt_u (i32.add (local.get $at) (local.get $size))
        (i32.mul (memory.size) (i32.const 65536)))
      (then (if (i32.eq (i32.const -1)
          (memory.grow (i32.add (i32.shr_u (local.get $size) (i32.const 16)) (i32.const 1))))
        (then (return (i32.const 0))))))
    (global.set $next (i32.and (i32.const -8)
      (i32.add (i32.add (local.get $at) (local.get $size)) (i32.const 7))))
    (local.get $at))`;
const FREE = '(func (export "gn_free") (param i32 i32))';

/**
 * Writes a GoNext guest.
 *
 * @param parts what is not as usual.
 * @returns the text of the module.
 */
export function goNextWat(parts: GoNextParts): string {
  const signature = "(param $name i32) (param $name_len i32) (param $ptr i32) (param $len i32)";
  const locals = "(result i64) (local $i i32)";
  return `(module
  ${parts.imports ?? ""}
  (memory (export "memory") 2)
  ${parts.alloc ?? ALLOC}
  ${parts.free ?? FREE}
  ${parts.more ?? ""}
  (func $hook (export "gn_handle_hook") ${signature} ${locals} ${parts.hook ?? UNKNOWN})
  (func $job (export "gn_handle_job") ${signature} ${locals} ${parts.job ?? UNKNOWN}))`;
}

function goNext(about: string, ends: TestGuest["ends"], parts: GoNextParts): TestGuest {
  return { about, abi: "gonext/1", wat: goNextWat(parts), ends };
}

/** A status as a result: pointer 0, negative length. */
function status(code: number): string {
  return `(i64.const ${2 ** 32 + code})`;
}

function packed(pointer: string, length: string): string {
  return `(i64.or (i64.shl (i64.extend_i32_u ${pointer}) (i64.const 32))
      (i64.extend_i32_u ${length}))`;
}

/** Answers when the name's first byte is a letter: names of the fixtures differ in it. */
function named(...cases: readonly (readonly [letter: string, answer: string])[]): string {
  const tests = cases.map(([letter, answer]) =>
    `(if (i32.eq (i32.load8_u (local.get $name)) (i32.const ${letter.charCodeAt(0)}))
      (then (return ${answer})))`
  );
  return `${tests.join("\n    ")}\n    ${UNKNOWN}`;
}

const IMPORTS = `(import "env" "gn_panic" (func $gn_panic (param i32 i32)))
  (import "env" "gn_log" (func $gn_log (param i32 i32 i32)))
  (import "env" "gn_time_ms" (func $gn_time_ms (result i64)))`;
const TEXTS = '(data (i32.const 1024) "boom from guest") (data (i32.const 1056) "hi from plugin")';
const PANIC = "(block (result i64) (call $gn_panic (i32.const 1024) (i32.const 15)) (i64.const 0))";
const LOG =
  "(block (result i64) (call $gn_log (i32.const 1) (i32.const 1056) (i32.const 14)) (i64.const 0))";

/** Upper-cases `a` to `z` between the first `:"` and the next `"`: enough for `"value":"text"`. */
const UPPER_CASE = `
  (func $upper (param $ptr i32) (param $len i32) (result i64)
    (local $end i32) (local $at i32) (local $out i32) (local $inside i32) (local $byte i32)
    (local.set $end (i32.add (local.get $ptr) (local.get $len)))
    (local.set $at (local.get $ptr))
    ;; Find "value":" (the filter envelope has it after the kind).
    (block $found (loop $seek
      (if (i32.ge_u (i32.add (local.get $at) (i32.const 8)) (local.get $end))
        (then (return ${status(-3)})))
      (br_if $found (i64.eq (i64.load align=1 (local.get $at)) (i64.const 0x3a2265756c617622)))
      (local.set $at (i32.add (local.get $at) (i32.const 1)))
      (br $seek)))
    (local.set $at (i32.add (local.get $at) (i32.const 8)))
    (if (i32.ne (i32.load8_u (local.get $at)) (i32.const 34)) (then (return ${status(-3)})))
    (local.set $out (call $alloc (i32.add (local.get $len) (i32.const 16))))
    (memory.copy (local.get $out) (i32.const 1088) (i32.const 10))
    (local.set $inside (i32.add (local.get $out) (i32.const 10)))
    (block $done (loop $copy
      (local.set $at (i32.add (local.get $at) (i32.const 1)))
      (br_if $done (i32.ge_u (local.get $at) (local.get $end)))
      (local.set $byte (i32.load8_u (local.get $at)))
      (br_if $done (i32.eq (local.get $byte) (i32.const 34)))
      (if (i32.and (i32.ge_u (local.get $byte) (i32.const 97))
          (i32.le_u (local.get $byte) (i32.const 122)))
        (then (local.set $byte (i32.sub (local.get $byte) (i32.const 32)))))
      (i32.store8 (local.get $inside) (local.get $byte))
      (local.set $inside (i32.add (local.get $inside) (i32.const 1)))
      (br $copy)))
    (i32.store16 align=1 (local.get $inside) (i32.const 0x7d22))
    ${
  packed(
    "(local.get $out)",
    "(i32.sub (i32.add (local.get $inside) (i32.const 2)) (local.get $out))",
  )
})
  (data (i32.const 1088) "{\\22value\\22:\\22")`;

/** GoNext guests that keep the contract. Names are told apart by their first letter. */
export const GONEXT = {
  hooks: goNext(
    "the_content upper-cases, publish is ok, greet logs, boom panics, oom is out of memory, " +
      "error fails, wild traps; other hooks are unknown. Jobs: the same, run is ok",
    ["ok"],
    {
      imports: IMPORTS,
      more: TEXTS + UPPER_CASE,
      hook: named(
        ["t", "(call $upper (local.get $ptr) (local.get $len))"],
        ["p", "(i64.const 0)"],
        ["g", LOG],
        ["b", PANIC],
        ["o", status(-2)],
        ["e", status(-1)],
        ["w", "(block (result i64) unreachable)"],
      ),
      job: named(
        ["r", "(i64.const 0)"],
        ["b", PANIC],
        ["o", status(-2)],
        ["e", status(-1)],
        ["x", status(-9)],
        ["w", "(block (result i64) unreachable)"],
      ),
    },
  ),
  echo: goNext("gives every payload back as its body", ["ok"], {
    hook: packed("(local.get $ptr)", "(local.get $len)"),
    job: packed("(local.get $ptr)", "(local.get $len)"),
  }),
  counter: goNext("counts calls of the instance: body is a decimal digit", ["ok"], {
    more: "(global $count (mut i32) (i32.const 48))",
    hook: `(global.set $count (i32.add (global.get $count) (i32.const 1)))
    (memory.copy (i32.const 2048) (i32.const 1024) (i32.const 9))
    (i32.store8 (i32.const 2057) (global.get $count))
    (i32.store8 (i32.const 2058) (i32.const 125))
    (i64.const 0x8000000000b)`,
    alloc: `${ALLOC} (data (i32.const 1024) "{\\22value\\22:")`,
  }),
  emptyBody: goNext("ok with a pointer and length 0", ["ok"], {
    hook: "(i64.const 0x100000000000)",
  }),
  time: goNext("answers only when gn_time_ms is later than the year 2020", ["ok"], {
    imports: '(import "env" "gn_time_ms" (func $gn_time_ms (result i64)))',
    hook: `(select (i64.const 0) ${status(-1)}
      (i64.gt_u (call $gn_time_ms) (i64.const 1577836800000)))`,
  }),
} satisfies GuestSet;

/** Hook name for guests that treat all alike. */
export const ANY_HOOK = "do";

/** GoNext guests that break the contract. */
export const GONEXT_LIARS = {
  negativeLength: goNext("pointer with a negative length", [
    "sandbox.guest_error",
    "sandbox.bad_result",
  ], {
    hook: packed("(i32.const 4096)", "(i32.const -1)"),
  }),
  beyondEnd: goNext("body past the end of memory", ["sandbox.bad_result"], {
    hook: packed("(i32.const 131064)", "(i32.const 16)"),
  }),
  tooLarge: goNext("body over 1 MiB", ["sandbox.bad_result", "sandbox.payload_too_large"], {
    hook: `(drop (memory.grow (i32.const 20))) ${packed("(i32.const 8)", "(i32.const 1048577)")}`,
  }),
  noJson: goNext("filter body that is no JSON", ["sandbox.bad_payload", "sandbox.bad_result"], {
    more: '(data (i32.const 1024) "{nope")',
    hook: packed("(i32.const 1024)", "(i32.const 5)"),
  }),
  allocZero: goNext("gn_alloc gives 0", ["sandbox.out_of_memory"], {
    alloc: '(func $alloc (export "gn_alloc") (param i32) (result i32) (i32.const 0))',
    hook: "(i64.const 0)",
  }),
  allocTraps: goNext("gn_alloc traps", ["sandbox.out_of_memory", "sandbox.trap"], {
    alloc: '(func $alloc (export "gn_alloc") (param i32) (result i32) unreachable)',
    hook: "(i64.const 0)",
  }),
  allocOutside: goNext("gn_alloc gives an address outside memory", ["sandbox.out_of_memory"], {
    alloc: '(func $alloc (export "gn_alloc") (param i32) (result i32) (i32.const -8))',
    hook: "(i64.const 0)",
  }),
  freeTraps: goNext("gn_free traps: ignored", ["ok", "sandbox.trap"], {
    free: '(func (export "gn_free") (param i32 i32) unreachable)',
    hook: packed("(local.get $ptr)", "(local.get $len)"),
  }),
  freeSpins: goNext("gn_free never ends", ["sandbox.timeout"], {
    free: '(func (export "gn_free") (param i32 i32) (loop $l (br $l)))',
    hook: packed("(local.get $ptr)", "(local.get $len)"),
  }),
  hookSpins: goNext("gn_handle_hook never ends", ["sandbox.timeout"], {
    hook: "(loop $l (br $l)) (i64.const 0)",
  }),
  jobSpins: goNext("gn_handle_job never ends", ["sandbox.timeout"], {
    job: "(loop $l (br $l)) (i64.const 0)",
  }),
  panicsForEver: goNext("catches gn_panic and goes on", ["sandbox.trap", "sandbox.timeout"], {
    imports: IMPORTS,
    more: TEXTS,
    hook: `(loop $again (try (do (call $gn_panic (i32.const 1024) (i32.const 15))) (catch_all))
      (br $again)) (i64.const 0)`,
  }),
  panicOutside: goNext("panics with a message outside its memory", ["sandbox.trap"], {
    imports: IMPORTS,
    hook: "(call $gn_panic (i32.const -16) (i32.const 64)) (i64.const 0)",
  }),
  panicLong: goNext("panics with 100,000 bytes", ["sandbox.trap"], {
    imports: IMPORTS,
    hook: "(call $gn_panic (i32.const 4096) (i32.const 100000)) (i64.const 0)",
  }),
  logLevels: goNext("logs at levels -1, 4 and 2^31, and outside its memory", ["ok"], {
    imports: IMPORTS,
    more: TEXTS,
    hook: `(call $gn_log (i32.const -1) (i32.const 1056) (i32.const 14))
    (call $gn_log (i32.const 4) (i32.const 1056) (i32.const 14))
    (call $gn_log (i32.const 0x80000000) (i32.const 1056) (i32.const 14))
    (call $gn_log (i32.const 1) (i32.const -1) (i32.const 14)) (i64.const 0)`,
  }),
  noHandlers: {
    about: "exports gn_alloc and gn_free only",
    abi: "gonext/1",
    ends: ["sandbox.missing_export", "sandbox.module_refused"],
    wat: `(module (memory (export "memory") 1) ${ALLOC} ${FREE})`,
  },
} satisfies GuestSet;

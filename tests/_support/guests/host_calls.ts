/**
 * Guests that misuse host functions: pointers outside memory, re-entrancy while the host writes an
 * answer, floods of calls and of log lines.
 *
 * @module
 */

import {
  CORE_IMPORTS,
  ECHO,
  guest,
  type GuestSet,
  HONEST_ALLOC,
  METACORE_IMPORTS,
  type MetacoreImport,
  parameterCount,
  type TestGuest,
} from "./text.ts";

const ENDED = [
  "ok",
  "sandbox.timeout",
  "sandbox.fuel_exhausted",
  "sandbox.trap",
  "sandbox.out_of_memory",
  "sandbox.bad_result",
] as const;

function call(name: MetacoreImport, values: readonly string[]): string {
  const operands = Array.from(
    { length: parameterCount(name) },
    (_, at) => values[at % values.length],
  );
  const text = `(call $${name} ${operands.join(" ")})`;
  return METACORE_IMPORTS[name].includes("result") ? `(drop ${text})` : text;
}

/**
 * A guest that calls a host function without end; every pointer and length is the input's.
 *
 * @param name which host function.
 * @returns the guest.
 */
export function flood(name: MetacoreImport): TestGuest {
  return guest(`calls ${name} without end`, ["sandbox.timeout", "sandbox.trap", "ok"], {
    imports: [name],
    run: `(loop $again ${call(name, ["(local.get $ptr)", "(local.get $len)"])} (br $again))
    (i64.const 0)`,
  });
}

/**
 * A guest that calls a host function 2,000 times with its input, then echoes.
 *
 * @param name which host function.
 * @returns the guest.
 */
export function manyCalls(name: MetacoreImport): TestGuest {
  return guest(`calls ${name} 2,000 times`, ENDED, {
    imports: [name],
    run: `(loop $again ${call(name, ["(local.get $ptr)", "(local.get $len)"])}
      (local.set $i (i32.add (local.get $i) (i32.const 1)))
      (br_if $again (i32.lt_u (local.get $i) (i32.const 2000)))) ${ECHO}`,
  });
}

const OUTSIDE_PAIRS = [
  ["(i32.const -16)", "(i32.const 32)"],
  ["(i32.const 0)", "(i32.const -1)"],
  ["(i32.const 65535)", "(i32.const 2)"],
  ["(i32.const 0x80000000)", "(i32.const 0x7fffffff)"],
  ["(i32.const -1)", "(i32.const 0)"],
] as const;

/** Guests that give host functions pointers outside their memory. */
export const BAD_ARGUMENTS = Object.fromEntries(
  CORE_IMPORTS.map((name) => [
    name,
    guest(`gives ${name} pointers and lengths outside its memory, then echoes`, ["ok"], {
      imports: [name],
      run: OUTSIDE_PAIRS.map((pair) => call(name, pair)).join("\n    ") + ECHO,
    }),
  ]),
);

function reentrantAlloc(name: MetacoreImport): string {
  return HONEST_ALLOC.replace(
    "(local.set $at (global.get $next))",
    `${call(name, ["(i32.const 64)", "(i32.const 8)"])} (local.set $at (global.get $next))`,
  );
}

/** Guests that call the host while the host calls them. */
export const REENTRANT = {
  ...Object.fromEntries(
    CORE_IMPORTS.map((name) => [
      name,
      guest(`alloc calls ${name}, whose answer needs alloc`, ENDED, {
        imports: [name],
        alloc: reentrantAlloc(name),
        run: `${call(name, ["(local.get $ptr)", "(local.get $len)"])} ${ECHO}`,
      }),
    ]),
  ),
  inStart: guest("its start function calls the host", [
    ...ENDED,
    "sandbox.instantiation_failed",
  ], {
    imports: ["db_query", "log"],
    more: `(func $begin ${call("db_query", ["(i32.const 0)", "(i32.const 8)"])}
    ${call("log", ["(i32.const 0)", "(i32.const 8)"])}) (start $begin)`,
    run: ECHO,
  }),
} satisfies GuestSet;

/** Bytes of a log line, as a data segment at 1024. */
function logged(bytes: string): Parameters<typeof guest>[2] {
  const length = bytes.replaceAll(/\\[0-9a-f]{2}/g, ".").length;
  return {
    imports: ["log"],
    more: `(data (i32.const 1024) "${bytes}")`,
    run: `(call $log (i32.const 1024) (i32.const ${length})) ${ECHO}`,
  };
}

/** Guests that abuse the log. */
export const LOG_BOMBS = {
  lines: guest("logs a million lines", ["ok", "sandbox.timeout", "sandbox.trap"], {
    imports: ["log"],
    run: `(loop $again (call $log (local.get $ptr) (local.get $len))
      (local.set $i (i32.add (local.get $i) (i32.const 1)))
      (br_if $again (i32.lt_u (local.get $i) (i32.const 1000000)))) ${ECHO}`,
  }),
  tenMegabytes: guest("logs one line of 10 MB", ["ok"], {
    imports: ["log"],
    memory: '(memory (export "memory") 161)',
    run: `(memory.fill (i32.const 16384) (i32.const 120) (i32.const 10000000))
    (call $log (i32.const 16384) (i32.const 10000000)) ${ECHO}`,
  }),
  empty: guest("logs an empty line", ["ok"], logged("")),
  lineBreaks: guest(
    "logs line breaks that would forge further records",
    ["ok"],
    logged("done\\0d\\0a{\\22level\\22:\\22error\\22,\\22msg\\22:\\22forged\\22}\\0a"),
  ),
  escapes: guest(
    "logs terminal escapes: clears the screen, sets the title",
    ["ok"],
    logged("a\\1b[2J\\1b]0;owned\\07b\\00c\\7f\\c2\\9b31m"),
  ),
  bidirectional: guest(
    "logs characters that reorder text",
    ["ok"],
    logged("a\\e2\\80\\aeb\\e2\\81\\a6c\\e2\\80\\a8d"),
  ),
  invalidUtf8: guest(
    "logs bytes that are no UTF-8: lone continuation, overlong, surrogate, cut off",
    ["ok"],
    logged("\\80\\c0\\af\\ed\\a0\\80\\f5\\80\\80\\80\\e2\\82"),
  ),
} satisfies GuestSet;

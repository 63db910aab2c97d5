/**
 * The frame that guests written in WebAssembly text share: a bump allocator that grows its memory,
 * the imports of the metacore interface, and `run`, the export in which most of them misbehave.
 *
 * @module
 */

import type { Abi } from "../../../src/sandbox/abi.ts";
import type { SandboxCode } from "../../../src/sandbox/errors.ts";

/** A guest for tests. Metacore guests are called by `run`, GoNext guests by hook `do` and job `do`. */
export interface TestGuest {
  /** One line: what it does or tries. */
  readonly about: string;
  readonly abi: Abi;
  readonly wat: string;
  /** How admission or an invocation of it may end; more than one where the walls may differ. */
  readonly ends: readonly ("ok" | SandboxCode)[];
}

/** Guests by name. */
export type GuestSet = Readonly<Record<string, TestGuest>>;

/** Imports of `metacore_host` with their types, as contract/metacore.md §5.3 and §18.3 have them. */
export const METACORE_IMPORTS = {
  log: "(param i32 i32)",
  env_get: "(param i32 i32) (result i64)",
  http_fetch: "(param i32 i32 i32 i32 i32 i32) (result i64)",
  http_request: "(param i32 i32 i32 i32 i32 i32 i32 i32) (result i64)",
  connector_get: "(param i32 i32) (result i64)",
  event_emit: "(param i32 i32 i32 i32) (result i64)",
  db_query: "(param i32 i32 i32 i32) (result i64)",
  db_exec: "(param i32 i32 i32 i32) (result i64)",
  data_mutate: "(param i32 i32) (result i64)",
  data_query: "(param i32 i32) (result i64)",
  sequence_next: "(param i32 i32) (result i64)",
  ctx_get: "(param i32 i32) (result i64)",
} as const;

/** Name of an import of `metacore_host`. */
export type MetacoreImport = keyof typeof METACORE_IMPORTS;

/** The functions that the contract's kernel itself has; later upstream added the others. */
export const CORE_IMPORTS = [
  "log",
  "env_get",
  "http_fetch",
  "event_emit",
  "db_query",
  "db_exec",
] as const satisfies readonly MetacoreImport[];

/** `alloc` as an honest guest has it. */
export const HONEST_ALLOC = `
  (global $next (mut i32) (i32.const 8192))
  (func $alloc (export "alloc") (param $size i32) (result i32)
    (local $at i32)
    (local.set $at (global.get $next))
    (global.set $next (i32.and (i32.const -8)
      (i32.add (i32.add (local.get $at) (local.get $size)) (i32.const 7))))
    (if (i32.gt_u (global.get $next) (i32.mul (memory.size) (i32.const 65536)))
      (then (if (i32.eq (i32.const -1)
          (memory.grow (i32.add (i32.shr_u (local.get $size) (i32.const 16)) (i32.const 1))))
        (then (global.set $next (local.get $at)) (return (i32.const 0))))))
    (local.get $at))`;

/** `$pack`, for results. */
export const PACK = `
  (func $pack (param $ptr i32) (param $len i32) (result i64)
    (i64.or (i64.shl (i64.extend_i32_u (local.get $ptr)) (i64.const 32))
      (i64.extend_i32_u (local.get $len))))`;

/** Parts of a metacore guest that are not as usual. */
export interface MetacoreParts {
  /** Names of host functions, callable as `$name`; or lines of text. */
  readonly imports?: readonly MetacoreImport[] | string;
  /** @default one page, without a limit */
  readonly memory?: string;
  /** @default {@link HONEST_ALLOC} */
  readonly alloc?: string;
  /** Instructions of `run`, given `$ptr` and `$len`, that leave an i64. */
  readonly run: string;
  /** Further fields of the module. */
  readonly more?: string;
}

/**
 * Writes a metacore guest.
 *
 * @param parts what is not as usual.
 * @returns the text of the module.
 */
export function metacoreWat(parts: MetacoreParts): string {
  const { imports = [], memory = '(memory (export "memory") 1)', more = "" } = parts;
  return `(module
  ${typeof imports === "string" ? imports : imports.map(importText).join("\n  ")}
  ${memory}${parts.alloc ?? HONEST_ALLOC}${PACK}
  ${more}
  (func $run (export "run") (param $ptr i32) (param $len i32) (result i64)
    (local $i i32) (local $r i64)
    ${parts.run}))`;
}

function importText(name: MetacoreImport): string {
  return `(import "metacore_host" "${name}" (func $${name} ${METACORE_IMPORTS[name]}))`;
}

/** Number of i32 parameters of a host function. @param name which */
export function parameterCount(name: MetacoreImport): number {
  return METACORE_IMPORTS[name].split(")")[0]!.split(" ").length - 1;
}

/** Makes a {@link TestGuest} of the metacore interface. */
export function guest(about: string, ends: TestGuest["ends"], parts: MetacoreParts): TestGuest {
  return { about, abi: "metacore/1", wat: metacoreWat(parts), ends };
}

/** Gives the input back. */
export const ECHO = "(call $pack (local.get $ptr) (local.get $len))";

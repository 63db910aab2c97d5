/**
 * Builds the import object of a module from what the module declares, nothing else: every object in it
 * has a null prototype, every function is found by exact type and checks the stop before and after.
 *
 * @module
 */

import { suspending, unixMs, type WasmValue } from "./own_globals.ts";
import {
  type ArgumentKind,
  HOST_IMPORTS,
  type HostImport,
  LOCAL_IMPORTS,
  type ResultForm,
  shapeOf,
} from "./abi_tables.ts";
import { LEVEL, printable } from "./log.ts";
import { pack } from "./memory.ts";
import type { ImportDeclaration, ReplyMessage, WireArgument } from "./protocol.ts";
import type { Scope } from "./scope.ts";
import { wasiImport } from "./wasi.ts";

/** Imports ready to link. */
export interface LinkedImports {
  readonly imports: WebAssembly.Imports;
  /** Whether one of them can suspend the guest: entry points have to be called accordingly. */
  readonly suspends: boolean;
}

const MAX_TEXT_BYTES = 65_536;
const MAX_PANIC_BYTES = 4_096;

/**
 * Links what a module declares.
 *
 * @param declared its function imports.
 * @param abi its interface.
 * @param scope what the functions work on.
 * @returns the import object.
 * @throws {WebAssembly.LinkError} naming an import that this interface does not have in this shape.
 */
export function linkImports(
  declared: readonly ImportDeclaration[],
  abi: "metacore/1" | "gonext/1",
  scope: Scope,
): LinkedImports {
  const imports: Record<string, Record<string, WebAssembly.ImportValue>> = Object.create(null);
  let suspends = false;
  for (const entry of declared) {
    const shape =
      `${entry.module}.${entry.name}(${entry.parameters.join()})${entry.results.join()}`;
    const host = HOST_IMPORTS[abi].find((candidate) => shapeOf(candidate) === shape);
    const local = host === undefined ? localImport(shape, abi, scope) : undefined;
    if (host === undefined && local === undefined) {
      throw new WebAssembly.LinkError(`import ${shape} is not part of ${abi}`);
    }
    const room = imports[entry.module] ??= Object.create(null) as typeof imports[string];
    room[entry.name] = host === undefined ? local! : hostImport(host, scope);
    suspends ||= host !== undefined;
  }
  return { imports, suspends };
}

/** Imports that do and answer the same each time they are called alike. */
const REPEATABLE: ReadonlySet<string> = new Set([
  "metacore_host.log",
  "env.gn_log",
  ...[
    ...["args_get", "args_sizes_get", "environ_get", "environ_sizes_get"],
    ...["fd_write", "fd_read", "fd_close", "fd_seek", "fd_fdstat_get", "fd_fdstat_set_flags"],
    ...["fd_prestat_get", "fd_prestat_dir_name", "sched_yield", "proc_exit"],
  ].map((name) => `wasi_snapshot_preview1.${name}`),
]);

type Local = (...args: WasmValue[]) => WasmValue | void;

function localImport(
  shape: string,
  abi: "metacore/1" | "gonext/1",
  scope: Scope,
): Local | undefined {
  const call = LOCAL_IMPORTS[abi].includes(shape)
    ? LOCAL_CALLS[shape.slice(0, shape.indexOf("("))]!(scope)
    : wasiImport(shape, {
      memory: () => scope.memory,
      log: scope.log,
      stop: scope.stop,
      leftMs: () => scope.leftMs(),
      lastWords: (bytes) => scope.hear(bytes),
    });
  if (call === undefined) return undefined;
  const repeats = REPEATABLE.has(shape.slice(0, shape.indexOf("(")));
  return (...args) => {
    scope.stop.check();
    if (!repeats) scope.isRepeatable = false;
    const result = call(...args);
    scope.stop.check();
    return result;
  };
}

const LOCAL_CALLS: Readonly<Record<string, (scope: Scope) => Local>> = {
  "metacore_host.log": (scope) => (pointer, length) =>
    scope.log.add(LEVEL.info, scope.memory.view(Number(pointer), Number(length))),
  "env.gn_log": (scope) => (level, pointer, length) => {
    const size = Number(length) >>> 0;
    const text = size > MAX_TEXT_BYTES ? undefined : scope.memory.view(Number(pointer), size);
    scope.log.add(Number(level), text);
  },
  "env.gn_time_ms": () => () => BigInt(unixMs()),
  "env.gn_panic": (scope) => (pointer, length) => {
    const size = Math.min(Number(length) >>> 0, MAX_PANIC_BYTES);
    const text = scope.memory.view(Number(pointer), size);
    panic(scope, text === undefined ? "(a message outside of its memory)" : printable(text));
  },
};

function panic(scope: Scope, guestMessage: string): never {
  return scope.stop.end({
    code: "trap",
    reason: "guest_panic",
    message: guestMessage,
    guestMessage,
  });
}

function hostImport(entry: HostImport, scope: Scope): WebAssembly.ImportValue {
  return suspending((...raw) => {
    scope.stop.check();
    scope.isRepeatable = false;
    if (scope.isAnswering) {
      scope.stop.end({
        code: "trap",
        reason: "host_failure",
        message: `${entry.name} was called while the answer of another host function is delivered`,
      });
    }
    if (scope.phase === "preparing") {
      scope.neededHost = true;
      scope.stop.end({
        code: "instantiation_failed",
        message: `${entry.name} needs a running call`,
      });
    }
    return answered(entry, raw, scope);
  });
}

async function answered(
  entry: HostImport,
  raw: readonly WasmValue[],
  scope: Scope,
): Promise<WasmValue> {
  const reply = await scope.ask(entry.name, readArguments(entry.arguments, raw, scope));
  scope.stop.check();
  if (reply.failed === true) {
    scope.stop.end({ code: "trap", reason: "host_failure", message: `${entry.name} failed` });
  }
  const result = await encodeReply(entry, raw, reply, scope);
  scope.stop.check();
  return result;
}

function readArguments(
  kinds: readonly ArgumentKind[],
  raw: readonly WasmValue[],
  scope: Scope,
): WireArgument[] {
  let at = 0;
  return kinds.map((argument): WireArgument => {
    const first = raw[at++]!;
    if (argument.kind === "out") return Number(raw[at++]) >>> 0;
    if (argument.kind !== "bytes") return first;
    const length = Number(raw[at++]) >>> 0;
    if (length > argument.cap) return "too_large";
    return scope.memory.read(Number(first), length) ?? "unreadable";
  });
}

async function encodeReply(
  entry: HostImport,
  raw: readonly WasmValue[],
  reply: ReplyMessage,
  scope: Scope,
): Promise<WasmValue> {
  const { form } = entry.result;
  if (form === "status") return toStatus(reply.status);
  if (form === "length") return writeOut(entry, raw, reply, scope);
  if (reply.bytes !== undefined && reply.bytes.length > 0) {
    return await deliver(reply.bytes, entry.result, scope);
  }
  if (form === "packed" || reply.status === undefined) return 0n;
  return BigInt.asUintN(32, BigInt(toStatus(reply.status)));
}

function toStatus(status: number | bigint | undefined): number {
  return Number(BigInt.asIntN(32, BigInt(status ?? 0)));
}

/** Writes into the buffer that the guest named; too small a one is left alone, its size is told. */
function writeOut(
  entry: HostImport,
  raw: readonly WasmValue[],
  reply: ReplyMessage,
  scope: Scope,
): number {
  if (reply.bytes === undefined) return toStatus(reply.status);
  const pointer = outPointer(entry.arguments, raw);
  if (pointer === undefined) return -1;
  const capacity = Number(raw[pointer + 1]) >>> 0;
  if (reply.bytes.length > capacity) return reply.bytes.length;
  return scope.memory.write(Number(raw[pointer]), reply.bytes) ? reply.bytes.length : -1;
}

/** Index of the parameter that points to the `out` buffer. */
function outPointer(kinds: readonly ArgumentKind[], raw: readonly WasmValue[]): number | undefined {
  let at = 0;
  for (const { kind } of kinds) {
    if (kind === "out") return at < raw.length ? at : undefined;
    at += kind === "bytes" ? 2 : 1;
  }
  return undefined;
}

/** Puts an answer into memory that the guest's own `alloc` gives. */
async function deliver(bytes: Uint8Array, form: ResultForm, scope: Scope): Promise<bigint> {
  const failed = form.form === "packed_or_status" ? BigInt.asUintN(32, BigInt(form.noMemory)) : 0n;
  if (scope.alloc === undefined) return failed;
  let pointer: unknown;
  scope.isAnswering = true;
  try {
    pointer = await scope.alloc(bytes.length);
  } catch {
    // A trap of `alloc` is its failure; one that the kernel caused ends the guest here.
    scope.stop.check();
    return failed;
  } finally {
    scope.isAnswering = false;
  }
  if (typeof pointer !== "number" || pointer === 0) return failed;
  return scope.memory.write(pointer, bytes) ? pack(pointer, bytes.length) : failed;
}

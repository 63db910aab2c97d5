/**
 * A sandbox with real workers, code from test guests, and what can be seen of the process from
 * outside: threads, memory, processor time.
 *
 * @module
 */

import process from "node:process";
import { isKernelError } from "../../src/base/error.ts";
import { compilePrepared } from "../../src/sandbox/module/compile.ts";
import { prepareModule } from "../../src/sandbox/module/prepare.ts";
import { createSandbox, type SandboxOptions } from "../../src/sandbox/pool.ts";
import type {
  GuestCode,
  HostPort,
  Invocation,
  LoadedModule,
  Sandbox,
} from "../../src/sandbox/sandbox.ts";
import { WalledWorkers } from "../../src/sandbox/worker_source.ts";
import { ANY_HOOK } from "../_support/guests/gonext.ts";
import type { TestGuest } from "../_support/guests/text.ts";
import { assembleWat } from "../_support/guests/wat.ts";

/** Pages that test guests may have: 16 MiB and one for those that fill so much. */
export const LIMIT_PAGES = 320;

/** Makes a sandbox with real workers. */
export function realSandbox(limits: SandboxOptions["limits"] = {}): Sandbox {
  return createSandbox({ source: new WalledWorkers(), limits });
}

/** Prepares and compiles a guest when it is loaded; its addon is named as given. */
export function codeOf(guest: Pick<TestGuest, "abi" | "wat">, addonKey: string): GuestCode {
  let loaded: Promise<LoadedModule> | undefined;
  return {
    id: `${addonKey}:${guest.wat.length}`,
    addonKey,
    load: () => loaded ??= prepared(guest),
  };
}

async function prepared(guest: Pick<TestGuest, "abi" | "wat">): Promise<LoadedModule> {
  const outcome = await prepareModule(await assembleWat(guest.wat), {
    interrupt: "epoch",
    policy: {
      memoryLimitPages: LIMIT_PAGES,
      exports: guest.abi === "metacore/1" ? ["run"] : [],
      handles: guest.abi === "metacore/1" ? [] : ["hook", "job"],
      manifestAbi: guest.abi,
      holds: () => true,
    },
  });
  return { ...outcome, module: await compilePrepared(outcome, { timeoutMs: 10_000 }) };
}

/** A host that answers every call with a few bytes. */
export const ANSWERING: HostPort = {
  call: () => Promise.resolve({ bytes: new Uint8Array(16) }),
  log: () => {},
};

/** An invocation of a test guest. */
export function callOf(
  guest: Pick<TestGuest, "abi">,
  changes: Partial<Invocation> = {},
): Invocation {
  return {
    target: guest.abi === "metacore/1"
      ? { kind: "export", name: "run" }
      : { kind: "hook", name: ANY_HOOK },
    input: new Uint8Array([0xff, 0xff, 0xff, 0x7f, 0, 0, 0, 0]),
    organizationId: "org-a",
    timeoutMs: 250,
    host: ANSWERING,
    ...changes,
  };
}

/** How an invocation ended: `ok` or the code of its failure. */
export async function ending(sandbox: Sandbox, code: GuestCode, call: Invocation): Promise<string> {
  try {
    await sandbox.invoke(code, call);
    return "ok";
  } catch (thrown) {
    if (isKernelError(thrown)) return thrown.code;
    throw thrown;
  }
}

/**
 * Threads of workers in this process; undefined where the system does not tell. The engine's own
 * threads come and go by themselves and are not counted.
 */
export function threadCount(): number | undefined {
  if (Deno.build.os !== "linux") return undefined;
  return [...Deno.readDirSync("/proc/self/task")].filter(({ name }) => {
    try {
      return Deno.readTextFileSync(`/proc/self/task/${name}/comm`).startsWith("worker-");
    } catch {
      return false; // It has ended meanwhile.
    }
  }).length;
}

/** Resident memory of this process in bytes. */
export function residentBytes(): number {
  return Deno.memoryUsage().rss;
}

/** Processor time that this process uses while nothing is asked of it, in milliseconds. */
export async function idleCpuMs(overMs: number): Promise<number> {
  const before = process.cpuUsage();
  await pause(overMs);
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1000;
}

/** Waits until something holds, at most so long. @returns whether it came to hold */
export async function eventually(holds: () => boolean, withinMs: number): Promise<boolean> {
  for (const untilMs = performance.now() + withinMs; performance.now() < untilMs;) {
    if (holds()) return true;
    await pause(5);
  }
  return holds();
}

function pause(delayMs: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, delayMs));
}

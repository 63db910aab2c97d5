/**
 * The sandbox port: untrusted code runs behind it, one invocation at a time in each worker. It knows
 * nothing of addons, organizations' data or capabilities: what a guest may ask for is answered by
 * the {@link HostPort} of the invocation.
 *
 * @module
 */

import type { Abi, Target } from "./abi.ts";

/** A module that is ready to run: rewritten and compiled. */
export interface LoadedModule {
  /** Compiled from rewritten bytes; shared by every worker. */
  readonly module: WebAssembly.Module;
  readonly abi: Abi;
  /** Level of the interface; decides what `event_emit` answers. */
  readonly level: string;
  /** Functions that run once per instance, under the deadline, before anything else, in order. */
  readonly startFunctions: readonly string[];
  /** Each import as the module declares it; imports of one name may differ in shape. */
  readonly imports: readonly ImportShape[];
  /** Whether the module counts fuel (`counter`), looks at the epoch, or both. */
  readonly interrupt: Interrupt;
  /** Most memory an instance can reach, in bytes; the module is rewritten so that it cannot pass it. */
  readonly memoryLimitBytes: number;
  /**
   * How an instance can be set back to what it was when new, as the rewriter proved it.
   *
   * @default not at all: instances are not used again
   */
  readonly restorable?: { readonly globals: number } | undefined;
}

/** How a module can be stopped. */
export type Interrupt = "epoch" | "counter" | "both";

/** A function import with its type in WebAssembly's short words. */
export interface ImportShape {
  readonly module: string;
  readonly name: string;
  readonly parameters: readonly string[];
  readonly results: readonly string[];
}

/** Code that can be invoked. */
export interface GuestCode {
  /** Equal for equal code under equal limits: workers are kept by it. */
  readonly id: string;
  /** Whose code it is: bounds of workers, kills and figures go by it. */
  readonly addonKey: string;
  /** Compiles or finds the module; called when a worker needs it. */
  load(): Promise<LoadedModule>;
}

/** What a guest hands to a host function: bytes, a number, or why bytes could not be taken. */
export type HostArgument = Uint8Array | number | bigint | "unreadable" | "too_large";

/** One call of a host function. */
export interface HostCall {
  /** Module and name of the import, such as `metacore_host.db_query`. */
  readonly name: string;
  readonly arguments: readonly HostArgument[];
  /** `performance.now()` of the main thread at which the invocation ends. */
  readonly deadlineMs: number;
  /** Aborts when the invocation ends early. */
  readonly signal: AbortSignal;
}

/** What a host function answers: bytes, a number in the interface's status encoding, or nothing. */
export type HostReply =
  | { readonly bytes: Uint8Array }
  | { readonly status: number | bigint }
  | { readonly nothing: true };

/** One line that a guest logged. */
export interface GuestLogLine {
  readonly level: "debug" | "info" | "warn" | "error";
  readonly text: string;
}

/** What an invocation may ask of the kernel. */
export interface HostPort {
  /** Answers a host function. What it throws ends the invocation as the host's failure. */
  call(call: HostCall): Promise<HostReply>;
  /** Takes log lines; bounded before they get here. @param dropped lines that were over the bound */
  log(lines: readonly GuestLogLine[], dropped: number): void;
}

/** One call of a guest. */
export interface Invocation {
  readonly target: Target;
  readonly input: Uint8Array;
  /**
   * Instances that keep their state between invocations never serve two of these; others are new, or
   * have been set back to what they were when new.
   */
  readonly organizationId: string;
  /** From now until the guest is stopped, waiting for a worker included. 1 to 3,600,000 */
  readonly timeoutMs: number;
  /** CPU budget in checks (loop turns and calls), for modules that count. @default none */
  readonly fuel?: number;
  /** Stops the guest when it aborts. */
  readonly signal?: AbortSignal;
  readonly host: HostPort;
}

/** What a guest gave. */
export interface InvocationResult {
  /** Empty for "empty success". */
  readonly output: Uint8Array;
  readonly durationMs: number;
  /** Of that, waiting for a worker. */
  readonly waitedMs: number;
  /** Memory of the instance at the end. */
  readonly memoryBytes: number;
  /** Checks passed, where the module counts. */
  readonly fuelUsed?: number;
}

/** Figures of the sandbox now. */
export interface SandboxStats {
  readonly workers: number;
  readonly spareWorkers: number;
  readonly busyWorkers: number;
  readonly waiting: number;
  readonly invocations: number;
  readonly traps: number;
  readonly timeouts: number;
  readonly refused: number;
}

/** Runs guests. */
export interface Sandbox {
  /**
   * Calls a guest and waits for it.
   *
   * @throws {KernelError} `sandbox.*`, see `errors.ts`; the guest has been stopped by then, or is
   *   being stopped and its worker will not be used again.
   */
  invoke(code: GuestCode, invocation: Invocation): Promise<InvocationResult>;
  /**
   * Stops running invocations of an addon; they fail with `sandbox.killed`.
   *
   * @param addonKey whose.
   * @param organizationId only of this organization. @default every one
   * @returns how many were stopped.
   */
  kill(addonKey: string, organizationId?: string): number;
  /**
   * Lets workers of an addon finish what they do, then ends them: its code has changed or gone.
   *
   * @param addonKey whose.
   * @param codeId only of this code. @default every one
   */
  retire(addonKey: string, codeId?: string): void;
  /**
   * Gets a worker ready for code that is about to be called. Nobody gives way for it: where all places
   * are taken, nothing is done.
   *
   * @param code what is about to be called.
   * @param timeoutMs how long it is waited for, in milliseconds, 1 or more.
   * @returns `warm` when a worker has the module; it never fails.
   */
  warm(code: GuestCode, timeoutMs: number): Promise<"warm" | "cold">;
  stats(): SandboxStats;
  /** Refuses new invocations, waits for running ones up to a limit, ends every worker. */
  close(): Promise<void>;
}

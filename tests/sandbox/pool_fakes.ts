/**
 * Time, workers and code that tests hold in their hands.
 *
 * @module
 */

import { sandboxError } from "../../src/sandbox/errors.ts";
import type { Timing } from "../../src/sandbox/pool_timing.ts";
import type {
  GuestCode,
  HostPort,
  Invocation,
  InvocationResult,
  LoadedModule,
} from "../../src/sandbox/sandbox.ts";
import type { GuestWorker, WorkerSource } from "../../src/sandbox/worker_port.ts";

/** Lets everything that can go on by itself go on. */
export function settle(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 0));
}

/** A clock that stands still until it is moved. */
export class FakeTiming implements Timing {
  #nowMs = 1_000;
  readonly #timers = new Set<{ dueMs: number; callback: () => void }>();

  nowMs(): number {
    return this.#nowMs;
  }

  after(callback: () => void, delayMs: number): () => void {
    const timer = { dueMs: this.#nowMs + delayMs, callback };
    this.#timers.add(timer);
    return () => this.#timers.delete(timer);
  }

  /** Timers that have not gone off. */
  get pending(): number {
    return this.#timers.size;
  }

  /** Moves time on; timers go off in order, and what they cause happens before the next. */
  async advance(byMs: number): Promise<void> {
    const untilMs = this.#nowMs + byMs;
    await settle();
    for (;;) {
      const next = [...this.#timers].filter((timer) => timer.dueMs <= untilMs)
        .sort((one, other) => one.dueMs - other.dueMs)[0];
      if (next === undefined) break;
      this.#timers.delete(next);
      this.#nowMs = Math.max(this.#nowMs, next.dueMs);
      next.callback();
      await settle();
    }
    this.#nowMs = untilMs;
    await settle();
  }
}

const NO_MODULE: LoadedModule = {
  module: new WebAssembly.Module(new Uint8Array([0, 97, 115, 109, 1, 0, 0, 0])),
  abi: "metacore/1",
  level: "1.0",
  startFunctions: [],
  imports: [],
  interrupt: "epoch",
  memoryLimitBytes: 1_000_000,
};

/** Code whose loads are counted. */
export class FakeCode implements GuestCode {
  loads = 0;
  /** Replaces what loading does. */
  loading: () => Promise<LoadedModule> = () => Promise.resolve(NO_MODULE);
  readonly addonKey: string;
  readonly id: string;

  constructor(addonKey: string, id: string = addonKey) {
    this.addonKey = addonKey;
    this.id = id;
  }

  load(): Promise<LoadedModule> {
    this.loads++;
    return this.loading();
  }
}

/** A worker that runs until the test ends its invocation. */
export class FakeWorker implements GuestWorker {
  isUsable = true;
  organizationId: string | undefined;
  uses = 0;
  memoryBytes = 0;
  loaded: LoadedModule | undefined;
  invocation: Invocation | undefined;
  closes = 0;
  readonly ended: Promise<void>;
  readonly #source: FakeSource;
  #end: () => void = () => {};
  #settle: { resolve(result: InvocationResult): void; reject(thrown: unknown): void } | undefined;

  constructor(source: FakeSource) {
    this.#source = source;
    this.ended = new Promise((resolve) => this.#end = resolve);
  }

  async load(loaded: LoadedModule): Promise<void> {
    if (this.loaded !== undefined) throw new Error("a worker takes one module for life");
    await this.#source.beforeLoad();
    this.loaded = loaded;
  }

  invoke(invocation: Invocation): Promise<InvocationResult> {
    if (this.invocation !== undefined) throw new Error("one invocation at a time");
    if (this.loaded === undefined || this.closes > 0) throw new Error("not ready");
    this.uses++;
    if (this.#source.keepsInstances) this.organizationId = invocation.organizationId;
    this.invocation = invocation;
    this.#source.begun.push(invocation);
    const result = new Promise<InvocationResult>((resolve, reject) => {
      this.#settle = { resolve, reject };
    });
    invocation.signal?.addEventListener("abort", () => this.stop("cancelled"), { once: true });
    if (this.#source.finishesAtOnce) this.finish();
    return result;
  }

  /** The guest returns. */
  finish(): void {
    this.invocation = undefined;
    this.#settle?.resolve({
      output: new Uint8Array(),
      durationMs: 3,
      waitedMs: 0,
      memoryBytes: this.memoryBytes,
    });
  }

  /** The invocation fails. */
  fail(thrown: unknown): void {
    this.invocation = undefined;
    this.#settle?.reject(thrown);
  }

  stop(reason: "killed" | "cancelled"): void {
    this.isUsable = false;
    this.fail(sandboxError(`sandbox.${reason}`, reason));
  }

  async close(): Promise<void> {
    this.closes++;
    this.isUsable = false;
    await this.#source.beforeEnd();
    this.#source.alive.delete(this);
    this.#end();
  }

  /** The thread ends by itself. */
  die(): void {
    this.isUsable = false;
    this.#source.alive.delete(this);
    if (this.invocation !== undefined) {
      this.fail(sandboxError("sandbox.worker_failed", "the thread ended"));
    }
    this.#end();
  }
}

/** Starts fake workers. */
export class FakeSource implements WorkerSource {
  readonly started: FakeWorker[] = [];
  readonly alive = new Set<FakeWorker>();
  readonly begun: Invocation[] = [];
  attempts = 0;
  mostAlive = 0;
  closes = 0;
  keepsInstances = false;
  finishesAtOnce = false;
  /** Replaces what happens before a worker is there. */
  beforeStart: () => Promise<void> = () => Promise.resolve();
  beforeLoad: () => Promise<void> = () => Promise.resolve();
  beforeEnd: () => Promise<void> = () => Promise.resolve();

  async start(): Promise<GuestWorker> {
    this.attempts++;
    await this.beforeStart();
    const worker = new FakeWorker(this);
    this.started.push(worker);
    this.alive.add(worker);
    this.mostAlive = Math.max(this.mostAlive, this.alive.size);
    return worker;
  }

  /** Workers that run something. */
  get busy(): FakeWorker[] {
    return [...this.alive].filter((worker) => worker.invocation !== undefined);
  }

  close(): Promise<void> {
    if (this.alive.size > 0) return Promise.reject(new Error("closed before its workers"));
    this.closes++;
    return Promise.resolve();
  }
}

const NO_HOST: HostPort = {
  call: () => Promise.reject(new Error("no host")),
  log: () => {},
};

/** An invocation of no interest. */
export function invocation(changes: Partial<Invocation> = {}): Invocation {
  return {
    target: { kind: "export", name: "run" },
    input: new Uint8Array(),
    organizationId: "org-a",
    timeoutMs: 10_000,
    host: NO_HOST,
    ...changes,
  };
}

/** How a promise went: `ok`, or the code of its failure. */
export async function outcome(promise: Promise<unknown>): Promise<string> {
  try {
    await promise;
    return "ok";
  } catch (thrown) {
    if (thrown instanceof Error && "code" in thrown) return String(thrown.code);
    throw thrown;
  }
}

/**
 * The handle of one guest worker on the main thread: a thread behind walls, one module, one invocation
 * at a time. Answers host calls through the invocation's port; keeps every promise of `worker_port.ts`
 * even when the thread never says a word again.
 *
 * @module
 */

import type { KernelError } from "../base/error.ts";
import { sandboxError } from "./errors.ts";
import { type FromWorker, type ToWorker, TRANSFER_BYTES } from "./guest/protocol.ts";
import { RunningInvocation } from "./running_invocation.ts";
import type { Invocation, InvocationResult, LoadedModule } from "./sandbox.ts";
import type { WatchdogLink, WatchSlot } from "./watchdog.ts";
import { readMessage } from "./worker_messages.ts";
import type { GuestWorker } from "./worker_port.ts";

/** Bounds of a worker's life. */
export interface WorkerLimits {
  /** For the walls to be proven, in milliseconds. */
  readonly startMs: number;
  /** For a module to be linked, in milliseconds. */
  readonly loadMs: number;
  /** For start functions while no invocation runs, in milliseconds. */
  readonly prepareMs: number;
  /** How long a stopped thread may take to say why, in milliseconds. */
  readonly graceMs: number;
}

/** A worker's handle. */
export class WorkerHandle implements GuestWorker {
  readonly ended: Promise<void>;
  readonly #worker: Worker;
  readonly #slot: WatchSlot;
  readonly #limits: WorkerLimits;
  readonly #end = Promise.withResolvers<void>();
  #hasEnded = false;
  #isSpent = false;
  #uses = 0;
  #memoryBytes = 0;
  #organizationId: string | undefined;
  #running: RunningInvocation | undefined;
  #step: PromiseWithResolvers<FromWorker> | undefined;
  #alarm: ReturnType<typeof setTimeout> | undefined;
  #alarmAtMs = Infinity;

  /** @param worker started, with walls. @param slot of the watchdog. @param limits of its life. */
  constructor(worker: Worker, slot: WatchSlot, limits: WorkerLimits) {
    this.#worker = worker;
    this.#slot = slot;
    this.#limits = limits;
    this.ended = this.#end.promise;
    worker.onmessage = (event: MessageEvent<unknown>) => this.#receive(event.data);
    worker.onmessageerror = () => this.#fail("it sent what cannot be read");
    worker.onerror = (event) => {
      event.preventDefault();
      this.#fail(event.message);
    };
  }

  /** See {@link GuestWorker}. */
  get isUsable(): boolean {
    return !this.#isSpent && !this.#slot.isStopped;
  }

  /** See {@link GuestWorker}. */
  get organizationId(): string | undefined {
    return this.#organizationId;
  }

  /** See {@link GuestWorker}. */
  get uses(): number {
    return this.#uses;
  }

  /** See {@link GuestWorker}. */
  get memoryBytes(): number {
    return this.#memoryBytes;
  }

  /**
   * Makes the worker prove its walls.
   *
   * @param link to the watchdog, for the worker.
   * @throws {KernelError} sandbox.worker_failed
   */
  async prove({ port, bell }: WatchdogLink): Promise<void> {
    const init: ToWorker = { t: "init", stop: this.#slot.stop, watchdog: port, bell };
    const answer = await this.#exchange(init, this.#limits.startMs, [port]);
    if (answer.t === "ready" && answer.breaches.length === 0) return;
    const breaches = answer.t === "ready" ? answer.breaches : [answer.t];
    this.#finish();
    throw sandboxError(
      "sandbox.worker_failed",
      "A guest worker is not walled in; nothing was run in it.",
      { details: { breaches } },
    );
  }

  /** See {@link GuestWorker}. */
  async load(loaded: LoadedModule): Promise<void> {
    const { module, abi, startFunctions, imports, interrupt, memoryLimitBytes, restorable } =
      loaded;
    const message: ToWorker = {
      t: "load",
      module,
      abi,
      startFunctions,
      imports,
      interrupt,
      memoryLimitBytes,
      restorable,
      prepareMs: this.#limits.prepareMs,
    };
    const answer = await this.#exchange(message, this.#limits.loadMs);
    if (answer.t === "loaded") {
      this.#memoryBytes = answer.memoryBytes;
      return;
    }
    this.#finish();
    throw loadFailure(answer, this.#limits.prepareMs);
  }

  /** See {@link GuestWorker}. */
  invoke(invocation: Invocation): Promise<InvocationResult> {
    try {
      return this.#begin(invocation).result;
    } catch (thrown) {
      return Promise.reject(thrown);
    }
  }

  #begin(invocation: Invocation): RunningInvocation {
    if (!this.isUsable || this.#hasEnded) throw closed();
    if (this.#running !== undefined) throw new Error("a worker runs one invocation at a time");
    const message = RunningInvocation.message(this.#uses + 1, invocation);
    this.#uses += 1;
    const running = new RunningInvocation(this.#uses, invocation, {
      reply: (reply, bytes) => this.#post(reply, bytes),
      stop: () => this.#stopGuest(),
    });
    this.#running = running;
    this.#organizationId = invocation.organizationId;
    this.#slot.begin(running.deadlineMs);
    this.#setAlarm(running.deadlineMs);
    this.#post(message, message.input);
    return running;
  }

  /** See {@link GuestWorker}. */
  stop(reason: "killed" | "cancelled"): void {
    this.#running?.stop(reason);
  }

  /** See {@link GuestWorker}. */
  close(): Promise<void> {
    this.#isSpent = true;
    // What runs is stopped by the epoch first: terminating a busy thread leaves it running.
    if (this.#running === undefined) this.#finish();
    else this.#running.stop("killed");
    return this.ended;
  }

  /** Sends and waits for one answer. */
  async #exchange(
    message: ToWorker,
    timeoutMs: number,
    transfer: Transferable[] = [],
  ): Promise<FromWorker> {
    if (this.#hasEnded || this.#step !== undefined) throw closed();
    const step = Promise.withResolvers<FromWorker>();
    this.#step = step;
    const timer = setTimeout(
      () => this.#fail(`it did not answer within ${timeoutMs} ms`),
      timeoutMs,
    );
    try {
      this.#worker.postMessage(message, transfer);
      return await step.promise;
    } finally {
      clearTimeout(timer);
      this.#step = undefined;
    }
  }

  #post(message: ToWorker, bytes?: Uint8Array): void {
    if (bytes === undefined || bytes.length < TRANSFER_BYTES) this.#worker.postMessage(message);
    else this.#worker.postMessage(message, [bytes.buffer as ArrayBuffer]);
  }

  #receive(data: unknown): void {
    if (this.#hasEnded) return;
    const message = readMessage(data);
    if (message === undefined) return this.#fail("it broke the protocol");
    const running = this.#running;
    if ("lines" in message || "dropped" in message) running?.log(message);
    if (message.t === "call" && running !== undefined) return running.answer(message);
    if (message.t === "failed" && message.id === 0 && this.#step === undefined) {
      return this.#fail(message.message);
    }
    if (message.t === "done" || (message.t === "failed" && message.id !== 0)) {
      if (running?.id !== message.id) return this.#fail("it answered what was not asked");
      return this.#settle(running, message);
    }
    if (this.#step === undefined || message.t === "call") {
      return this.#fail("it broke the protocol");
    }
    this.#step.resolve(message);
  }

  #settle(
    running: RunningInvocation,
    message: Extract<FromWorker, { t: "done" | "failed" }>,
  ): void {
    this.#running = undefined;
    this.#memoryBytes = message.memoryBytes;
    this.#organizationId = message.t === "done" ? message.keptFor : this.#organizationId;
    const wasRunning = this.#slot.finish();
    const isSpent = !wasRunning || (message.t === "failed" && message.spent);
    if (isSpent) this.#finish();
    running.settle(message);
  }

  /** One timer for all invocations: most end long before it rings, and it is then set on. */
  #setAlarm(atMs: number): void {
    if (this.#alarmAtMs <= atMs) return;
    clearTimeout(this.#alarm);
    this.#alarmAtMs = atMs;
    this.#alarm = setTimeout(() => this.#ring(), Math.max(0, atMs - performance.now()));
  }

  #ring(): void {
    this.#alarmAtMs = Infinity;
    const running = this.#running;
    if (running === undefined) return;
    const leftMs = running.deadlineMs - performance.now();
    if (leftMs > 0) return this.#setAlarm(running.deadlineMs);
    running.expire();
    this.#stopGuest();
  }

  /** Stops the thread, and waits a little for what it has to say about that. */
  #stopGuest(): void {
    this.#isSpent = true;
    this.#slot.stopNow();
    clearTimeout(this.#alarm);
    this.#alarmAtMs = -Infinity;
    this.#alarm = setTimeout(() => this.#fail("it did not stop in time"), this.#limits.graceMs);
  }

  #fail(why: string): void {
    const error = workerFailed(why);
    this.#finish();
    this.#step?.reject(error);
    this.#running?.fail(error);
    this.#running = undefined;
  }

  /** Ends the thread: it is idle, or has been stopped. */
  #finish(): void {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    this.#isSpent = true;
    clearTimeout(this.#alarm);
    this.#slot.stopNow();
    this.#worker.terminate();
    this.#slot.release();
    this.#end.resolve();
  }
}

function loadFailure(answer: FromWorker, prepareMs: number): KernelError {
  if (answer.t !== "failed") return workerFailed(`it answered "${answer.t}" to a module`);
  const isLate = answer.code === "stopped" || answer.code === "timeout";
  const message = isLate ? `its start takes more than ${prepareMs} ms` : answer.message;
  return sandboxError(
    "sandbox.instantiation_failed",
    `The module could not be started: ${message}`,
    {
      details: {
        reason: isLate ? "start_timeout" : answer.reason ?? "link",
        message: answer.guestMessage ?? message,
      },
      cause: { stack: answer.stack ?? "", guestMessage: answer.guestMessage },
    },
  );
}

function closed(): KernelError {
  return sandboxError("sandbox.closed", "The worker has ended.");
}

function workerFailed(why: string): KernelError {
  return sandboxError("sandbox.worker_failed", `A guest worker failed: ${why}.`);
}

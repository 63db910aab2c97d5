/**
 * One invocation while it runs in a worker: its deadline, its host calls, its end. Settles once; what
 * the worker says afterwards is heard for its log lines only.
 *
 * @module
 */

import { KernelError } from "../base/error.ts";
import { type SandboxCode, sandboxError } from "./errors.ts";
import {
  type CallMessage,
  type DoneMessage,
  type FailedMessage,
  type InvokeMessage,
  type LogPart,
  MAX_INPUT_BYTES,
  MAX_NAME_BYTES,
  type ReplyMessage,
  TRANSFER_BYTES,
} from "./guest/protocol.ts";
import { MAX_TIMEOUT_MS } from "./limits.ts";
import type { GuestLogLine, HostReply, Invocation, InvocationResult } from "./sandbox.ts";

/** What a running invocation needs of its worker. */
export interface WorkerSide {
  /** Sends an answer; its bytes, when there are many, are handed over. */
  reply(message: ReplyMessage, bytes?: Uint8Array): void;
  /** Stops the guest. */
  stop(): void;
}

const LEVELS = ["debug", "info", "warn", "error"] as const;

/** An invocation in a worker. */
export class RunningInvocation {
  /** `performance.now()` at which it ends. */
  readonly deadlineMs: number;
  /** Settles when it has ended, at the latest when it is told to expire. */
  readonly result: Promise<InvocationResult>;
  readonly #invocation: Invocation;
  readonly #side: WorkerSide;
  readonly #startedMs = performance.now();
  readonly #outcome = Promise.withResolvers<InvocationResult>();
  readonly #onAbort = () => this.stop("cancelled");
  #controller: AbortController | undefined;
  #stopReason: "killed" | "cancelled" | undefined;
  #hostFailure: { readonly thrown: unknown } | undefined;
  #hasSettled = false;

  /** @param id of the messages. @param invocation what runs. @param side its worker. */
  constructor(readonly id: number, invocation: Invocation, side: WorkerSide) {
    this.#invocation = invocation;
    this.#side = side;
    this.result = this.#outcome.promise;
    this.deadlineMs = this.#startedMs + invocation.timeoutMs;
    invocation.signal?.addEventListener("abort", this.#onAbort, { once: true });
  }

  /**
   * Checks an invocation and makes the worker's message of it.
   *
   * @param id of the messages.
   * @param invocation what to run.
   * @returns the message, with an input that nobody else holds where it is large.
   * @throws {KernelError} sandbox.timeout, sandbox.cancelled, sandbox.payload_too_large,
   *   sandbox.bad_payload
   */
  static message(id: number, invocation: Invocation): InvokeMessage {
    const { target, input, organizationId, timeoutMs, fuel, signal } = invocation;
    if (signal?.aborted === true) throw cancelled();
    if (!(timeoutMs > 0)) throw timedOut();
    if (timeoutMs > MAX_TIMEOUT_MS) throw new RangeError("timeoutMs is over an hour");
    const cap = MAX_INPUT_BYTES[target.kind === "export" ? "metacore/1" : "gonext/1"];
    if (input.length > cap) {
      throw sandboxError(
        "sandbox.payload_too_large",
        `The input has ${input.length} bytes; ${cap} are allowed.`,
      );
    }
    if (!isNameLength(target.name)) {
      throw sandboxError(
        "sandbox.bad_payload",
        `The name of a target has 1 to ${MAX_NAME_BYTES} bytes.`,
      );
    }
    return {
      t: "invoke",
      id,
      kind: target.kind,
      name: target.name,
      input: ownBytes(input),
      organizationId,
      timeoutMs,
      // What is not there is not sent: every name costs.
      ...(fuel === undefined ? {} : { fuel }),
    };
  }

  /** Hands log lines on. */
  log(part: LogPart): void {
    if (part.lines === undefined && part.dropped === undefined) return;
    const lines = (part.lines ?? []).map(([level, text]): GuestLogLine => ({
      level: LEVELS[level] ?? "info",
      text,
    }));
    try {
      this.#invocation.host.log(lines, part.dropped ?? 0);
    } catch {
      // Lost log lines are no reason to fail an invocation.
    }
  }

  /** Answers a host call, as long as the invocation runs. */
  answer(message: CallMessage): void {
    if (this.#hasSettled) return;
    this.#controller ??= new AbortController();
    const call = {
      name: message.name,
      arguments: message.args,
      deadlineMs: this.deadlineMs,
      signal: this.#controller.signal,
    };
    const answered = (async () => toReply(message.id, await this.#invocation.host.call(call)))();
    answered.then((reply) => this.#reply(reply), (thrown) => {
      this.#hostFailure ??= { thrown };
      this.#reply({ t: "reply", id: message.id, failed: true });
    });
  }

  /** Ends it with what the worker says. */
  settle(message: DoneMessage | FailedMessage): void {
    if (message.t === "failed") return this.fail(this.#errorOf(message));
    if (!this.#close()) return;
    this.#outcome.resolve({
      output: message.output,
      durationMs: performance.now() - this.#startedMs,
      waitedMs: 0,
      memoryBytes: message.memoryBytes,
      ...(message.fuelUsed === undefined ? {} : { fuelUsed: message.fuelUsed }),
    });
  }

  /** Ends it with a failure. */
  fail(error: unknown): void {
    if (!this.#close()) return;
    this.#controller?.abort();
    this.#outcome.reject(error);
  }

  /** Ends it because its time is up, whether the worker has noticed or not. */
  expire(): void {
    this.fail(this.#stopError());
  }

  /** Stops it: the caller hears of it at once, the guest is stopped meanwhile. */
  stop(reason: "killed" | "cancelled"): void {
    this.#stopReason ??= reason;
    this.#side.stop();
    this.fail(this.#stopError());
  }

  #reply(reply: ReplyMessage): void {
    if (!this.#hasSettled) this.#side.reply(reply, reply.bytes);
  }

  /** @returns false when it has ended before */
  #close(): boolean {
    if (this.#hasSettled) return false;
    this.#hasSettled = true;
    this.#invocation.signal?.removeEventListener("abort", this.#onAbort);
    return true;
  }

  #stopError(): KernelError {
    if (this.#stopReason === "cancelled") return cancelled();
    if (this.#stopReason === "killed") {
      return sandboxError("sandbox.killed", "The invocation was stopped by an operator.");
    }
    return timedOut(this.#invocation.timeoutMs);
  }

  #errorOf(message: FailedMessage): unknown {
    if (message.code === "stopped" || message.code === "timeout") return this.#stopError();
    const thrown = this.#hostFailure?.thrown;
    // A host function that refuses says so in its own words.
    if (message.reason === "host_failure" && thrown instanceof KernelError) return thrown;
    const code: SandboxCode = `sandbox.${message.code}`;
    const { reason, guestMessage, stack } = message;
    return sandboxError(code, textOf(message), {
      details: { reason: reason ?? message.code, message: guestMessage ?? message.message },
      cause: { stack: stack ?? "", guestMessage, ...(thrown === undefined ? {} : { thrown }) },
    });
  }
}

function textOf({ code, message, reason, guestMessage }: FailedMessage): string {
  if (code === "trap") return `The guest stopped (${reason}): ${guestMessage ?? message}`;
  return `The guest failed: ${message}`;
}

function toReply(id: number, reply: HostReply): ReplyMessage {
  if ("bytes" in reply) return { t: "reply", id, bytes: ownBytes(reply.bytes) };
  if (!("status" in reply)) return { t: "reply", id };
  const { status } = reply;
  if (typeof status === "number" && !Number.isInteger(status)) {
    throw new RangeError("a host function answered with a status that is no whole number");
  }
  return { t: "reply", id, status };
}

function isNameLength(name: string): boolean {
  // A UTF-16 unit is at most three bytes: short names need not be encoded to be measured.
  if (name.length * 3 <= MAX_NAME_BYTES) return name.length > 0;
  return new TextEncoder().encode(name).length <= MAX_NAME_BYTES;
}

/** Bytes that may be handed to another thread: the caller keeps its own. */
function ownBytes(bytes: Uint8Array): Uint8Array {
  const isWhole = bytes.byteLength === bytes.buffer.byteLength;
  return bytes.length < TRANSFER_BYTES && isWhole ? bytes : bytes.slice();
}

function cancelled(): KernelError {
  return sandboxError("sandbox.cancelled", "The caller gave up.");
}

function timedOut(timeoutMs?: number): KernelError {
  return sandboxError("sandbox.timeout", "The guest did not finish in time.", {
    details: timeoutMs === undefined ? {} : { timeoutMs },
  });
}

/**
 * Outbound requests of addons from end to end: gate, quota, worker, redirects, one deadline over all
 * of it. Both walls are elsewhere: `gate.ts` and `egress_worker.ts`.
 *
 * @module
 */

import type { Clock } from "../base/clock.ts";
import { KernelError } from "../base/error.ts";
import { hostOf } from "../base/host_pattern.ts";
import type { AuditSink } from "../telemetry/audit.ts";
import type { Logger } from "../telemetry/log.ts";
import type { Metrics } from "../telemetry/metrics.ts";
import type { Egress, EgressRequest, EgressResponse } from "./egress.ts";
import { type AddressPolicy, createAddressPolicy } from "./address_policy.ts";
import { isNotConnected, type WorkerAnswer } from "./egress_worker.ts";
import { badRequest, cancelled, timedOut, transport } from "./errors.ts";
import { createGate, type EgressPolicy, type Gate, readUrl, type Route } from "./gate.ts";
import { requestHeaders, responseHeaders } from "./headers.ts";
import { DEFAULT_EGRESS_LIMITS, type EgressLimits, EgressQuota } from "./quota.ts";
import { type Hop, readMethod, redirected } from "./redirect.ts";
import { EgressRecorder } from "./recorder.ts";
import { type Resolve, systemResolver } from "./resolver.ts";
import { WorkerPool } from "./worker_pool.ts";
import { workerRequest } from "./worker_request.ts";

/** How outbound HTTP is made. */
export interface EgressOptions {
  /** Hosts that addons may reach at all. */
  readonly policy: EgressPolicy;
  /** Addresses that may be reached though they are not public, see `address_policy.ts`. */
  readonly privateAddresses?: readonly string[];
  /** Finds the addresses of a name. @default the system's resolver */
  readonly resolve?: Resolve;
  readonly limits?: Partial<EgressLimits>;
  /** How long a worker without work is kept, in milliseconds. @default 30,000 */
  readonly idleWorkerMs?: number;
  /** Workers without work kept at most. @default 8 */
  readonly maxIdleWorkers?: number;
  /** Certificate authorities in PEM, in place of the ones that Deno brings. @default none */
  readonly certificates?: readonly string[];
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly audit: AuditSink;
}

const DEFAULT_REDIRECTS = 3;
const MAX_REDIRECTS = 10;
const MAX_TIMEOUT_MS = 300_000;
const MAX_RESPONSE_BYTES = 64 * 1024 * 1024;
const MAX_REQUEST_BYTES = 16 * 1024 * 1024;
/** Addresses of one name that are tried, one after the other. */
const MAX_TRIED = 3;

/**
 * Makes outbound HTTP.
 *
 * @param options the operator's settings, and where figures and records go.
 * @returns the service.
 * @throws {KernelError} egress.misconfigured — a host or an address cannot be understood.
 */
export function createEgress(options: EgressOptions): Egress {
  return createEgressBehind(options, {});
}

/** The two walls. */
export interface EgressWalls {
  readonly gate: Gate;
  /** Which addresses there may be workers for. */
  readonly workers: AddressPolicy;
}

/**
 * The same with other walls: tests take one away by it to see the other one hold.
 *
 * @param options as for {@link createEgress}.
 * @param walls those that are not to be made of the options.
 * @returns the service.
 */
export function createEgressBehind(options: EgressOptions, walls: Partial<EgressWalls>): Egress {
  const { policy, privateAddresses = [], resolve = systemResolver() } = options;
  return new GatedEgress(options, {
    gate: walls.gate ?? createGate({ policy, privateAddresses, resolve }),
    workers: walls.workers ?? createAddressPolicy(privateAddresses),
  });
}

class GatedEgress implements Egress {
  readonly #gate: Gate;
  readonly #quota: EgressQuota;
  readonly #pool: WorkerPool;
  readonly #recorder: EgressRecorder;
  readonly #running = new Set<AbortController>();
  #isClosed = false;

  constructor(options: EgressOptions, walls: EgressWalls) {
    this.#gate = walls.gate;
    this.#quota = new EgressQuota({ ...DEFAULT_EGRESS_LIMITS, ...options.limits }, options.clock);
    this.#recorder = new EgressRecorder(options);
    this.#pool = new WorkerPool({
      idleMs: options.idleWorkerMs ?? 30_000,
      maxIdle: options.maxIdleWorkers ?? 8,
      certificates: options.certificates ?? [],
      policy: walls.workers,
      onCount: (workers) => this.#recorder.workers(workers),
    });
  }

  async fetch(request: EgressRequest): Promise<EgressResponse> {
    const startedMs = performance.now();
    try {
      const response = await this.#bounded(request);
      this.#recorder.ended(request, performance.now() - startedMs);
      return response;
    } catch (error) {
      this.#recorder.ended(request, performance.now() - startedMs, error);
      throw error;
    }
  }

  close(): Promise<void> {
    this.#isClosed = true;
    for (const stop of this.#running) stop.abort(stopping());
    this.#pool.close();
    this.#recorder.close();
    return Promise.resolve();
  }

  /** One deadline and one signal over everything that a request waits for. */
  async #bounded(request: EgressRequest): Promise<EgressResponse> {
    if (this.#isClosed) throw stopping();
    if (request.signal?.aborted) throw cancelled();
    const { timeoutMs } = request;
    if (!(timeoutMs > 0)) throw timedOut();
    const hop = firstHop(request);
    this.#gate.admitHost(hop.url, request.isAllowed);
    const leave = this.#quota.enter(request);
    const stop = new AbortController();
    const timer = setTimeout(() => stop.abort(timedOut()), Math.min(timeoutMs, MAX_TIMEOUT_MS));
    const cancel = () => stop.abort(cancelled());
    request.signal?.addEventListener("abort", cancel, { once: true });
    this.#running.add(stop);
    try {
      return await this.#follow(request, hop, {
        signal: stop.signal,
        endsMs: performance.now() + Math.min(timeoutMs, MAX_TIMEOUT_MS),
      });
    } finally {
      clearTimeout(timer);
      request.signal?.removeEventListener("abort", cancel);
      this.#running.delete(stop);
      leave();
    }
  }

  async #follow(request: EgressRequest, first: Hop, bounds: Bounds): Promise<EgressResponse> {
    const most = Math.min(request.maxRedirects ?? DEFAULT_REDIRECTS, MAX_REDIRECTS);
    let hop = first;
    for (let redirects = 0;; redirects++) {
      const route = await unlessStopped(this.#gate.route(hop.url), bounds.signal);
      const answer = await this.#send(request, hop, route, bounds);
      const headers = responseHeaders(answer.headers);
      // Whoever asked for no redirects at all looks at them itself.
      const next = most > 0 ? redirected(hop, answer.status, headers) : undefined;
      if (next === undefined) return { ...answer, headers };
      if (redirects >= most) throw transport("EREDIRECT", `More than ${most} redirects`);
      this.#gate.admitHost(next.url, request.isAllowed);
      hop = next;
    }
  }

  /** Another address is tried only where the one before could not be connected to. */
  async #send(
    request: EgressRequest,
    hop: Hop,
    route: Route,
    bounds: Bounds,
  ): Promise<WorkerAnswer> {
    const tried = route.addresses.slice(0, MAX_TRIED);
    for (const [at, address] of tried.entries()) {
      const others = tried.length - at;
      try {
        return await this.#sendTo(request, { hop, route, address, others }, bounds);
      } catch (error) {
        const reason = error instanceof KernelError ? error.details?.["reason"] : undefined;
        if (others === 1 || !isNotConnected(reason)) throw error;
      }
    }
    throw transport("ENOTFOUND", "The host's name leads to no address");
  }

  async #sendTo(
    request: EgressRequest,
    { hop, route, address, others }: {
      readonly hop: Hop;
      readonly route: Route;
      readonly address: string;
      readonly others: number;
    },
    { signal, endsMs }: Bounds,
  ): Promise<WorkerAnswer> {
    const lease = this.#pool.lend(request.addonKey, { address, port: route.port });
    try {
      await unlessStopped(lease.worker.ready, signal);
      const leftMs = Math.max(1, endsMs - performance.now());
      const order = workerRequest(request, hop, route, {
        timeoutMs: leftMs,
        connectMs: leftMs / others,
        maxBytes: Math.min(request.maxResponseBytes, MAX_RESPONSE_BYTES),
      });
      return await lease.worker.perform(order, signal);
    } finally {
      lease.release();
    }
  }
}

interface Bounds {
  readonly signal: AbortSignal;
  /** By `performance.now()`. */
  readonly endsMs: number;
}

function stopping(): KernelError {
  return transport("ECLOSED", "The server is stopping");
}

function firstHop(request: EgressRequest): Hop {
  const { body } = request;
  if ((body?.length ?? 0) > MAX_REQUEST_BYTES) throw badRequest("The body is too large");
  const url = readUrl(request.url);
  if (hostOf(url) === "") throw badRequest("The URL has no host");
  return {
    method: readMethod(request.method),
    url,
    headers: requestHeaders(request.headers),
    body,
  };
}

/** Waits no longer than the signal allows, whatever becomes of the work. */
function unlessStopped<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  const { promise, reject, resolve } = Promise.withResolvers<T>();
  const stop = () => reject(signal.reason);
  if (signal.aborted) stop();
  signal.addEventListener("abort", stop, { once: true });
  work.then(resolve, reject);
  return promise.finally(() => signal.removeEventListener("abort", stop));
}

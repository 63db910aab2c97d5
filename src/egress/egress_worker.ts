/**
 * The second wall: a worker whose only permission is one address and port. It performs the requests
 * of one addon to that address, several at a time.
 *
 * @module
 */

import type { AddressPolicy } from "./address_policy.ts";
import { forbidden, noServerPermission, timedOut, transport } from "./errors.ts";
import type { HeaderList } from "./headers.ts";
import { WORKER_SOURCE } from "./worker_source.ts";

/** The address that was checked. */
export interface PinnedAddress {
  /** Without brackets. */
  readonly address: string;
  readonly port: number;
}

/** A request as the worker performs it. */
export interface WorkerRequest {
  readonly secure: boolean;
  /** Names the certificate; an address where the URL has one. */
  readonly hostname: string;
  readonly isName: boolean;
  readonly path: string;
  readonly method: string;
  /** By name in lower case; several values of one name as a list. */
  readonly headers: Readonly<Record<string, string | readonly string[]>>;
  readonly body: Uint8Array | undefined;
  readonly maxBytes: number;
  readonly maxHeaderBytes: number;
  /** Until the connection stands, in milliseconds. */
  readonly connectMs: number;
  /** Until the answer is whole, in milliseconds. */
  readonly timeoutMs: number;
}

/** What all workers have in common. */
export interface EgressWorkerSettings {
  /** Certificate authorities in place of the ones that Deno brings, PEM. */
  readonly certificates: readonly string[];
  readonly policy: AddressPolicy;
}

/** What came back. */
export interface WorkerAnswer {
  readonly status: number;
  readonly headers: HeaderList;
  readonly body: Uint8Array;
  readonly truncated: boolean;
}

/** What the worker says; see `worker_source.ts`. */
interface WorkerMessage {
  readonly ready?: true;
  readonly wall?: string;
  readonly id?: number;
  readonly answer?: WorkerAnswer;
  readonly failure?: { readonly code: string; readonly text: string };
}

/** How long a worker may take to say that a request has been aborted, before it is ended. */
const ABORT_MS = 2_000;
/** How long a worker may take to start and prove its walls. */
const START_MS = 10_000;
/** Failures after which nothing has reached the host yet. */
const NOT_CONNECTED: ReadonlySet<string> = new Set([
  "ECONNREFUSED",
  "EHOSTUNREACH",
  "ENETUNREACH",
  "EADDRNOTAVAIL",
  "ECONNECTTIMEOUT",
]);

/** Whether a failure means that no connection was made, so that another address may be tried. */
export function isNotConnected(reason: unknown): boolean {
  return typeof reason === "string" && NOT_CONNECTED.has(reason);
}

/**
 * The permissions of a worker, made here and nowhere else: absent, null or undefined would mean
 * everything that the server itself may do.
 *
 * @param pinned the one address.
 * @param policy asked once more: this wall does not rely on the gate having asked.
 * @returns network access to it, and nothing else.
 * @throws {KernelError} egress.forbidden — no worker may be made for that address.
 */
export function workerPermissions(
  pinned: PinnedAddress,
  policy: AddressPolicy,
): Deno.PermissionOptionsObject {
  if (!policy.admits(pinned.address, pinned.port)) {
    throw forbidden("address", "No worker may connect to that address");
  }
  const host = pinned.address.includes(":") ? `[${pinned.address}]` : pinned.address;
  return {
    net: [`${host}:${pinned.port}`],
    read: false,
    write: false,
    env: false,
    run: false,
    ffi: false,
    sys: false,
    import: false,
  };
}

interface Pending {
  readonly resolve: (answer: WorkerAnswer) => void;
  readonly reject: (reason: unknown) => void;
}

/** One worker. */
export class EgressWorker {
  readonly #worker: Worker;
  readonly #pending = new Map<number, Pending>();
  /** Requests that were given up, until the worker says that it has dropped them. */
  readonly #aborting = new Map<number, ReturnType<typeof setTimeout>>();
  readonly #ready = Promise.withResolvers<void>();
  #nextId = 1;
  #isEnded = false;

  /**
   * Starts a worker.
   *
   * @param pinned the address it may reach.
   * @param settings whom to trust, and which addresses there may be workers for.
   * @throws {KernelError} egress.forbidden — the address is not public, or the server itself may not
   *   reach it.
   */
  constructor(pinned: PinnedAddress, { certificates, policy }: EgressWorkerSettings) {
    this.#worker = startWorker(pinned, policy);
    this.#worker.onmessage = ({ data }: MessageEvent<WorkerMessage>) => this.#take(data);
    this.#worker.onerror = (event) => {
      // Without this the error would end the server.
      event.preventDefault();
      this.#end(errorOfWorker(event.message));
    };
    const family = pinned.address.includes(":") ? 6 : 4;
    this.#worker.postMessage({ ...pinned, family, certificates });
    const timer = setTimeout(() => this.#end(transport("ESTART", "No worker started")), START_MS);
    this.#ready.promise.then(() => clearTimeout(timer), () => clearTimeout(timer));
  }

  /** Whether it takes requests. */
  get isUsable(): boolean {
    return !this.#isEnded;
  }

  /**
   * Settles when the worker has proven its walls.
   *
   * @throws {KernelError} egress.transport — it has not, and is gone.
   */
  get ready(): Promise<void> {
    return this.#ready.promise;
  }

  /**
   * Performs a request.
   *
   * @param request what is sent; the body's memory stays with the caller.
   * @param signal gives the request up when it aborts.
   * @returns the answer.
   * @throws {KernelError} egress.transport, egress.timeout, egress.forbidden
   */
  perform(request: WorkerRequest, signal: AbortSignal): Promise<WorkerAnswer> {
    const id = this.#nextId++;
    const { promise, resolve, reject } = Promise.withResolvers<WorkerAnswer>();
    if (this.#isEnded) return Promise.reject(transport("EWORKER", "The worker has ended"));
    this.#pending.set(id, { resolve, reject });
    const abort = () => this.#abort(id, signal.reason);
    signal.addEventListener("abort", abort, { once: true });
    this.#worker.postMessage({ id, ...request });
    return promise.finally(() => signal.removeEventListener("abort", abort));
  }

  /** Ends the worker; what it was doing fails. */
  close(): void {
    this.#end(transport("ECLOSED", "The server is stopping"));
  }

  #take(message: WorkerMessage): void {
    if (message.ready === true) return this.#ready.resolve();
    if (message.wall !== undefined) {
      return this.#end(transport("EWALL", `The worker is not walled in: ${message.wall}`));
    }
    const id = message.id ?? 0;
    clearTimeout(this.#aborting.get(id));
    this.#aborting.delete(id);
    const pending = this.#pending.get(id);
    this.#pending.delete(id);
    if (message.answer !== undefined) pending?.resolve(message.answer);
    else pending?.reject(failureOf(message.failure?.code ?? "EUNKNOWN", message.failure?.text));
  }

  /** The caller has its answer at once; a worker that does not let go is ended. */
  #abort(id: number, reason: unknown): void {
    const pending = this.#pending.get(id);
    if (pending === undefined) return;
    this.#pending.delete(id);
    pending.reject(reason);
    if (this.#isEnded) return;
    this.#worker.postMessage({ abort: id });
    const stuck = () => this.#end(transport("EWORKER", "A worker did not let go of a request"));
    this.#aborting.set(id, setTimeout(stuck, ABORT_MS));
  }

  #end(reason: unknown): void {
    if (this.#isEnded) return;
    this.#isEnded = true;
    this.#worker.terminate();
    this.#ready.reject(reason);
    for (const timer of this.#aborting.values()) clearTimeout(timer);
    this.#aborting.clear();
    for (const { reject } of this.#pending.values()) reject(reason);
    this.#pending.clear();
  }
}

function startWorker(pinned: PinnedAddress, policy: AddressPolicy): Worker {
  const permissions = workerPermissions(pinned, policy);
  const url = `data:text/javascript,${encodeURIComponent(WORKER_SOURCE)}`;
  try {
    return new Worker(url, {
      type: "module",
      name: "egress",
      deno: { permissions },
    });
  } catch (error) {
    if (error instanceof Deno.errors.NotCapable) throw noServerPermission();
    throw error;
  }
}

/** The second wall speaks through an error that nobody in the worker caught. */
function errorOfWorker(message: string): unknown {
  return message.includes("NotCapable") ? notCapable() : transport("EWORKER", "The worker failed");
}

function notCapable(): unknown {
  return forbidden("address", "The worker may not connect to that address");
}

function failureOf(code: string, text: string | undefined): unknown {
  if (code === "NotCapable") return notCapable();
  if (code === "ETIMEDOUT") return timedOut();
  if (isNotConnected(code)) return transport(code, "No connection to the host could be made");
  if (code === "HPE_HEADER_OVERFLOW") return transport(code, "The host's header is too large");
  if (code.startsWith("HPE_")) return transport(code, "The host does not speak HTTP");
  if (code === "EUPGRADE") return transport(code, "The host asked for another protocol");
  if (/certificate|CERT|TLS|UnknownIssuer|NotValidForName/i.test(`${code} ${text}`)) {
    return transport("ETLS", "No secure connection to the host could be made", text);
  }
  return transport(code, "The connection to the host failed", text);
}

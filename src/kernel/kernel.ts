/**
 * The assembled object that an application embeds or the command line serves.
 *
 * @module
 */

import { KernelError } from "../base/error.ts";
import type { KernelOptions } from "./options.ts";
import { assemble } from "./assemble.ts";
import type { Assembly } from "./assemble.ts";
import type { KernelServices } from "./services.ts";

/** Version of this package. */
export const VERSION = "0.1.0";

/** Where a request came from, as far as the server knows. */
export interface RequestOrigin {
  /** Address of the client, for rate limits and logs. */
  readonly remoteAddress?: string;
}

/** How a kernel stops. */
export interface StopOptions {
  /**
   * After how long addon code is stopped that still runs, in milliseconds; it has 2 s more then, and
   * its callers are told. @default it may use up its own time, 30 s at the most
   */
  readonly codeGraceMs?: number;
}

/** A kernel. */
export interface Kernel {
  /** The services, once started. @throws {KernelError} kernel.not_started */
  readonly services: KernelServices;
  /**
   * Answers a request; any server can host it.
   *
   * @param request a request whose path starts with `/api`, or `/healthz`, `/readyz`.
   * @param origin where it came from.
   * @returns the answer; never rejects.
   */
  fetch(request: Request, origin?: RequestOrigin): Promise<Response>;
  /**
   * Opens the database, applies migrations, audits the roles and keys, loads the models.
   *
   * @throws {KernelError} db.*, kernel.* — one line that says what to do; nothing is left open.
   */
  start(): Promise<void>;
  /**
   * Lets requests and changes of installations in flight finish, then closes everything. Stopping
   * twice is no error.
   *
   * @param options how long addon code may go on.
   */
  stop(options?: StopOptions): Promise<void>;
}

/**
 * Makes a kernel. Nothing is opened before {@link Kernel.start}.
 *
 * @param options see {@link KernelOptions}.
 * @returns the kernel.
 *
 * @example
 * ```ts ignore
 * const kernel = createKernel({ databaseUrl: "sqlite:data/app.db", jwtSecret, masterKey });
 * await kernel.start();
 * Deno.serve((request) => kernel.fetch(request));
 * ```
 */
export function createKernel(options: KernelOptions): Kernel {
  return new AssembledKernel(Object.freeze({ ...options }));
}

/** A change that takes longer is whole all the same; its caller hears that the database is closed. */
const MAX_CHANGE_MS = 30_000;

class AssembledKernel implements Kernel {
  readonly #options: KernelOptions;
  #starting: Promise<Assembly> | undefined;
  #assembly: Assembly | undefined;
  #stopping: Promise<void> | undefined;

  constructor(options: KernelOptions) {
    this.#options = options;
  }

  get services(): KernelServices {
    if (this.#assembly !== undefined) return this.#assembly.services;
    throw new KernelError({
      code: "kernel.not_started",
      kind: "precondition",
      message: "The kernel has not started: await kernel.start() first",
    });
  }

  async start(): Promise<void> {
    this.#starting ??= assemble(this.#options);
    try {
      this.#assembly = await this.#starting;
    } catch (thrown) {
      this.#starting = undefined;
      throw thrown;
    }
  }

  async stop(options: StopOptions = {}): Promise<void> {
    const starting = this.#starting;
    if (starting === undefined) return await this.#stopping;
    this.#starting = undefined;
    this.#stopping = starting.then((assembly) => this.#stop(assembly, options));
    await this.#stopping;
  }

  async #stop(assembly: Assembly, { codeGraceMs }: StopOptions): Promise<void> {
    const { app, plane, database, subscriptions, changes } = assembly;
    const cut = codeGraceMs === undefined
      ? undefined
      : setTimeout(() => void plane.sandbox.close(), codeGraceMs);
    await app.drain();
    await changes.stop(MAX_CHANGE_MS);
    await subscriptions.stop();
    clearTimeout(cut);
    this.#assembly = undefined;
    await plane.close();
    await database.close();
  }

  async fetch(request: Request, origin?: RequestOrigin): Promise<Response> {
    if (this.#assembly !== undefined) return await this.#assembly.app.fetch(request, origin);
    return Response.json(
      { success: false, code: "kernel.not_started", message: "The kernel is not running" },
      { status: 503, headers: { "retry-after": "1" } },
    );
  }
}

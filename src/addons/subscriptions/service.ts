/**
 * Looks for events that addons wait for: when somebody says that there may be some, and now and then for
 * what other processes made. An organization has one run at a time in this process; which process
 * delivers is settled by claims.
 *
 * @module
 */

import type { Clock } from "../../base/clock.ts";
import type { Database } from "../../db/database.ts";
import type { AuditSink } from "../../telemetry/audit.ts";
import type { Logger } from "../../telemetry/log.ts";
import type { InstallationCatalog, OrganizationView } from "../code/installation_catalog.ts";
import { AddonTurn } from "./addon_turn.ts";
import { organizationsDue } from "./cursor_store.ts";
import { Delivery, type DeliveryOptions } from "./delivery.ts";
import { type Subscriber, subscribersOf } from "./subscriber.ts";
import type { Subscriptions } from "./subscriptions.ts";

/** What delivering takes. */
export interface SubscriptionsOptions extends DeliveryOptions {
  readonly database: Database;
  readonly catalog: InstallationCatalog;
  readonly audit: AuditSink;
  readonly logger: Logger;
  readonly clock: Clock;
  /** How often other processes' events are looked for, in milliseconds, 100 or more. @default 5,000 */
  readonly sweepEveryMs?: number;
}

/** Organizations that are served at one time. */
const MAX_RUNS = 8;
/** Organizations that one sweep takes up. */
const MAX_SWEPT = 500;
/** What comes in quick succession is looked for once. */
const POKE_DELAY_MS = 5;

/**
 * Makes the service. Nothing happens by itself before `start`.
 *
 * @param options what delivering takes.
 * @returns the service.
 */
export function createSubscriptions(options: SubscriptionsOptions): Subscriptions {
  return new EventDeliveries(options);
}

type Timer = ReturnType<typeof setTimeout>;

class EventDeliveries implements Subscriptions {
  readonly #options: SubscriptionsOptions;
  readonly #delivery: Delivery;
  readonly #stop = new AbortController();
  /** By the view they were read from: they go when anything is installed or removed. */
  readonly #subscribers = new WeakMap<object, readonly Subscriber[]>();
  readonly #runs = new Map<string, Promise<void>>();
  readonly #waiting = new Set<string>();
  readonly #retries = new Map<string, Timer>();
  #poked: Timer | undefined;
  #sweep: Timer | undefined;
  #sweeping: Promise<void> | undefined;

  constructor(options: SubscriptionsOptions) {
    this.#options = options;
    this.#delivery = new Delivery(options);
  }

  poke(organizationId: string): void {
    if (this.#sweep === undefined || this.#waiting.has(organizationId)) return;
    this.#waiting.add(organizationId);
    this.#poked ??= setTimeout(() => {
      this.#poked = undefined;
      this.#serveWaiting();
    }, POKE_DELAY_MS);
  }

  start(): void {
    if (this.#sweep !== undefined || this.#stop.signal.aborted) return;
    const sweep = setInterval(() => {
      this.#sweeping ??= this.#lookEverywhere().finally(() => this.#sweeping = undefined);
    }, this.#options.sweepEveryMs ?? 5_000);
    Deno.unrefTimer(sweep);
    this.#sweep = sweep;
  }

  async stop(): Promise<void> {
    this.#stop.abort();
    clearInterval(this.#sweep);
    clearTimeout(this.#poked);
    for (const timer of this.#retries.values()) clearTimeout(timer);
    this.#retries.clear();
    this.#waiting.clear();
    this.#sweep = undefined;
    this.#poked = undefined;
    await this.#sweeping;
    await Promise.all(this.#runs.values());
  }

  async drain(organizationId: string): Promise<void> {
    // A run that is under way may have looked before what the caller has in mind happened.
    await this.#runs.get(organizationId);
    await this.#serve(organizationId);
  }

  #serveWaiting(): void {
    for (const organizationId of this.#waiting) {
      if (this.#runs.size >= MAX_RUNS || this.#stop.signal.aborted) return;
      if (this.#runs.has(organizationId)) continue;
      this.#waiting.delete(organizationId);
      this.#serve(organizationId);
    }
  }

  /** Never rejects: what fails is told in the log, and looked at again by the next sweep. */
  #serve(organizationId: string): Promise<void> {
    const standing = this.#runs.get(organizationId);
    if (standing !== undefined) return standing;
    const run = this.#run(organizationId).catch((cause) => {
      if (this.#stop.signal.aborted) return;
      this.#options.logger.error("events of an organization could not be delivered", {
        organization: organizationId,
        cause,
      });
    }).finally(() => {
      this.#runs.delete(organizationId);
      this.#serveWaiting();
    });
    this.#runs.set(organizationId, run);
    return run;
  }

  async #run(organizationId: string): Promise<void> {
    const view = await this.#options.catalog.view(organizationId);
    const subscribers = this.#subscribersOf(view);
    if (subscribers.length === 0) return;
    const turn = { ...this.#options, delivery: this.#delivery, signal: this.#stop.signal };
    const results = await Promise.allSettled(
      subscribers.map((subscriber) => new AddonTurn(turn, subscriber).run()),
    );
    const next = results.flatMap((result) =>
      result.status === "fulfilled" && result.value !== undefined ? [result.value] : []
    );
    if (next.length > 0) this.#again(organizationId, Math.min(...next));
    const failed = results.find((result) => result.status === "rejected");
    if (failed !== undefined) throw failed.reason;
  }

  #subscribersOf(view: OrganizationView): readonly Subscriber[] {
    let subscribers = this.#subscribers.get(view.snapshot);
    if (subscribers === undefined) {
      subscribers = subscribersOf(view);
      this.#subscribers.set(view.snapshot, subscribers);
    }
    return subscribers;
  }

  #again(organizationId: string, atMs: number): void {
    if (this.#sweep === undefined || this.#retries.has(organizationId)) return;
    const wait = Math.max(atMs - this.#options.clock.nowMs(), POKE_DELAY_MS);
    const timer = setTimeout(() => {
      this.#retries.delete(organizationId);
      this.poke(organizationId);
    }, wait);
    Deno.unrefTimer(timer);
    this.#retries.set(organizationId, timer);
  }

  async #lookEverywhere(): Promise<void> {
    const { database, clock, logger } = this.#options;
    try {
      const now = new Date(clock.nowMs()).toISOString();
      const due = await organizationsDue(database.kysely, now, MAX_SWEPT);
      due.forEach((organizationId) => this.poke(organizationId));
    } catch (cause) {
      if (!this.#stop.signal.aborted) logger.error("events could not be looked for", { cause });
    }
  }
}

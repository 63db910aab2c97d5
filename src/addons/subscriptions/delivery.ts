/**
 * Brings one event to the handlers of one addon that want to hear of it. What fails is thrown; when it
 * is tried again is decided elsewhere.
 *
 * @module
 */

import type { Enforcer } from "../../access/capability.ts";
import { type SystemCaller, systemCaller } from "../../base/caller.ts";
import type { JsonObject } from "../../base/json.ts";
import type { EventRecord } from "../../events/event.ts";
import { readAnswer } from "../actions/envelope.ts";
import { handlerTimeout } from "../actions/errors.ts";
import type { BackendCaller } from "../backend/backend.ts";
import type { FunctionOpener } from "../code/open_function.ts";
import type { CompiledAddons } from "../compiled/compiled_addon.ts";
import { within } from "../compiled/deadline.ts";
import { deliveryRequest } from "./chain.ts";
import { type Interest, interestsIn, type Subscriber } from "./subscriber.ts";

/** What handlers are called with. */
export interface DeliveryOptions {
  readonly code: Pick<FunctionOpener, "openOf">;
  /** Absent: deliveries to webhooks fail. */
  readonly backend?: BackendCaller;
  readonly compiled?: Pick<CompiledAddons, "find">;
  readonly enforcer: Pick<Enforcer, "check">;
}

/** Longest time of one handler, in milliseconds; the same for functions, webhooks and the host. */
export const HANDLER_TIMEOUT_MS = 30_000;

/** Delivers events. */
export class Delivery {
  readonly #options: DeliveryOptions;

  /** @param options what handlers are called with. */
  constructor(options: DeliveryOptions) {
    this.#options = options;
  }

  /**
   * Picks what is to be called for an event: what wants to hear of it and may. An addon hears of its
   * own events by itself, of others with the capability `event:subscribe`.
   *
   * @param subscriber the addon.
   * @param event what happened.
   * @returns its interests that are to be served, in their order.
   */
  due(subscriber: Subscriber, event: EventRecord): Interest[] {
    const interests = interestsIn(subscriber, event);
    if (interests.length === 0) return [];
    const { installation: { row, manifest }, capabilities } = subscriber;
    if (event.name.startsWith(`${manifest.key}.`)) return interests;
    const isAllowed = this.#options.enforcer.check(
      {
        addonKey: manifest.key,
        installationId: row.id,
        organizationId: row.organization_id,
        requestId: event.requestId,
        capabilities,
      },
      "event:subscribe",
      event.name,
    );
    return isAllowed ? interests : [];
  }

  /**
   * Calls one handler.
   *
   * @param subscriber the addon.
   * @param interest what is served.
   * @param event what happened.
   * @param signal stops the call.
   * @throws {Error} the handler failed, declined, or is not there.
   */
  async call(
    subscriber: Subscriber,
    interest: Interest,
    event: EventRecord,
    signal: AbortSignal,
  ): Promise<void> {
    const { installation } = subscriber;
    const caller: SystemCaller = {
      ...systemCaller(event.organizationId, deliveryRequest(event.requestId)),
      signal,
    };
    const { handler } = interest;
    const input = inputOf(interest, event);
    switch (handler.type) {
      case "wasm": {
        const output = await this.#options.code.openOf(
          caller,
          installation,
          handler.function,
          (call) => call({ input: () => input, timeoutMs: HANDLER_TIMEOUT_MS }),
        );
        const { outcome, error } = readAnswer(output);
        if (outcome === "declined") throw new Error(error?.message ?? "the handler declined");
        return;
      }
      case "webhook": {
        const { backend } = this.#options;
        if (backend === undefined) throw new Error("backends of addons cannot be called here");
        const { status } = await backend.call({
          caller,
          installation,
          url: handler.url,
          event: event.name,
          headers: { "X-Metacore-Invocation": "event" },
          body: { ...input, org_id: event.organizationId },
          timeoutMs: HANDLER_TIMEOUT_MS,
        });
        if (status < 200 || status > 299) throw new Error(`the backend answered ${status}`);
        return;
      }
      case "compiled": {
        const { events } = this.#options.compiled?.find(installation.manifest.key) ?? {};
        const run = events !== undefined && Object.hasOwn(events, handler.name)
          ? events[handler.name]
          : undefined;
        if (run === undefined) throw new Error(`the host has no handler "${handler.name}"`);
        const { id, sequence, name, payload, createdAt } = event;
        const late = () => handlerTimeout(installation.manifest.key, HANDLER_TIMEOUT_MS);
        await within(
          { timeoutMs: HANDLER_TIMEOUT_MS, late, signal },
          () => run({ caller, id, sequence, name, payload, createdAt }),
        );
      }
    }
  }
}

function inputOf({ subscription }: Interest, event: EventRecord): JsonObject {
  return {
    event: {
      id: event.id,
      name: event.name,
      sequence: event.sequence,
      payload: event.payload,
      created_at: event.createdAt,
      actor_id: event.actorId,
    },
    subscription,
  };
}

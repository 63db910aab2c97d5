/**
 * `event_emit`: puts an event of the addon into the organization's log (contract/metacore.md §5.3).
 * An addon speaks for itself: names of the kernel are refused always, names of other addons unless a
 * capability says them.
 *
 * @module
 */

import { RESERVED_ADDON_KEYS } from "../../../base/ids.ts";
import type { CapabilitySet } from "../../../access/capability.ts";
import type { HostArgument } from "../../../sandbox/sandbox.ts";
import { parseJson, textOf } from "../arguments.ts";
import { recordCall } from "../audit.ts";
import { appendEvent } from "../guest_event.ts";
import type { HostFunction, HostInvocation, NeededRight } from "../host_function.ts";
import { Refusal } from "../refusal.ts";
import { envelopeRefusal, jsonReply, plainRefusal, ZERO } from "../reply.ts";
import { isLevelAtLeast } from "./level.ts";

const NAME = {
  what: "the event's name",
  maxBytes: 256,
  code: "invalid_event",
};
const PAYLOAD = {
  what: "the event's payload",
  maxBytes: 262_144,
  code: "invalid_payload",
  tooLargeCode: "payload_too_large",
};
/** Words of lower-case letters, digits, dashes and underscores, two or more, with dots between. */
const EVENT_NAME = /^[a-z][a-z0-9_-]*(?:\.[a-z0-9_][a-z0-9_-]*)+$/;
/** The level at which answers became envelopes. */
const ENVELOPE_LEVEL = "1.5";

/** Emits an event. */
export const eventEmit: HostFunction = {
  budget: "event",
  maxTimeMs: 5_000,
  codes: { internal: "bus_unavailable", timeout: "bus_unavailable" },
  refuse: (invocation) => answersEnvelopes(invocation) ? envelopeRefusal({}) : plainRefusal,
  prepare: (invocation, call) => {
    const name = nameOf(textOf(call.arguments[0], NAME));
    const payload = payloadOf(call.arguments[1]);
    refuseForged(invocation, name);
    return {
      right: rightFor(invocation, name),
      run: async () => {
        const startedMs = performance.now();
        const model = name.split(".")[1] ?? "";
        await appendEvent(invocation, { name, model, tableName: "", payload });
        if (!answersEnvelopes(invocation)) return ZERO;
        const { subject } = invocation.context;
        const count = invocation.services.countSubscribers;
        return jsonReply({
          success: true,
          data: { event: name, subscribers: count?.(subject.organizationId, name) ?? 0 },
          meta: { durationMs: Math.round(performance.now() - startedMs) },
        });
      },
    };
  },
};

function answersEnvelopes({ context }: HostInvocation): boolean {
  return isLevelAtLeast(context.level, ENVELOPE_LEVEL);
}

function nameOf(name: string): string {
  if (name.includes("*")) {
    throw new Refusal("bad_request", "an event's name holds no wildcard", "wildcard_publish");
  }
  if (EVENT_NAME.test(name)) return name;
  const message = "an event's name is two or more lower-case words with dots between, such as " +
    '"tickets.ticket.solved"';
  throw new Refusal("bad_request", message, NAME.code);
}

/** Kept as the guest wrote it, so that no digit is lost; absent is null. */
function payloadOf(argument: HostArgument | undefined): string {
  const text = textOf(argument, PAYLOAD);
  if (text === "") return "null";
  parseJson(text, PAYLOAD);
  return text;
}

/** Not a matter of capabilities alone: shadow mode, which lets those pass, does not open this. */
function refuseForged(invocation: HostInvocation, name: string): void {
  const { context } = invocation;
  const { subject } = context;
  const owner = ownerOf(name);
  if (owner === subject.addonKey) return;
  const isForged = RESERVED_ADDON_KEYS.has(owner) ||
    (context.findSchema(owner) !== undefined && !isNamed(subject.capabilities, owner, name));
  if (!isForged) return;
  recordCall(invocation, { name: "event.forged", severity: "warning", details: { event: name } });
  const message = `addon "${subject.addonKey}" may not emit events of "${owner}"`;
  throw new Refusal("denied", message);
}

/** Whether a capability says the owner's name; one that matches everything says nobody's. */
function isNamed(capabilities: CapabilitySet, owner: string, name: string): boolean {
  return capabilities.allows("event:emit", name) &&
    capabilities.targets("event:emit").some((target) => ownerOf(target) === owner);
}

/** Own names need the capability to emit at all, whatever its target; others need it by name. */
function rightFor({ context }: HostInvocation, name: string): NeededRight {
  const { addonKey, capabilities } = context.subject;
  const held = capabilities.targets("event:emit")[0];
  const isOwn = ownerOf(name) === addonKey;
  return { kind: "event:emit", target: isOwn && held !== undefined ? held : name };
}

function ownerOf(name: string): string {
  return name.split(".", 1)[0] ?? "";
}

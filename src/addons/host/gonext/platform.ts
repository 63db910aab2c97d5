/**
 * `gn_secrets_get`, `gn_audit_emit`, `gn_cron_register` (contract/gonext.md §2.3) in the host's shape
 * and in the SDKs' (§19: one JSON payload). GoNext gives their capabilities unasked; an operator may
 * not.
 *
 * @module
 */

import { isKernelError } from "../../../base/error.ts";
import { isJsonObject, type Json, type JsonObject } from "../../../base/json.ts";
import type { HostCall } from "../../../sandbox/sandbox.ts";
import { parseJson, textOf } from "../arguments.ts";
import { isCronExpression } from "../cron.ts";
import type { HostFunction, HostInvocation } from "../host_function.ts";
import { Refusal } from "../refusal.ts";
import { numericRefusal, ZERO } from "../reply.ts";
import { recordCall, recordOwn } from "../audit.ts";
import { ownRight, slugOf } from "./rights.ts";

const TEXT = { what: "the argument", maxBytes: 65_536 };
const META = { what: "the metadata", maxBytes: 32_768 };
const MAX_NAME_LENGTH = 256;
const HANDLER = /^[A-Za-z0-9._-]{1,128}$/;

/** Gives a secret that an operator set. */
export const secretsGet: HostFunction = {
  budget: "secret",
  right: ownRight("secrets:read"),
  maxTimeMs: 5_000,
  refuse: () => numericRefusal("platform"),
  prepare: (invocation, call) => {
    const key = textOf(call.arguments[0], TEXT);
    return {
      run: async () => {
        const { services, context } = invocation;
        const { organizationId, addonKey } = context.subject;
        const record = (result: string, size: number) =>
          recordCall(invocation, {
            name: platformName(invocation, "secrets.get"),
            severity: result === "ok" ? "info" : "warning",
            details: { key: key.slice(0, MAX_NAME_LENGTH), result, size },
            variant: `${result}\n${key}`,
          });
        try {
          const owner = { organizationId, addonKey };
          const value = await services.secrets.open(owner, key, context.transaction);
          if (value === undefined) {
            record("not_found", 0);
            throw new Refusal("not_found", "there is no such secret");
          }
          const bytes = new TextEncoder().encode(value);
          record("ok", bytes.length);
          return { bytes };
        } catch (thrown) {
          if (isKernelError(thrown)) record("decrypt_failed", 0);
          throw thrown;
        }
      },
    };
  },
};

/** Puts a record of the plugin into the audit, under a name that says whose it is. */
export const auditEmit: HostFunction = {
  budget: "audit",
  right: ownRight("audit:emit"),
  maxTimeMs: 1_000,
  refuse: () => numericRefusal("platform"),
  prepare: (invocation, call) => {
    const { event, meta } = auditArguments(call);
    return {
      run: () => {
        const name = event.replace(/^plugin\./, "");
        const result = auditFault(invocation, name) ?? "ok";
        if (result === "ok") {
          recordOwn(invocation, { name: `plugin.${name}`, details: plainFacts(meta) });
        }
        recordCall(invocation, {
          name: platformName(invocation, "audit_emit"),
          severity: result === "ok" ? "info" : "warning",
          details: { event: event.slice(0, MAX_NAME_LENGTH), result },
          variant: result,
        });
        if (result !== "ok") throw new Refusal("bad_request", result);
        return ZERO;
      },
    };
  },
};

/** Registers a schedule; a second one of the same handler takes its place. */
export const cronRegister: HostFunction = {
  budget: "schedule",
  right: ownRight("cron:register"),
  maxTimeMs: 5_000,
  refuse: () => numericRefusal("platform"),
  prepare: (invocation, call) => {
    const { schedule, handler } = cronArguments(call);
    return {
      run: async () => {
        const fault = cronFault(schedule, handler);
        recordCall(invocation, {
          name: platformName(invocation, "cron_register"),
          severity: fault === undefined ? "info" : "warning",
          details: {
            schedule: schedule.slice(0, MAX_NAME_LENGTH),
            handler_id: handler.slice(0, MAX_NAME_LENGTH),
            result: fault ?? "ok",
          },
          variant: fault ?? "ok",
        });
        if (fault !== undefined) throw new Refusal("bad_request", fault);
        const { context, services } = invocation;
        const { organizationId, addonKey } = context.subject;
        const owner = { organizationId, addonKey };
        await services.schedules.register(owner, { handler, schedule }, context.transaction);
        return ZERO;
      },
    };
  },
};

function platformName(invocation: HostInvocation, what: string): string {
  return `plugin.${slugOf(invocation)}.platform.${what}`;
}

/** The kernel's own records about a plugin stand below `<slug>.platform`: those it cannot write. */
function auditFault(invocation: HostInvocation, name: string): string | undefined {
  const { addonKey, organizationId } = invocation.context.subject;
  if (name === "" || name.length > MAX_NAME_LENGTH) return "empty_event";
  const slug = slugOf(invocation);
  const isOwn = name === slug || name.startsWith(`${slug}.`);
  const isKernels = name === `${slug}.platform` || name.startsWith(`${slug}.platform.`);
  if (!isOwn || isKernels) return "slug_prefix_rejected";
  const hasToken = invocation.services.auditRate.take(`${organizationId}\n${addonKey}`);
  return hasToken ? undefined : "rate_limited";
}

function cronFault(schedule: string, handler: string): string | undefined {
  if (schedule === "" || handler === "") return "empty";
  if (!HANDLER.test(handler)) return "bad_handler_id";
  return isCronExpression(schedule) ? undefined : "bad_schedule";
}

function auditArguments(call: HostCall): { event: string; meta: JsonObject } {
  if (call.arguments.length === 1) {
    const payload = objectOf(textOf(call.arguments[0], TEXT));
    const meta = firstOf(payload, ["meta", "metadata", "data", "fields"]) ?? null;
    return { event: textIn(payload, ["event", "name"]), meta: orEmpty(meta) };
  }
  const text = textOf(call.arguments[1], META);
  const meta = text === "" ? null : parseJson(text, META);
  return { event: textOf(call.arguments[0], TEXT), meta: orEmpty(meta) };
}

function cronArguments(call: HostCall): { schedule: string; handler: string } {
  if (call.arguments.length > 1) {
    return { schedule: textOf(call.arguments[0], TEXT), handler: textOf(call.arguments[1], TEXT) };
  }
  const payload = objectOf(textOf(call.arguments[0], TEXT));
  return {
    schedule: textIn(payload, ["schedule", "spec", "cron"]),
    handler: textIn(payload, ["handler", "handler_id", "job"]),
  };
}

function objectOf(text: string): JsonObject {
  const value = parseJson(text, TEXT);
  if (isJsonObject(value)) return value;
  throw new Refusal("bad_request", "the payload is no JSON object");
}

function orEmpty(meta: Json): JsonObject {
  if (meta === null) return {};
  if (isJsonObject(meta)) return meta;
  throw new Refusal("bad_request", "the metadata is no JSON object");
}

function firstOf(payload: JsonObject, names: readonly string[]): Json | undefined {
  const name = names.find((one) => Object.hasOwn(payload, one));
  return name === undefined ? undefined : payload[name];
}

function textIn(payload: JsonObject, names: readonly string[]): string {
  const value = firstOf(payload, names);
  return typeof value === "string" ? value : "";
}

/** Records hold plain values: what is nested becomes its JSON. */
function plainFacts(meta: JsonObject): Record<string, string | number | boolean | null> {
  const facts = Object.entries(meta).slice(0, 64).map(([key, value]) =>
    [
      key.slice(0, 64),
      typeof value === "object" && value !== null ? JSON.stringify(value) : value,
    ] as const
  );
  return Object.fromEntries(facts);
}

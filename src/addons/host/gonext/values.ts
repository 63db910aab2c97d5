/**
 * `gn_kv_get`, `gn_kv_set`, `gn_kv_del`, `gn_kv_incr` (contract/gonext.md §2.4).
 *
 * @module
 */

import { bytesOf, textOf } from "../arguments.ts";
import type { HostArgument } from "../../../sandbox/sandbox.ts";
import type { HostFunction, HostInvocation, PreparedCall } from "../host_function.ts";
import { Refusal } from "../refusal.ts";
import { numericRefusal, ZERO } from "../reply.ts";
import { DEFAULT_VALUE_QUOTA, type ValueOwner } from "../value_store.ts";
import { recordCall } from "../audit.ts";
import { ownRight, slugOf } from "./rights.ts";

const KEY = { what: "the key", maxBytes: 256 };
const VALUE = { what: "the value", maxBytes: 262_144 };

/** Gives a value; an empty one is `0`. */
export const kvGet: HostFunction = kvFunction("kv:read", (invocation, [first]) => {
  const key = keyOf(first);
  return {
    run: async () => {
      const { services, context } = invocation;
      const value = await services.values.get(ownerOf(invocation), key, context.transaction);
      if (value === undefined) throw new Refusal("not_found", "there is no such key");
      return value.length === 0 ? ZERO : { bytes: value };
    },
  };
});

/** Sets a value. */
export const kvSet: HostFunction = kvFunction("kv:write", (invocation, [first, second]) => {
  const entry = { key: keyOf(first), value: bytesOf(second, VALUE), quota: quotaOf(invocation) };
  return {
    run: async () => {
      const { services, context } = invocation;
      await services.values.set(ownerOf(invocation), entry, context.transaction);
      const { key, value } = entry;
      record(invocation, "plugin.kv.set", { key, size: value.length });
      return ZERO;
    },
  };
});

/** Removes a value, if there is one. */
export const kvDelete: HostFunction = kvFunction("kv:write", (invocation, [first]) => {
  const key = keyOf(first);
  return {
    run: async () => {
      const { services, context } = invocation;
      await services.values.remove(ownerOf(invocation), key, context.transaction);
      record(invocation, "plugin.kv.del", { key });
      return ZERO;
    },
  };
});

/** Adds to an integer and gives the sum. A negative sum looks like a sentinel: so the contract. */
export const kvIncrement: HostFunction = kvFunction("kv:write", (invocation, [first, second]) => {
  const key = keyOf(first);
  if (typeof second !== "bigint") throw new Refusal("bad_request", "the delta is no integer");
  return {
    run: async () => {
      const { services, context } = invocation;
      const step = { key, delta: second, quota: quotaOf(invocation) };
      const sum = await services.values.add(ownerOf(invocation), step, context.transaction);
      record(invocation, "plugin.kv.incr", { key, delta: `${second}` });
      return { status: sum };
    },
  };
});

function kvFunction(
  kind: string,
  decode: (invocation: HostInvocation, given: readonly HostArgument[]) => PreparedCall,
): HostFunction {
  return {
    budget: "kv",
    maxTimeMs: 5_000,
    right: ownRight(kind),
    refuse: () => numericRefusal("data"),
    prepare: (invocation, call) => decode(invocation, call.arguments),
  };
}

function keyOf(argument: HostArgument | undefined): string {
  const key = textOf(argument, KEY);
  // Postgres keeps no NUL in a text.
  if (key !== "" && !key.includes("\0")) return key;
  throw new Refusal("bad_request", "a key has 1 to 256 bytes, and no NUL");
}

function ownerOf({ context }: HostInvocation): ValueOwner {
  const { organizationId, addonKey } = context.subject;
  return { organizationId, addonKey };
}

function quotaOf({ context }: HostInvocation) {
  return context.valueQuota ?? DEFAULT_VALUE_QUOTA;
}

function record(
  invocation: HostInvocation,
  name: string,
  facts: Readonly<Record<string, string | number>>,
): void {
  recordCall(invocation, { name, details: { plugin: slugOf(invocation), ...facts } });
}

/**
 * Connects the hooks that a GoNext plugin declares with the bus (contract/gonext.md §5): each call
 * becomes an envelope for the guest. Calling guests is injected.
 *
 * @module
 */

import type { Caller } from "../../base/caller.ts";
import { KernelError } from "../../base/error.ts";
import type { Target } from "../../sandbox/abi.ts";
import { DEFAULT_PRIORITY, type HookBus } from "./bus.ts";
import { actionEnvelope, filterEnvelope, readFilterAnswer } from "./envelope.ts";

/** What is connected. */
export interface HookBridge {
  readonly bus: HookBus;
  readonly addonKey: string;
  /** For whom it is called: the installation's organization. */
  readonly organizationId: string;
  readonly hooks: { readonly actions: readonly string[]; readonly filters: readonly string[] };
  /** Decides on the capability to subscribe; asked once for each hook. */
  readonly maySubscribe: (hook: string) => boolean;
  /** Place of a handler. @default 10 for each */
  readonly priorityOf?: (kind: "action" | "filter", hook: string) => number;
  /** Calls the guest. @returns its answer. */
  readonly invoke: (caller: Caller, target: Target, envelope: Uint8Array) => Promise<Uint8Array>;
}

/**
 * Connects the hooks of an installation: all of them or none.
 *
 * @param bridge what is connected.
 * @returns disconnects them; more than once does nothing more, and calls that come late do nothing.
 * @throws {KernelError} addon.hook_forbidden — a hook that the plugin may not subscribe to;
 *   sandbox.payload_too_large, sandbox.bad_payload — a name out of bounds.
 */
export function connectHooks(bridge: HookBridge): () => void {
  const { hooks, maySubscribe, addonKey } = bridge;
  for (const hook of [...hooks.actions, ...hooks.filters]) {
    if (!maySubscribe(hook)) throw forbidden(addonKey, hook);
  }
  const state = { isConnected: true };
  const connected: (() => void)[] = [];
  const disconnect = () => {
    state.isConnected = false;
    for (const remove of connected) remove();
  };
  try {
    for (const name of hooks.actions) connected.push(connectAction(bridge, name, state));
    for (const name of hooks.filters) connected.push(connectFilter(bridge, name, state));
  } catch (thrown) {
    disconnect();
    throw thrown;
  }
  return disconnect;
}

interface State {
  isConnected: boolean;
}

function connectAction(bridge: HookBridge, name: string, state: State): () => void {
  return bridge.bus.onAction(registration(bridge, "action", name), async (caller, args) => {
    if (!state.isConnected) return;
    await bridge.invoke(caller, { kind: "hook", name }, actionEnvelope(args));
  });
}

function connectFilter(bridge: HookBridge, name: string, state: State): () => void {
  return bridge.bus.onFilter(registration(bridge, "filter", name), async (caller, value, args) => {
    // Nothing to filter: the guest is not asked.
    if (!state.isConnected || value === null) return value;
    const envelope = filterEnvelope(value, args);
    return readFilterAnswer(await bridge.invoke(caller, { kind: "hook", name }, envelope), value);
  });
}

function registration(bridge: HookBridge, kind: "action" | "filter", name: string) {
  const priority = bridge.priorityOf?.(kind, name) ?? DEFAULT_PRIORITY;
  return { name, organizationId: bridge.organizationId, source: bridge.addonKey, priority };
}

function forbidden(addonKey: string, hook: string): KernelError {
  return new KernelError({
    code: "addon.hook_forbidden",
    kind: "forbidden",
    message:
      `addon "${addonKey}" may not subscribe to ${JSON.stringify(hook.slice(0, 256))}: its ` +
      "manifest does not ask for the capability hooks.subscribe",
  });
}

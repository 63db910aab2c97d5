/**
 * Which trigger an action has. Older manifests name none: then their hooks say what runs, or nothing
 * does (contract/metacore.md §8.4, §11.8).
 *
 * @module
 */

import type { TriggerDefinition } from "../../bundle/manifest/manifest.ts";
import type { CompiledAddons } from "../compiled/compiled_addon.ts";
import { actionName, type PreparedAction } from "./prepared_action.ts";
import { hookOf } from "./webhook.ts";

/** An absolute address, or one relative to the backend's. */
const ADDRESS = /^\s*(?:[a-z][a-z0-9+.-]*:\/\/|\/|\{\{)/i;

/**
 * Finds an action's trigger.
 *
 * @param run the action, its model and the installation that declares it.
 * @param compiled the addons of the host application.
 * @returns the declared trigger; else the host application's handler of its name; else the function
 *   of the same name, where a hook without an address names one of a WASM backend; else a webhook.
 */
export function triggerOf(
  run: Pick<PreparedAction, "installation" | "model" | "action" | "snapshot">,
  compiled: CompiledAddons,
): TriggerDefinition {
  const { action, installation } = run;
  if (action.trigger !== undefined) return action.trigger;
  const { backend, key } = installation.manifest;
  if (Object.hasOwn(compiled.find(key)?.actions ?? {}, actionName(run))) {
    return { type: "compiled" };
  }
  const hook = hookOf(run);
  const isFunction = backend?.runtime === "wasm" && hook !== undefined && !ADDRESS.test(hook) &&
    backend.exports?.includes(action.key) === true;
  return isFunction ? { type: "wasm", export: action.key } : { type: "webhook" };
}

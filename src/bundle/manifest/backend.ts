/**
 * Reads the server side of an addon and the hooks that call it (contract/metacore.md §3.1, §3.8).
 *
 * @module
 */

import { readCallAddress } from "./handler.ts";
import { MAX_EXPORTS, MAX_HOOKS } from "./limits.ts";
import type { BackendDefinition } from "./manifest.ts";
import type { ManifestNode } from "./node.ts";
import { defined } from "./optional.ts";

const RUNTIMES = ["webhook", "wasm", "binary"] as const;
const MEMORY_MIB = { min: 0, max: 4096 };
const TIMEOUT_MS = { min: 0, max: 3_600_000 };

/**
 * Reads the backend.
 *
 * @param node the object.
 * @returns the backend, or undefined where there is none or its runtime is unknown.
 */
export function readBackend(node: ManifestNode): BackendDefinition | undefined {
  if (node.object() === undefined) return undefined;
  const runtimeNode = node.field("runtime");
  const runtime = runtimeNode.word(RUNTIMES, "runtime");
  if (!runtimeNode.present || runtimeNode.value === "") runtimeNode.complain("is required");
  const entryNode = node.field("entry");
  const entry = runtime === "wasm" ? entryNode.requiredText() : entryNode.filledText();
  const exports = node.field("exports");
  const rest = defined({
    entry,
    url: readCallAddress(node.field("url")),
    exports: exports.present ? exports.texts(MAX_EXPORTS) : undefined,
    // Zero is the decoder's "absent".
    memory_limit_mb: node.field("memory_limit_mb").integer(MEMORY_MIB) || undefined,
    timeout_ms: node.field("timeout_ms").integer(TIMEOUT_MS) || undefined,
  });
  return runtime === undefined ? undefined : { runtime, ...rest };
}

/**
 * Reads the hooks. Those of a wasm backend name one of its exports after `::`.
 *
 * @param node the map.
 * @param backend the backend, where there is one.
 * @returns the map; incomplete where it complained.
 */
export function readHooks(
  node: ManifestNode,
  backend: BackendDefinition | undefined,
): Record<string, string> {
  const hooks: Record<string, string> = {};
  for (const [name, target] of node.entries(MAX_HOOKS)) {
    // With a wasm backend the value says nothing that is called.
    const address = backend?.runtime === "wasm" ? target.text() : readCallAddress(target);
    hooks[name] = address ?? "";
    if (backend?.runtime !== "wasm") continue;
    const separator = name.indexOf("::");
    const action = separator < 0 ? undefined : name.slice(separator + 2);
    if (action === undefined) target.complain('a hook is named "<model>::<action>"');
    else if (!backend.exports?.includes(action)) {
      target.complain(`${JSON.stringify(action.slice(0, 80))} is not among backend.exports`);
    }
  }
  return hooks;
}

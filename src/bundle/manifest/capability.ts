/**
 * Reads capabilities (contract/metacore.md §3.9). Kinds that the kernel does not know pass here and
 * grant nothing.
 *
 * @module
 */

import { MAX_CAPABILITIES } from "./limits.ts";
import type { CapabilityDefinition } from "./manifest.ts";
import { type ManifestNode, shown } from "./node.ts";
import { defined } from "./optional.ts";

/**
 * Reads the list of capabilities.
 *
 * @param node the list.
 * @returns its capabilities; incomplete where it complained.
 */
export function readCapabilities(node: ManifestNode): CapabilityDefinition[] {
  return node.objects(MAX_CAPABILITIES).map((item) => {
    const kindNode = item.field("kind");
    const kind = kindNode.text() ?? "";
    if (!kind.includes(":")) {
      kindNode.complain(
        `${shown(kind)} is not a capability kind: it needs a namespace, as in "db:read"`,
      );
    }
    const target = item.field("target").requiredText() ?? "";
    const fault = targetFault(kind, target);
    if (fault !== undefined) item.field("target").complain(fault);
    return { kind, target, ...defined({ reason: item.field("reason").filledText() }) };
  });
}

/**
 * Tells why a target is too wide for its kind.
 *
 * @param kind such as `db:read`.
 * @param target what the right is on.
 * @returns a complaint, or undefined when the target is narrow enough.
 */
export function targetFault(kind: string, target: string): string | undefined {
  if (kind.startsWith("db:") && target === "*") {
    return `"*" is too wide for ${kind}: name the tables`;
  }
  const isOpenHost = target === "*" || /^\*\.[^.]*$/.test(target);
  if (kind === "http:fetch" && isOpenHost) {
    return `${shown(target)} is too wide for http:fetch: name a host or "*.example.com"`;
  }
  return undefined;
}

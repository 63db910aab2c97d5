/**
 * Reads capabilities of the generation `asteby.com/v3`: a closed set of kinds. A target that is
 * written as an address is read as its host, which is all that a right can name.
 *
 * @module
 */

import { targetFault } from "../capability.ts";
import { MAX_CAPABILITIES } from "../limits.ts";
import type { CapabilityDefinition } from "../manifest.ts";
import { type ManifestNode, shown } from "../node.ts";
import { defined } from "../optional.ts";
import { refuseUnknown } from "./strict.ts";

/** Kinds that the kernel grants. */
const GRANTED = ["db:read", "db:write", "http:fetch", "event:emit", "event:subscribe"] as const;
/** Kinds of the contract that nothing here answers to: asking for them is no mistake. */
const UNGRANTED = [
  "fs:read",
  "secrets:read",
  "cron:register",
  "queue:produce",
  "queue:consume",
  "file-storage:write",
  "time:wallclock",
  "connector:read",
  "ctx:user",
  "ctx:roles",
  "ctx:org_config",
] as const;
const KINDS = [...GRANTED, ...UNGRANTED] as const;
const ADDRESS = /^https?:\/\/([^/?#@\\\s]+)([/?#][^\s]*)?$/i;

/**
 * Reads the list of capabilities.
 *
 * @param node the list.
 * @returns its capabilities; incomplete where it complained.
 */
export function readCapabilities(node: ManifestNode): CapabilityDefinition[] {
  return node.objects(MAX_CAPABILITIES).flatMap((item) => {
    refuseUnknown(item, ["kind", "target", "reason"]);
    const kindNode = item.field("kind");
    const kind = kindNode.word(KINDS, "kind of capability");
    if (!kindNode.present || kindNode.value === "") kindNode.complain("is required");
    const reason = item.field("reason").filledText();
    if (kind === undefined) return [];
    const isGranted = GRANTED.some((known) => known === kind);
    if (!isGranted) kindNode.note(`${shown(kind)} grants nothing here`);
    const targetNode = item.field("target");
    // The others speak of the addon's own, or of nothing that has a name.
    const target = isGranted ? readTarget(targetNode, kind) : targetNode.filledText() ?? "self";
    return target === undefined ? [] : [{ kind, target, ...defined({ reason }) }];
  });
}

function readTarget(node: ManifestNode, kind: string): string | undefined {
  const written = node.requiredText();
  if (written === undefined) return undefined;
  const target = kind === "http:fetch" ? hostOf(node, written) : written;
  const fault = target === undefined ? undefined : targetFault(kind, target);
  return fault === undefined ? target : node.complain(fault);
}

function hostOf(node: ManifestNode, written: string): string | undefined {
  if (!written.includes("/") && !written.includes("@")) return written;
  const parts = ADDRESS.exec(written);
  if (parts === null) return node.complain(`${shown(written)} names no host`);
  const host = parts[1]!.toLowerCase();
  node.note(`${shown(written)} is taken as the host "${host}": every path there can be reached`);
  return host;
}

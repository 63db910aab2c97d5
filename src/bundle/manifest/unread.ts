/**
 * Blocks that nothing in the kernel acts on: those for people are checked in their outer shape, so
 * that a client that is served them finds what the contract says (§3.1); the others are noted.
 *
 * @module
 */

import { MAX_UNREAD_ITEMS } from "./limits.ts";
import { type ManifestNode, MAX_TEXT_LENGTH } from "./node.ts";

const TEXTS = [
  "icon",
  "icon_type",
  "icon_slug",
  "icon_color",
  "author",
  "website",
  "license",
  "price",
];
const LISTS_OF_TEXTS = ["screenshots", "features"];
/** Blocks that other readers read, or that are for people. */
const KNOWN = [
  "key",
  "name",
  "version",
  "description",
  "category",
  "kernel",
  "tenant_isolation",
  "navigation",
  "settings",
  "hooks",
  "actions",
  "model_definitions",
  "extensions",
  "capabilities",
  "backend",
  "frontend",
  "tools",
  "requires",
  "lifecycle_hooks",
  "i18n",
  "permissions",
  "events",
  "models",
  "signature",
  "readme",
  ...TEXTS,
  ...LISTS_OF_TEXTS,
];
const MAX_README_LENGTH = 1024 * 1024;

/**
 * Checks the outer shape of the blocks that are not read, and notes those without effect.
 *
 * @param root the document.
 */
export function checkUnreadBlocks(root: ManifestNode): void {
  for (const name of TEXTS) root.field(name).text(MAX_TEXT_LENGTH);
  root.field("readme").text(MAX_README_LENGTH);
  for (const name of LISTS_OF_TEXTS) {
    for (const item of root.field(name).items(MAX_UNREAD_ITEMS)) item.text();
  }
  root.field("models").objects(MAX_UNREAD_ITEMS);
  root.field("signature").object();
  const events = root.field("events").items(MAX_UNREAD_ITEMS);
  for (const event of events) event.text();
  if (events.length > 0) root.field("events").note("the list is advice; nothing is subscribed to");
  for (const [name, block] of root.entries(MAX_UNREAD_ITEMS)) {
    if (KNOWN.includes(name) || name.startsWith("$") || !block.present) continue;
    block.note("is no part of this generation of manifests");
  }
}

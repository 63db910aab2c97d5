/**
 * Blocks that are carried along in the document and that nothing reads: only their outer shape is
 * checked, so that a client that is served them finds what the contract says (§3.1).
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
const LISTS_OF_TEXTS = ["events", "screenshots", "features"];
const LISTS_OF_OBJECTS = ["requires", "models", "tools", "permissions"];
const OBJECTS = ["lifecycle_hooks", "i18n", "signature"];
const MAX_README_LENGTH = 1024 * 1024;

/**
 * Checks the outer shape of the blocks that are not read.
 *
 * @param root the document.
 */
export function checkUnreadBlocks(root: ManifestNode): void {
  for (const name of TEXTS) root.field(name).text(MAX_TEXT_LENGTH);
  root.field("readme").text(MAX_README_LENGTH);
  for (const name of LISTS_OF_TEXTS) {
    for (const item of root.field(name).items(MAX_UNREAD_ITEMS)) item.text();
  }
  for (const name of LISTS_OF_OBJECTS) root.field(name).objects(MAX_UNREAD_ITEMS);
  for (const name of OBJECTS) root.field(name).object();
}

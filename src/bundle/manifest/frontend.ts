/**
 * Reads the browser side of an addon (contract/metacore.md §3.7, §18.1 for `layout`).
 *
 * @module
 */

import type { FrontendDefinition } from "./manifest.ts";
import type { ManifestNode } from "./node.ts";
import { defined } from "./optional.ts";

const FORMATS = ["federation", "script"] as const;
const LAYOUTS = ["shell", "immersive"] as const;

/**
 * Reads the frontend.
 *
 * @param node the object.
 * @returns the frontend, or undefined where there is none.
 */
export function readFrontend(node: ManifestNode): FrontendDefinition | undefined {
  if (node.object() === undefined) return undefined;
  return defined({
    entry: node.field("entry").filledText(),
    format: node.field("format").word(FORMATS, "format"),
    expose: node.field("expose").filledText(),
    container: node.field("container").filledText(),
    integrity: node.field("integrity").filledText(),
    layout: node.field("layout").word(LAYOUTS, "layout"),
  });
}

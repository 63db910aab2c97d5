/**
 * Which paths may name a frontend file: those that may stand in a bundle, whole and decoded once.
 *
 * @module
 */

import { pathFault } from "../../bundle/entry_path.ts";
import { invalidAssetPath, missingAssetPath } from "./errors.ts";

/** What is still an escape after the address was decoded once. */
const ESCAPE = /%[0-9A-Fa-f]{2}/;

/**
 * Checks a path below `frontend/`. Files are found by their name as a whole in a table, so that no
 * path can climb; what tries to is refused all the same, and said.
 *
 * @param path decoded.
 * @throws {KernelError} addon.invalid_asset_path
 */
export function checkAssetPath(path: string): void {
  if (path === "") throw missingAssetPath();
  // Somebody between the browser and here might decode it once more.
  if (ESCAPE.test(path)) throw invalidAssetPath("is encoded twice");
  // Some servers in between cut segments at a semicolon: to them `..;` climbs.
  if (/(?:^|\/)\.\./.test(path)) throw invalidAssetPath('climbs with ".."');
  const fault = pathFault(`frontend/${path}`);
  if (fault !== undefined) throw invalidAssetPath(fault);
}

/**
 * Generates bundles that somebody hostile would send, each class with the code that refuses it.
 *
 * @module
 */

import { archiveClasses, type HostileClass } from "./hostile_archives.ts";
import { jsonClasses, manifestClasses } from "./hostile_manifests.ts";

export { rawBundle } from "./hostile_archives.ts";
export { SOUND_DOCUMENT, withValue } from "./hostile_manifests.ts";

/** Every class of bundles that no installation needs to be looked at to refuse. */
export const HOSTILE_CLASSES: readonly HostileClass[] = [
  ...archiveClasses,
  ...jsonClasses,
  ...manifestClasses,
];

/**
 * Failures of files that browsers load. The texts are those of contract/metacore.md §14.
 *
 * @module
 */

import { KernelError } from "../../base/error.ts";

/** The path could name another place than a file of the frontend. @param fault which rule it breaks */
export function invalidAssetPath(fault: string): KernelError {
  return new KernelError({
    code: "addon.invalid_asset_path",
    kind: "invalid",
    message: "invalid path",
    details: { reason: `the path ${fault}` },
  });
}

/** The address names no file. */
export function missingAssetPath(): KernelError {
  return new KernelError({
    code: "addon.invalid_asset_path",
    kind: "invalid",
    message: "key and path required",
  });
}

/** No enabled installation of the addon serves files to whoever asks. */
export function assetsUnavailable(addonKey: string): KernelError {
  return new KernelError({
    code: "addon.assets_unavailable",
    kind: "not_found",
    message: "addon not installed for organization",
    details: { addon_key: addonKey.slice(0, 64) },
  });
}

/** The addon serves files, but not this one. */
export function assetNotFound(addonKey: string): KernelError {
  return new KernelError({
    code: "addon.asset_not_found",
    kind: "not_found",
    message: "file not found",
    details: { addon_key: addonKey },
  });
}

/** What the manifest says of its entry is not so. @param reason the end of a sentence */
export function integrityMismatch(entry: string, reason: string): KernelError {
  return new KernelError({
    code: "bundle.integrity_mismatch",
    kind: "invalid",
    message: `frontend.integrity of ${JSON.stringify(entry.slice(0, 200))} ${reason}`,
  });
}

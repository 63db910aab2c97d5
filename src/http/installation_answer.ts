/**
 * Installations as clients read them: one generation reads the installation itself, the other its
 * parts by name (contract/client.md §10). Here are both, with the revision as entity tag.
 *
 * @module
 */

import type { Installation, InstallResult } from "../addons/addon_service.ts";
import { shownManifest } from "../addons/installation_view.ts";
import type { Answer } from "./answer.ts";
import { bare } from "./answer.ts";
import { revisionEtag } from "./middleware/etag.ts";

/**
 * Answers with an installation.
 *
 * @param installation what it is now.
 * @param beside further members of the answer.
 * @returns its fields, `success` and `installation`, and the members beside.
 */
export function installationAnswer(installation: Installation, beside: object = {}): Answer {
  return bare(
    { ...installation, success: true, installation, ...beside },
    { etag: revisionEtag(installation.revision) },
  );
}

/**
 * Answers with what an install, upgrade or rollback gave.
 *
 * @param result what was done.
 * @param source `bundle` for an upload, `registered` for what is on offer here.
 * @param warnings of the request itself, after those of the install.
 * @returns as {@link installationAnswer}, with `operation`, `install_secret`, `manifest`, `warnings`.
 */
export function installAnswer(
  result: InstallResult,
  source: "bundle" | "registered",
  warnings: readonly string[] = [],
): Answer {
  const { installSecret } = result;
  return installationAnswer(result.installation, {
    operation: result.operation,
    source,
    ...(installSecret === undefined ? {} : { install_secret: installSecret }),
    manifest: shownManifest(result.manifest),
    warnings: [...result.warnings, ...warnings],
  });
}

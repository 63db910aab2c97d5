/**
 * Failures of installing, removing and calling addons, as small factories so that call sites read as
 * prose.
 *
 * @module
 */

import { KernelError } from "../base/error.ts";

/** The addon is not installed in the caller's organization. */
export function notInstalled(addonKey: string): KernelError {
  return new KernelError({
    code: "addon.not_installed",
    kind: "not_found",
    message: `addon "${addonKey}" is not installed in this organization`,
    details: { addon_key: addonKey },
  });
}

/** The address names another addon than the bundle. */
export function keyMismatch(bundleKey: string, expectedKey: string): KernelError {
  return new KernelError({
    code: "addon.key_mismatch",
    kind: "invalid",
    message: `bundle key "${bundleKey}" does not match URL key "${expectedKey}"`,
  });
}

/** The same version with other contents is installed, or was before. */
export function otherContents(
  addonKey: string,
  version: string,
  when: "is installed" | "was installed before",
): KernelError {
  return new KernelError({
    code: "addon.version_changed",
    kind: "conflict",
    message: `addon "${addonKey}" ${version} ${when} from a bundle with other contents: ` +
      "give the new contents a new version",
    details: { addon_key: addonKey, version },
  });
}

/** A model's name is taken in this organization. */
export function modelTaken(model: string, addonKey: string, owner: string): KernelError {
  return new KernelError({
    code: "addon.model_conflict",
    kind: "conflict",
    message: `addon "${addonKey}" declares the model "${model}", which ` +
      `${owner === "kernel" ? "the host application" : `addon "${owner}"`} already serves`,
    details: { model, addon_key: addonKey, owner },
  });
}

/** A migration that was applied has other contents now. */
export function migrationChanged(
  addonKey: string,
  version: string,
  recorded: string,
  offered: string,
): KernelError {
  return new KernelError({
    code: "addon.migration_changed",
    kind: "conflict",
    message: `migration ${addonKey}@${version} checksum mismatch: recorded ${recorded}, file ` +
      `${offered} (refusing to re-apply mutated SQL)`,
    details: { addon_key: addonKey, migration: version },
  });
}

/** A change would break another organization that shares the tables at another version. */
export function sharedTablesInUse(addonKey: string, change: string, version: string): KernelError {
  return new KernelError({
    code: "addon.shared_tables_in_use",
    kind: "conflict",
    message: `addon "${addonKey}" wants to ${change}, but another organization uses the same ` +
      `tables with its own bundle of version ${version}`,
    details: { addon_key: addonKey, change, version },
  });
}

/** Kept data lies where another isolation put it. */
export function isolationChanged(addonKey: string, kept: string, offered: string): KernelError {
  return new KernelError({
    code: "addon.isolation_changed",
    kind: "conflict",
    message: `addon "${addonKey}" kept its data with tenant_isolation "${kept}" and now asks for ` +
      `"${offered}": uninstall it dropping its data first`,
    details: { addon_key: addonKey, kept, offered },
  });
}

/** The model has no such action; the text is contract/metacore.md §1.6. */
export function actionNotFound(model: string, actionKey: string): KernelError {
  return new KernelError({
    code: "addon.action_not_found",
    kind: "not_found",
    message: "action not found",
    details: { model, action: actionKey.slice(0, 128) },
  });
}

/** This kernel cannot run triggers of the type; the text is contract/metacore.md §1.6. */
export function triggerUnsupported(type: string): KernelError {
  return new KernelError({
    code: "addon.trigger_unsupported",
    kind: "unsupported",
    message: `unsupported trigger type: "${type}"`,
  });
}

/** The addon brings no module. */
export function noCode(addonKey: string): KernelError {
  return new KernelError({
    code: "addon.no_code",
    kind: "unsupported",
    message: `addon "${addonKey}" has no WASM backend`,
    details: { addon_key: addonKey },
  });
}

/** The stored archive of an addon is not the one that was installed. */
export function bundleDamaged(addonKey: string, digest: string): KernelError {
  return new KernelError({
    code: "addon.bundle_damaged",
    kind: "internal",
    message: `the stored bundle of addon "${addonKey}" is not the one that was installed: ` +
      "install the addon again",
    details: { addon_key: addonKey, digest },
  });
}

/** The manifest does not offer the function. */
export function functionNotExported(addonKey: string, name: string): KernelError {
  return new KernelError({
    code: "addon.function_not_exported",
    kind: "invalid",
    message: `function "${name.slice(0, 128)}" not in backend.exports`,
    details: { addon_key: addonKey },
  });
}

/** A hook of the addon's life failed. */
export function lifecycleFailed(addonKey: string, step: string, cause: unknown): KernelError {
  const why = cause instanceof Error ? cause.message : String(cause);
  return new KernelError({
    code: "addon.lifecycle_failed",
    kind: "conflict",
    message: `the "${step}" hook of addon "${addonKey}" failed, nothing was changed: ${why}`,
    details: {
      addon_key: addonKey,
      step,
      ...(cause instanceof KernelError ? { reason: cause.code } : {}),
    },
    cause,
  });
}

/** Somebody else has changed the installation since it was looked at. */
export function changedMeanwhile(addonKey: string, expected: number, actual: number): KernelError {
  return new KernelError({
    code: "addon.changed_meanwhile",
    kind: "conflict",
    message:
      `addon "${addonKey}" was changed meanwhile: revision ${expected} was expected, it is ` +
      `${actual}; look at it again`,
    details: { addon_key: addonKey, expected, revision: actual },
  });
}

/** There is no version to go back to. */
export function noPreviousVersion(addonKey: string): KernelError {
  return new KernelError({
    code: "addon.no_previous_version",
    kind: "conflict",
    message: `addon "${addonKey}" has no previous version here that it could go back to`,
    details: { addon_key: addonKey },
  });
}

/** Another change was made while a step back was being made ready. */
export function otherPreviousVersion(addonKey: string, version: string): KernelError {
  return new KernelError({
    code: "addon.no_previous_version",
    kind: "conflict",
    message: `addon "${addonKey}" was changed meanwhile: ${version} is not its previous version ` +
      `any more; look at it again`,
    details: { addon_key: addonKey, version },
  });
}

/** The key is that of an addon of the host application. */
export function keyIsCompiled(addonKey: string): KernelError {
  return new KernelError({
    code: "addon.key_is_compiled",
    kind: "conflict",
    message: `addon "${addonKey}" is part of the host application: no bundle takes its place`,
    details: { addon_key: addonKey },
  });
}

/** Neither compiled nor in a catalog; the text is contract/metacore.md §19. */
export function notRegistered(addonKey: string, version: string | undefined): KernelError {
  const which = version === undefined ? `"${addonKey}"` : `"${addonKey}" ${version}`;
  return new KernelError({
    code: "addon.not_registered",
    kind: "not_found",
    message: `addon ${which} is not registered in the kernel; upload a bundle or register it first`,
    details: { addon_key: addonKey, ...(version === undefined ? {} : { version }) },
  });
}

/** A compiled addon is not one. */
export function invalidCompiled(name: string, cause: unknown): KernelError {
  const why = cause instanceof Error ? cause.message : String(cause);
  return new KernelError({
    code: "addon.invalid_compiled",
    kind: "invalid",
    message: `the compiled addon "${name}" cannot be taken: ${why}`,
    details: { addon_key: name },
    cause,
  });
}

/** A compiled addon did not boot: the kernel does not start. */
export function compiledBootFailed(addonKey: string, cause: unknown): KernelError {
  const why = cause instanceof Error ? cause.message : String(cause);
  return new KernelError({
    code: "addon.compiled_boot_failed",
    kind: "internal",
    message: `the compiled addon "${addonKey}" did not boot: ${why}`,
    details: { addon_key: addonKey },
    cause,
  });
}

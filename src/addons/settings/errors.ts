/**
 * Failures of settings and of rotating secrets.
 *
 * @module
 */

import { type FieldError, KernelError } from "../../base/error.ts";

/** Complaints by the key of the setting. */
export type SettingFaults = ReadonlyMap<string, FieldError>;

/** Values do not fit; every fault is named, and nothing was changed. */
export function invalidSettings(addonKey: string, faults: SettingFaults): KernelError {
  const sentences = [...faults].slice(0, 20).map(([key, { message }]) =>
    `${shown(key)} ${message}`
  );
  return new KernelError({
    code: "addon.invalid_settings",
    kind: "invalid",
    message: `settings of addon "${addonKey}": ${sentences.join("; ")}`,
    // As entries: a key may be one that every object has.
    fields: Object.fromEntries([...faults].map(([key, fault]) => [shown(key), [fault]])),
  });
}

/** The time for which both secrets are to hold is none. */
export function invalidOverlap(mostSeconds: number): KernelError {
  return new KernelError({
    code: "addon.invalid_overlap",
    kind: "invalid",
    message: `the overlap is a whole number of seconds from 0 to ${mostSeconds}`,
  });
}

/** Others changed the installation again and again. */
export function settingsBusy(addonKey: string): KernelError {
  return new KernelError({
    code: "addon.changed_meanwhile",
    kind: "conflict",
    message: `addon "${addonKey}" was changed meanwhile: try again`,
    details: { addon_key: addonKey },
  });
}

function shown(key: string): string {
  return key.slice(0, 128).toWellFormed();
}

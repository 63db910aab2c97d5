/**
 * Failures of extensions and of organizations' values.
 *
 * @module
 */

import { KernelError } from "../../base/error.ts";

/** A name that an extension brings is taken on the model. */
export function extensionConflict(message: string, details: ExtensionPlace): KernelError {
  return new KernelError({
    code: "addon.extension_conflict",
    kind: "conflict",
    message,
    details: { ...details },
  });
}

/** An extension that could not be served, whatever it is put on. */
export function invalidExtension(message: string, details: ExtensionPlace): KernelError {
  return new KernelError({
    code: "addon.invalid_extension",
    kind: "invalid",
    message,
    details: { ...details },
  });
}

/** The addon that owns the model admits no extensions of it. */
export function extensionRefused(message: string, details: ExtensionPlace): KernelError {
  return new KernelError({
    code: "addon.extension_refused",
    kind: "forbidden",
    message,
    details: { ...details },
  });
}

/** Where an extension stands. */
export interface ExtensionPlace {
  /** Addon that extends. */
  readonly addon_key: string;
  /** Model as the extension names it. */
  readonly model: string;
  /** The column or action, where it is about one. */
  readonly name?: string;
}

/** A value that no organization can have. */
export function invalidOrganizationValue(message: string, key: string): KernelError {
  return new KernelError({
    code: "addon.invalid_organization_value",
    kind: "invalid",
    message,
    details: { key: key.slice(0, 64) },
  });
}

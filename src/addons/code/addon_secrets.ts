/**
 * Secrets that an organization gives to an addon's code, such as keys of other services: written and
 * named by people, read by the addon alone.
 *
 * @module
 */

import type { AccessService } from "../../access/access_service.ts";
import type { Caller } from "../../base/caller.ts";
import type { SecretOwner, SecretStore } from "../host/secret_store.ts";
import type { InstallationCatalog } from "./installation_catalog.ts";

/** Keeps secrets of addons. Everything needs `addons.operate`. */
export interface AddonSecrets {
  /** Lists the names of an addon's secrets, never their values. */
  names(caller: Caller, addonKey: string): Promise<readonly string[]>;
  /**
   * Gives a secret to an addon; a value that is there is replaced.
   *
   * @param name 1 to 128 of letters, digits, `.`, `_`, `/` and `-`.
   * @param value text of at most 64 KiB.
   * @throws {KernelError} addon.not_installed, addon.invalid_secret
   */
  set(caller: Caller, addonKey: string, name: string, value: string): Promise<void>;
  /** Takes a secret away. @returns whether there was one. */
  remove(caller: Caller, addonKey: string, name: string): Promise<boolean>;
}

/**
 * Makes the service.
 *
 * @param access decides who may.
 * @param catalog knows which addons there are.
 * @param store keeps secrets sealed.
 * @returns the service.
 */
export function createAddonSecrets(
  access: AccessService,
  catalog: InstallationCatalog,
  store: SecretStore,
): AddonSecrets {
  const ownerFor = async (caller: Caller, addonKey: string): Promise<SecretOwner> => {
    await access.check(caller, "addons.operate");
    await catalog.enabled(caller.organizationId, addonKey);
    return { organizationId: caller.organizationId, addonKey };
  };
  return {
    names: async (caller, addonKey) => await store.names(await ownerFor(caller, addonKey)),
    set: async (caller, addonKey, name, value) =>
      await store.set(await ownerFor(caller, addonKey), name, value),
    remove: async (caller, addonKey, name) =>
      await store.remove(await ownerFor(caller, addonKey), name),
  };
}

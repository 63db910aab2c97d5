/**
 * The settings of an installation as texts by key, secret ones among them: what `env_get` answers,
 * and what fills placeholders in addresses of backends. Never shown to people.
 *
 * @module
 */

import type { Json } from "../../base/json.ts";
import type { LiveInstallation } from "../live_installations.ts";
import { openSetting, readSealed } from "./sealed.ts";
import { isSecretSetting } from "./value.ts";

/** Opens settings, once for each installation as it is read. */
export class SettingTexts {
  readonly #masterKey: Uint8Array;
  readonly #known = new WeakMap<LiveInstallation, Promise<ReadonlyMap<string, string>>>();

  /** @param masterKey 32 bytes that secret values are sealed under. */
  constructor(masterKey: Uint8Array) {
    this.#masterKey = masterKey;
  }

  /**
   * Reads the settings of an installation. It asks no database.
   *
   * @param installation as a view gave it.
   * @returns texts as they are, other values as JSON writes them; settings that the manifest does not
   *   declare have none.
   * @throws {KernelError} kernel.secret_unreadable — one of them cannot be opened.
   */
  async of(installation: LiveInstallation): Promise<ReadonlyMap<string, string>> {
    let texts = this.#known.get(installation);
    if (texts === undefined) {
      texts = this.#read(installation);
      this.#known.set(installation, texts);
    }
    return await texts;
  }

  async #read({ row, manifest }: LiveInstallation): Promise<ReadonlyMap<string, string>> {
    // Border: the kernel wrote this text itself.
    const plain = JSON.parse(row.settings) as Readonly<Record<string, Json>>;
    const sealed = readSealed(row.sealed_settings);
    const place = { organizationId: row.organization_id, addonKey: row.addon_key };
    const texts = new Map<string, string>();
    for (const definition of manifest.settings) {
      const { key } = definition;
      if (isSecretSetting(definition)) {
        const box = sealed.get(key);
        if (box === undefined) continue;
        texts.set(key, textOf(await openSetting(this.#masterKey, place, key, box)));
      } else if (Object.hasOwn(plain, key) && plain[key] !== null) {
        texts.set(key, textOf(plain[key] ?? ""));
      }
    }
    return texts;
  }
}

function textOf(value: Json): string {
  return typeof value === "string" ? value : JSON.stringify(value);
}

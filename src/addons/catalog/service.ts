/**
 * The catalog: addons that can be installed without an upload, of the host application and of a
 * folder. It installs nothing.
 *
 * @module
 */

import type { Caller } from "../../base/caller.ts";
import type { Manifest } from "../../bundle/manifest/manifest.ts";
import { compareVersions } from "../../bundle/version_order.ts";
import type { Database } from "../../db/database.ts";
import type { CompiledBundle, CompiledRegistry } from "../compiled/registry.ts";
import { notRegistered } from "../errors.ts";
import { shownManifest } from "../installation_view.ts";
import type { AddonCatalog, CatalogEntry, FoundBundle } from "./addon_catalog.ts";
import { CatalogFolder } from "./folder.ts";
import type { CatalogFolderOptions } from "./folder.ts";

/** What the catalog is made of. */
export interface AddonCatalogOptions extends Omit<CatalogFolderOptions, "dir"> {
  readonly database: Database;
  /** Addons of the host application. */
  readonly compiled: Pick<CompiledRegistry, "bundles">;
  /** Folder with `*.tgz` and `*.tar.gz`, `<file>.sig` beside them. @default none */
  readonly dir?: string;
}

/** One thing on offer, before it is known what the organization has. */
interface Offer {
  readonly manifest: Manifest;
  readonly source: "compiled" | "catalog";
  readonly reason?: string;
  readonly open: () => Promise<FoundBundle>;
}

/**
 * Makes the catalog; the folder is read when it is first asked for.
 *
 * @param options what is on offer.
 * @returns the service.
 */
export function createAddonCatalog(options: AddonCatalogOptions): AddonCatalog {
  return new Catalog(options);
}

class Catalog implements AddonCatalog {
  readonly #options: AddonCatalogOptions;
  readonly #compiled: readonly Offer[];
  readonly #folder: CatalogFolder | undefined;

  constructor(options: AddonCatalogOptions) {
    this.#options = options;
    this.#compiled = options.compiled.bundles.map(compiledOffer);
    const { dir } = options;
    this.#folder = dir === undefined ? undefined : new CatalogFolder({ ...options, dir });
  }

  async entries(caller: Caller): Promise<readonly CatalogEntry[]> {
    const [offers, installed] = await Promise.all([this.#offers(), this.#installed(caller)]);
    const keys = [...new Set(offers.map(({ manifest }) => manifest.key))].sort();
    return keys.map((key) => {
      const { manifest, reason, source } = best(offers.filter((each) => each.manifest.key === key));
      const own = installed.get(key);
      return {
        manifest: shownManifest(manifest),
        version: manifest.version,
        installable: reason === undefined,
        ...(reason === undefined ? {} : { reason }),
        entitled: true,
        installed: own !== undefined,
        enabled: own?.status === "enabled",
        ...(own === undefined || own.version === manifest.version
          ? {}
          : { installed_version: own.version }),
        source,
      };
    });
  }

  async find(addonKey: string, version?: string): Promise<FoundBundle> {
    const offers = (await this.#offers()).filter(({ manifest }) =>
      manifest.key === addonKey && (version === undefined || manifest.version === version)
    );
    if (offers.length === 0) throw notRegistered(addonKey, version);
    return await best(offers).open();
  }

  async #offers(): Promise<readonly Offer[]> {
    const folder = this.#folder;
    if (folder === undefined) return this.#compiled;
    const taken = new Set(this.#compiled.map(({ manifest }) => manifest.key));
    const files = (await folder.bundles())
      // An addon of the host application is that application's alone.
      .filter(({ manifest }) => !taken.has(manifest.key))
      .map(({ file, manifest, reason }): Offer => ({
        manifest,
        source: "catalog",
        ...(reason === undefined ? {} : { reason }),
        open: async () => ({ ...await folder.open(file), source: "catalog" }),
      }));
    return [...this.#compiled, ...files];
  }

  async #installed(caller: Caller) {
    const rows = await this.#options.database.kysely.selectFrom("installations")
      .select(["addon_key", "version", "status"])
      .where("organization_id", "=", caller.organizationId).where("status", "<>", "removed")
      .execute();
    return new Map(rows.map((row) => [row.addon_key, row]));
  }
}

/** The highest version that can be installed; where none can, the highest. */
function best(offers: readonly Offer[]): Offer {
  const sound = offers.filter((each) => each.reason === undefined);
  const [first] = (sound.length > 0 ? sound : offers).toSorted((a, b) =>
    compareVersions(b.manifest.version, a.manifest.version)
  );
  return first!;
}

function compiledOffer({ manifest, archive }: CompiledBundle): Offer {
  return {
    manifest,
    source: "compiled",
    open: () => Promise.resolve({ archive, source: "compiled" }),
  };
}

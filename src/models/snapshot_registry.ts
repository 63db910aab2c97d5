/**
 * Keeps the snapshots of the organizations that were asked for last. Where other processes may
 * install addons too, a snapshot that has not been checked for a while is checked before it is used.
 * It does not know where models are stored.
 *
 * @module
 */

import type { Clock } from "../base/clock.ts";
import { invalidDefinition } from "./errors.ts";
import type { Model } from "./model.ts";
import type { ModelRegistry, ModelSnapshot } from "./registry.ts";
import { createSnapshot } from "./snapshot.ts";

/** What an organization has installed. */
export interface LoadedModels {
  /** Changes whenever the models change. */
  readonly version: string;
  /** By addon and declaration. */
  readonly models: readonly Model[];
  /**
   * Puts on the models, those of the host among them, what belongs to this organization alone.
   *
   * @default they stay as they are
   */
  readonly complete?: (models: readonly Model[]) => readonly Model[];
  /** See {@link ModelSnapshot.origin}. @default an object of its own */
  readonly origin?: object;
}

/** How a registry is made. */
export interface ModelRegistryOptions {
  /** Reads the models of an organization. */
  readonly load: (organizationId: string) => Promise<LoadedModels>;
  /** Models of the host application, in every organization. @default none */
  readonly hostModels?: readonly Model[];
  /**
   * Tells whether a version is still the latest. Absent where no other process installs addons.
   */
  readonly isCurrent?: (organizationId: string, version: string) => Promise<boolean>;
  /**
   * Age in milliseconds, 0 or more, from which `isCurrent` is asked again. It bounds how long this
   * process serves models that another process has replaced. @default 1000
   */
  readonly recheckAfterMs?: number;
  /** Greatest number of organizations kept, 1 or more. @default 10000 */
  readonly maxOrganizations?: number;
  /** Tells the age of snapshots. */
  readonly clock: Clock;
}

interface Entry {
  /** Resolves to the snapshot; one promise for all who wait. */
  promise: Promise<ModelSnapshot>;
  /** Version as loaded; undefined while loading. */
  version?: string;
  checkedAtMs: number;
}

/**
 * Makes a registry.
 *
 * @param options where models come from and how long they are trusted.
 * @returns the registry. Loads of one organization are shared by all who ask meanwhile, failed loads
 *   are not kept, and a load that an `invalidate` overtook answers only those who were waiting.
 * @throws {KernelError} model.invalid_definition — when two host models share a key or a table.
 */
export function createModelRegistry(options: ModelRegistryOptions): ModelRegistry {
  return new SnapshotRegistry(options);
}

class SnapshotRegistry implements ModelRegistry {
  readonly #options: ModelRegistryOptions;
  readonly #hostModels: readonly Model[];
  readonly #hostMark: string;
  readonly #recheckAfterMs: number;
  readonly #maxOrganizations: number;
  /** In the order of last use, the longest unused first. */
  readonly #entries = new Map<string, Entry>();
  /** Used last, hence already at the end of `#entries`. */
  #latest: string | undefined;

  constructor(options: ModelRegistryOptions) {
    this.#options = options;
    this.#hostModels = [...options.hostModels ?? []];
    this.#hostMark = this.#hostModels.length === 0 ? "" : `.${fingerprint(this.#hostModels)}`;
    this.#recheckAfterMs = options.recheckAfterMs ?? 1000;
    this.#maxOrganizations = options.maxOrganizations ?? 10_000;
    refuseDuplicates(this.#hostModels);
  }

  snapshot(organizationId: string): Promise<ModelSnapshot> {
    const entry = this.#entries.get(organizationId);
    if (entry === undefined) return this.#start(organizationId);
    if (organizationId !== this.#latest) this.#touch(organizationId, entry);
    return this.#isDue(entry) ? this.#recheck(organizationId, entry) : entry.promise;
  }

  invalidate(organizationId: string): void {
    this.#entries.delete(organizationId);
    if (this.#latest === organizationId) this.#latest = undefined;
  }

  #isDue(entry: Entry): boolean {
    if (this.#options.isCurrent === undefined || entry.version === undefined) return false;
    return this.#options.clock.nowMs() - entry.checkedAtMs >= this.#recheckAfterMs;
  }

  #touch(organizationId: string, entry: Entry): void {
    this.#entries.delete(organizationId);
    this.#entries.set(organizationId, entry);
    this.#latest = organizationId;
  }

  #start(organizationId: string): Promise<ModelSnapshot> {
    const entry: Entry = { promise: Promise.resolve(EMPTY), checkedAtMs: 0 };
    entry.promise = this.#guard(organizationId, entry, this.#load(organizationId, entry));
    this.#touch(organizationId, entry);
    if (this.#entries.size > this.#maxOrganizations) {
      const [oldest] = this.#entries.keys();
      this.#entries.delete(oldest!);
    }
    return entry.promise;
  }

  /** All who ask while the check runs wait for it: nobody is served from past the bound. */
  #recheck(organizationId: string, entry: Entry): Promise<ModelSnapshot> {
    const version = entry.version!;
    const known = entry.promise;
    delete entry.version;
    const startedAtMs = this.#options.clock.nowMs();
    const check = async (): Promise<ModelSnapshot> => {
      if (!await this.#options.isCurrent!(organizationId, version)) {
        return await this.#load(organizationId, entry);
      }
      entry.version = version;
      entry.checkedAtMs = startedAtMs;
      return await known;
    };
    entry.promise = this.#guard(organizationId, entry, check());
    return entry.promise;
  }

  async #load(organizationId: string, entry: Entry): Promise<ModelSnapshot> {
    const startedAtMs = this.#options.clock.nowMs();
    const loaded = await this.#options.load(organizationId);
    entry.checkedAtMs = startedAtMs;
    entry.version = loaded.version;
    const declared = [...this.#hostModels, ...loaded.models];
    const models = loaded.complete === undefined ? declared : loaded.complete(declared);
    return createSnapshot(loaded.version + this.#hostMark, models, loaded.origin);
  }

  async #guard(
    organizationId: string,
    entry: Entry,
    work: Promise<ModelSnapshot>,
  ): Promise<ModelSnapshot> {
    try {
      return await work;
    } catch (error) {
      if (this.#entries.get(organizationId) === entry) this.invalidate(organizationId);
      throw error;
    }
  }
}

const EMPTY: ModelSnapshot = createSnapshot("", []);

function refuseDuplicates(models: readonly Model[]): void {
  const taken = new Set<string>();
  for (const model of models) {
    for (const name of [`key ${model.key.toLowerCase()}`, `table ${model.table.table}`]) {
      if (taken.has(name)) {
        throw invalidDefinition(`host model "${model.key}"`, `the ${name} is registered twice`);
      }
      taken.add(name);
    }
  }
}

/** FNV-1a over what the host declares: a new release of the host changes the version too. */
function fingerprint(models: readonly Model[]): string {
  let hash = 0xcbf29ce484222325n;
  for (const byte of new TextEncoder().encode(JSON.stringify(models))) {
    hash = BigInt.asUintN(64, (hash ^ BigInt(byte)) * 0x100000001b3n);
  }
  return hash.toString(36);
}

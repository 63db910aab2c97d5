/**
 * Serves metadata to callers. It is derived once per snapshot and shared; callers only see models
 * that they may work with. It translates nothing.
 *
 * @module
 */

import type { AccessService } from "../access/access_service.ts";
import type { Caller } from "../base/caller.ts";
import type { JsonObject } from "../base/json.ts";
import { metadataNotFound } from "./errors.ts";
import type { AllMetadata, MetadataService } from "./metadata_service.ts";
import { modalMetadata } from "./modal_metadata.ts";
import type { Model } from "./model.ts";
import { routeName } from "./reference.ts";
import type { ModelRegistry, ModelSnapshot } from "./registry.ts";
import { tableMetadata } from "./table_metadata.ts";

/** Any of these lets a caller know of a model. */
const REVEALING_ACTIONS = ["read", "create", "update"] as const;

/** How a metadata service is made. */
export interface MetadataServiceOptions {
  /** Where models come from. */
  readonly registry: ModelRegistry;
  /**
   * Hides models from callers who may neither read nor write them: to them they are as unknown as
   * one that does not exist. @default every model of the organization is shown
   */
  readonly access?: AccessService;
}

interface ModelMetadata {
  table?: JsonObject;
  modal?: JsonObject;
}

/**
 * Makes a metadata service.
 *
 * @param options where models come from, and who may see them.
 * @returns the service.
 */
export function createMetadataService(options: MetadataServiceOptions): MetadataService {
  return new SnapshotMetadata(options);
}

class SnapshotMetadata implements MetadataService {
  readonly #registry: ModelRegistry;
  readonly #access: AccessService | undefined;
  /** Derived metadata goes when its snapshot goes. */
  readonly #derived = new WeakMap<ModelSnapshot, Map<Model, ModelMetadata>>();

  constructor(options: MetadataServiceOptions) {
    this.#registry = options.registry;
    this.#access = options.access;
  }

  async table(caller: Caller, name: string): Promise<JsonObject> {
    const { snapshot, model } = await this.#find(caller, name);
    return this.#tableOf(model, snapshot);
  }

  async modal(caller: Caller, name: string): Promise<JsonObject> {
    const { snapshot, model } = await this.#find(caller, name);
    return this.#modalOf(model, snapshot);
  }

  async all(caller: Caller): Promise<AllMetadata> {
    const snapshot = await this.#registry.snapshot(caller.organizationId);
    const visible = await Promise.all(
      snapshot.models.map((model) => this.#isVisible(caller, model)),
    );
    const models = snapshot.models.filter((_, index) => visible[index]);
    const named = models.map((model) => [routeName(model, snapshot), model] as const);
    return {
      version: snapshot.version,
      tables: Object.fromEntries(
        named.map(([name, model]) => [name, this.#tableOf(model, snapshot)]),
      ),
      modals: Object.fromEntries(
        named.map(([name, model]) => [name, this.#modalOf(model, snapshot)]),
      ),
    };
  }

  async #find(
    caller: Caller,
    name: string,
  ): Promise<{ readonly snapshot: ModelSnapshot; readonly model: Model }> {
    const snapshot = await this.#registry.snapshot(caller.organizationId);
    const model = snapshot.find(name);
    if (model === undefined || !await this.#isVisible(caller, model)) throw metadataNotFound(name);
    return { snapshot, model };
  }

  async #isVisible(caller: Caller, model: Model): Promise<boolean> {
    if (this.#access === undefined) return true;
    for (const action of REVEALING_ACTIONS) {
      if (await this.#access.allows(caller, `${model.key}.${action}`)) return true;
    }
    return false;
  }

  #tableOf(model: Model, snapshot: ModelSnapshot): JsonObject {
    return this.#metadataOf(model, snapshot).table ??= tableMetadata(model, snapshot);
  }

  #modalOf(model: Model, snapshot: ModelSnapshot): JsonObject {
    return this.#metadataOf(model, snapshot).modal ??= modalMetadata(model, snapshot);
  }

  #metadataOf(model: Model, snapshot: ModelSnapshot): ModelMetadata {
    let ofModels = this.#derived.get(snapshot);
    if (ofModels === undefined) this.#derived.set(snapshot, ofModels = new Map());
    let metadata = ofModels.get(model);
    if (metadata === undefined) ofModels.set(model, metadata = {});
    return metadata;
  }
}

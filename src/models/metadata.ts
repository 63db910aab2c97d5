/**
 * Serves metadata to callers. It is derived once per snapshot and shared; callers only see models
 * that they may work with, in their language where somebody translates.
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
import { type Translate, translateModal, translateTable } from "./translate_metadata.ts";

const AS_WRITTEN: Translate = (_addonKey, text) => text;

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
  /**
   * Finds texts in a caller's language. What is derived is kept by the function, so callers of one
   * language should get the same. @default texts stay as authors wrote them
   */
  readonly translator?: (caller: Caller) => Promise<Translate>;
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
  readonly #translator: (caller: Caller) => Promise<Translate>;
  /** Derived metadata goes when its snapshot goes, and with the language. */
  readonly #derived = new WeakMap<ModelSnapshot, WeakMap<Translate, Map<Model, ModelMetadata>>>();

  constructor(options: MetadataServiceOptions) {
    this.#registry = options.registry;
    this.#access = options.access;
    this.#translator = options.translator ?? (() => Promise.resolve(AS_WRITTEN));
  }

  async table(caller: Caller, name: string): Promise<JsonObject> {
    const { snapshot, model } = await this.#find(caller, name);
    return this.#tableOf(model, snapshot, await this.#translator(caller));
  }

  async modal(caller: Caller, name: string): Promise<JsonObject> {
    const { snapshot, model } = await this.#find(caller, name);
    return this.#modalOf(model, snapshot, await this.#translator(caller));
  }

  async all(caller: Caller): Promise<AllMetadata> {
    const snapshot = await this.#registry.snapshot(caller.organizationId);
    const translate = await this.#translator(caller);
    const visible = await Promise.all(
      snapshot.models.map((model) => this.#isVisible(caller, model)),
    );
    const models = snapshot.models.filter((_, index) => visible[index]);
    const named = models.map((model) => [routeName(model, snapshot), model] as const);
    return {
      version: snapshot.version,
      tables: Object.fromEntries(
        named.map(([name, model]) => [name, this.#tableOf(model, snapshot, translate)]),
      ),
      modals: Object.fromEntries(
        named.map(([name, model]) => [name, this.#modalOf(model, snapshot, translate)]),
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

  #tableOf(model: Model, snapshot: ModelSnapshot, translate: Translate): JsonObject {
    return this.#metadataOf(model, snapshot, translate).table ??= translateTable(
      tableMetadata(model, snapshot),
      model,
      translate,
    );
  }

  #modalOf(model: Model, snapshot: ModelSnapshot, translate: Translate): JsonObject {
    return this.#metadataOf(model, snapshot, translate).modal ??= translateModal(
      modalMetadata(model, snapshot),
      model,
      translate,
    );
  }

  #metadataOf(model: Model, snapshot: ModelSnapshot, translate: Translate): ModelMetadata {
    let languages = this.#derived.get(snapshot);
    if (languages === undefined) this.#derived.set(snapshot, languages = new WeakMap());
    let ofModels = languages.get(translate);
    if (ofModels === undefined) languages.set(translate, ofModels = new Map());
    let metadata = ofModels.get(model);
    if (metadata === undefined) ofModels.set(model, metadata = {});
    return metadata;
  }
}

/**
 * What a UI needs to draw a model: tables, dialogs, all of them at once.
 * Shapes: contract/metacore.md §1.5 and contract/client.md §3.
 *
 * @module
 */

import type { Caller } from "../base/caller.ts";
import type { JsonObject } from "../base/json.ts";

/** Everything at once. */
export interface AllMetadata {
  /** Changes when any metadata of the organization changes. */
  readonly version: string;
  /** Metadata of tables by the model's name in routes. */
  readonly tables: Readonly<Record<string, JsonObject>>;
  /** Metadata of dialogs by the model's name in routes. */
  readonly modals: Readonly<Record<string, JsonObject>>;
}

/** Derives metadata from live models. */
export interface MetadataService {
  /** Metadata of a model's table. @throws {KernelError} model.not_found */
  table(caller: Caller, model: string): Promise<JsonObject>;
  /** Metadata of a model's dialogs. @throws {KernelError} model.not_found */
  modal(caller: Caller, model: string): Promise<JsonObject>;
  /** Metadata of every model of the organization. */
  all(caller: Caller): Promise<AllMetadata>;
}

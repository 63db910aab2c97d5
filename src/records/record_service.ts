/**
 * The record engine's interface: everything that can be done with records of any model. Each method
 * checks the caller's permission and stays inside the caller's organization.
 *
 * @module
 */

import type { Caller } from "../base/caller.ts";
import type { Json, JsonObject } from "../base/json.ts";
import type { JsonText } from "../base/json_text.ts";

/** Where a page stands in a list (contract/metacore.md §2.4). */
export interface PageMeta {
  readonly total: number;
  readonly page: number;
  readonly per_page: number;
  readonly last_page: number;
}

/** One page of records. */
export interface RecordPage {
  /** The rows, an array. */
  readonly rows: JsonText<readonly JsonObject[]>;
  readonly meta: PageMeta;
}

/** One choice offered for a field (contract/metacore.md §1.7). */
export interface RecordOption {
  readonly id: Json;
  readonly value: Json;
  readonly label: string;
  readonly name: string;
  readonly description?: string;
  readonly image?: string;
  readonly color?: string;
  readonly icon?: string;
}

/** Choices, and whether they are fixed or records of another model. */
export interface OptionList {
  readonly type: "static" | "dynamic";
  readonly options: readonly RecordOption[];
}

/** One value of a column with the number of records that hold it. */
export interface Facet {
  readonly value: Json;
  readonly label: string;
  readonly count: number;
}

/** Reads and writes records. `model` is any name that the registry finds. */
export interface RecordService {
  /**
   * Lists records.
   *
   * @param query the query string of the request, see contract/metacore.md §2 and client.md §4.
   * @throws {KernelError} model.not_found, access.denied, record.unknown_column,
   *   record.invalid_filter
   */
  list(caller: Caller, model: string, query: URLSearchParams): Promise<RecordPage>;
  /** Reads one record. @throws {KernelError} record.not_found, record.invalid_id */
  get(caller: Caller, model: string, id: string): Promise<JsonText<JsonObject>>;
  /**
   * Creates a record; only declared columns are read from the input.
   *
   * @throws {KernelError} record.invalid (kind `invalid` with `fields`), record.duplicate
   */
  create(caller: Caller, model: string, input: unknown): Promise<JsonText<JsonObject>>;
  /** Changes the columns that the input names. */
  update(caller: Caller, model: string, id: string, input: unknown): Promise<JsonText<JsonObject>>;
  /** Removes a record: softly where the model says so. */
  remove(caller: Caller, model: string, id: string): Promise<void>;
  /** Distinct values of a column with counts (`field`, `q`, `limit` in the query). */
  facets(caller: Caller, model: string, query: URLSearchParams): Promise<readonly Facet[]>;
  /** Sums of numeric columns over the filtered records. */
  aggregate(caller: Caller, model: string, query: URLSearchParams): Promise<JsonObject>;
  /** Choices for a field of a model, or records of a referenced one (`field`, `q`, `limit`…). */
  options(caller: Caller, model: string, query: URLSearchParams): Promise<OptionList>;
  /** Records whose searchable columns contain a text, as choices. */
  search(caller: Caller, model: string, query: URLSearchParams): Promise<readonly RecordOption[]>;
}

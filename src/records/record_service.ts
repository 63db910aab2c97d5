/**
 * The record engine's interface: everything that can be done with records of any model. Each method
 * checks the caller's permission and stays inside the caller's organization.
 *
 * @module
 */

import type { Caller } from "../base/caller.ts";
import type { Json, JsonObject } from "../base/json.ts";
import type { JsonText } from "../base/json_text.ts";
import type { RequestClaim } from "../idempotency/idempotency.ts";

/** Where a page stands in a list (contract/metacore.md §2.4). */
export interface PageMeta {
  /** Records that match, on all pages; exact. */
  readonly total: number;
  /** Number of this page, from 1; may lie behind the last one. */
  readonly page: number;
  /** Most records on a page, 1 to 200. */
  readonly per_page: number;
  /** Number of the last page; 1 where nothing matches. */
  readonly last_page: number;
}

/** One page of records. */
export interface RecordPage {
  /** The rows, an array. */
  readonly rows: JsonText<readonly JsonObject[]>;
  /** Where the page stands in the list. */
  readonly meta: PageMeta;
}

/** One choice offered for a field (contract/metacore.md §1.7). */
export interface RecordOption {
  /** The same as `value`, for clients that read it under this name. */
  readonly id: Json;
  /**
   * What the field stores when this is chosen: a fixed value, or an id or other column of a record.
   */
  readonly value: Json;
  /** What people read; the value as text where a record has no label. */
  readonly label: string;
  /** The same as `label`, for clients that read it under this name. */
  readonly name: string;
  /** A second line below the label. */
  readonly description?: string;
  /** Address of a picture. */
  readonly image?: string;
  /** Colour of the choice, as the author or the record names it. */
  readonly color?: string;
  /** Name of an icon. */
  readonly icon?: string;
}

/** Choices, and whether they are fixed or records of another model. */
export interface OptionList {
  /** `static` where the author fixed the choices, `dynamic` where they are records. */
  readonly type: "static" | "dynamic";
  /** The choices: fixed ones all and in the author's order; records by label, 200 at most. */
  readonly options: readonly RecordOption[];
}

/** One value of a column with the number of records that hold it. */
export interface Facet {
  /** The value; never null or an empty text. */
  readonly value: Json;
  /**
   * What people read: the label of the choice or of the record that it stands for, or the value.
   */
  readonly label: string;
  /** Records that hold the value, 1 or more. */
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
   * @param claim a repeatable request that the creation is the work of: it keeps the record, too.
   * @throws {KernelError} record.invalid (kind `invalid` with `fields`), record.duplicate
   */
  create(
    caller: Caller,
    model: string,
    input: unknown,
    claim?: RequestClaim,
  ): Promise<JsonText<JsonObject>>;
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

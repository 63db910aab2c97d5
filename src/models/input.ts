/**
 * From the body of a request to values that can be bound. Each model's rules are compiled once; the
 * result names declared columns only, in declared order, so that equal sets of columns make equal
 * SQL. It grants nothing and reads nothing.
 *
 * @module
 */

import type { FieldError } from "../base/error.ts";
import { isJsonObject } from "../base/json.ts";
import { nearest } from "../base/nearest.ts";
import { type CoercedValue, type Coercion, COERCIONS } from "./coerce_value.ts";
import { type CustomValidators, type Rule, rulesOf } from "./column_rules.ts";
import { invalidBody, invalidRecord, unknownColumn } from "./errors.ts";
import type { Model, ModelColumn } from "./model.ts";
import { Refusal } from "./refusal.ts";
import { isBookkeeping, toleratedKeys } from "./tolerated_keys.ts";

/** Whether a record is made or changed. */
export type InputMode = "create" | "update";

/** A value as it is bound; see `COERCIONS` for each type. */
export type BoundValue = CoercedValue | null;

/** Values to write by column, in declared order. */
export type RecordInput = ReadonlyMap<string, BoundValue>;

interface InputColumn {
  readonly name: string;
  readonly required: boolean;
  readonly hasDefault: boolean;
  /** What an empty text means: no value at all, no value of an optional text, or itself. */
  readonly emptyText: "null" | "keep";
  readonly coerce: Coercion;
  readonly rules: readonly Rule[];
}

interface InputShape {
  readonly columns: readonly InputColumn[];
  readonly names: ReadonlySet<string>;
  readonly tolerated: ReadonlySet<string>;
}

const NO_VALIDATORS: CustomValidators = new Map();
const REQUIRED: FieldError = { code: "required", message: "is required" };
/** What older clients send for an empty reference, and published ones show as empty. */
const NIL_UUID = "00000000-0000-0000-0000-000000000000";
/** Nothing is to be written: the column's default holds. */
const OMITTED = Symbol("omitted");

const shapes = new WeakMap<CustomValidators, WeakMap<Model, InputShape>>();

/**
 * Reads the body of a create or an update.
 *
 * Only declared columns are written. What clients send beside them is ignored on purpose: `id`, the
 * tenant and audit columns, the siblings of reference columns, fields of the author's own dialog,
 * keys that start with `_` or `$` or hold objects (contract/client.md §4: published clients send the
 * full form, and rows go back as they came). Any other key is refused by name, with the nearest
 * column.
 *
 * An empty text means "no value" for every column that is not text, for a unique text (or else two
 * empty codes would collide), and on create for a text with a default; so does the nil UUID. A column without a value
 * takes its default on create. On update only the columns that the body names change.
 *
 * @param model the model.
 * @param input the parsed body, anything.
 * @param mode `create` demands required columns, `update` only checks what is there.
 * @param validators what `validation.custom` may name. @default none
 * @returns values by column; coerced as `COERCIONS` says.
 * @throws {KernelError} record.invalid_body — when the input is no JSON object.
 * @throws {KernelError} record.unknown_column — when it names a column the model lacks.
 * @throws {KernelError} record.invalid — when values break rules; `fields` holds every complaint.
 */
export function parseInput(
  model: Model,
  input: unknown,
  mode: InputMode,
  validators: CustomValidators = NO_VALIDATORS,
): RecordInput {
  if (!isJsonObject(input)) throw invalidBody();
  const body: Readonly<Record<string, unknown>> = input;
  const shape = shapeOf(model, validators);
  checkKeys(model, shape, body);
  const values = new Map<string, BoundValue>();
  let complaints: Map<string, FieldError[]> | undefined;
  for (const column of shape.columns) {
    const given = Object.hasOwn(body, column.name) ? body[column.name] : undefined;
    if (given === undefined && mode === "update") continue;
    const value = readValue(column, given, mode);
    if (value === OMITTED) continue;
    const errors = value instanceof Refusal ? [value.error] : complaintsAbout(column, value);
    if (errors !== undefined) (complaints ??= new Map()).set(column.name, errors);
    else if (!(value instanceof Refusal)) values.set(column.name, value);
  }
  if (complaints !== undefined) throw invalidRecord(complaints);
  return values;
}

function readValue(
  column: InputColumn,
  given: unknown,
  mode: InputMode,
): BoundValue | Refusal | typeof OMITTED {
  if (given === undefined || given === null || isEmptyText(column, given, mode)) {
    if (given === undefined && column.hasDefault) return OMITTED;
    if (column.required) return new Refusal(REQUIRED);
    return mode === "create" ? OMITTED : null;
  }
  return column.coerce(given);
}

function isEmptyText(column: InputColumn, given: unknown, mode: InputMode): boolean {
  if (typeof given !== "string" || given.length > 64) return false;
  if (column.emptyText === "null") return given.trim() === "" || given === NIL_UUID;
  return given === "" && (column.required || (mode === "create" && column.hasDefault));
}

function complaintsAbout(column: InputColumn, value: BoundValue): FieldError[] | undefined {
  // An empty optional text is no text: patterns and least lengths are not asked of it.
  if (value === null || value === "" || column.rules.length === 0) return undefined;
  let errors: FieldError[] | undefined;
  for (const rule of column.rules) {
    const error = rule(value);
    if (error !== undefined) (errors ??= []).push(error);
  }
  return errors;
}

function checkKeys(
  model: Model,
  shape: InputShape,
  body: Readonly<Record<string, unknown>>,
): void {
  for (const key of Object.keys(body)) {
    if (shape.names.has(key) || shape.tolerated.has(key)) continue;
    if (!isBookkeeping(key, body[key])) {
      throw unknownColumn(key, model.key, nearest(key, shape.names));
    }
  }
}

function shapeOf(model: Model, validators: CustomValidators): InputShape {
  let ofModels = shapes.get(validators);
  if (ofModels === undefined) shapes.set(validators, ofModels = new WeakMap());
  let shape = ofModels.get(model);
  if (shape === undefined) {
    shape = {
      columns: model.columns.map((column) => compileColumn(model, column, validators)),
      names: new Set(model.columns.map((column) => column.name)),
      tolerated: toleratedKeys(model),
    };
    ofModels.set(model, shape);
  }
  return shape;
}

function compileColumn(
  model: Model,
  column: ModelColumn,
  validators: CustomValidators,
): InputColumn {
  const isText = column.type === "string" || column.type === "text";
  return {
    name: column.name,
    required: column.required,
    hasDefault: column.default !== undefined,
    emptyText: isText && !column.unique ? "keep" : "null",
    coerce: COERCIONS[column.type],
    rules: rulesOf(model, column, validators),
  };
}

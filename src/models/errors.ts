/**
 * The failures of this room, each made in one place. It decides no statuses.
 *
 * @module
 */

import { type FieldError, KernelError } from "../base/error.ts";

const SHOWN_NAME_LENGTH = 64;

/**
 * Makes the error for a name that the registry does not find (contract/metacore.md §1.6).
 *
 * @param name the name as it was asked for.
 * @returns an error with code `model.not_found`.
 */
export function modelNotFound(name: string): KernelError {
  return new KernelError({
    code: "model.not_found",
    kind: "not_found",
    message: "model not found in registry",
    details: { model: name.slice(0, SHOWN_NAME_LENGTH) },
  });
}

/**
 * Makes the error of the metadata routes for a model that is unknown, or that the caller may not
 * know of: both alike (contract/metacore.md §1.5).
 *
 * @param name the name as it was asked for.
 * @returns an error with code `model.not_found`.
 */
export function metadataNotFound(name: string): KernelError {
  const shown = name.slice(0, SHOWN_NAME_LENGTH);
  return new KernelError({
    code: "model.not_found",
    kind: "not_found",
    message: `metadata: model not found: ${shown}`,
    details: { model: shown },
  });
}

/**
 * Makes the error for a model that cannot be served as it is declared.
 *
 * @param path where the fault lies, such as `manifest.model_definitions[0].columns[2].type`.
 * @param complaint what is wrong with it.
 * @returns an error with code `model.invalid_definition`.
 */
export function invalidDefinition(path: string, complaint: string): KernelError {
  return new KernelError({
    code: "model.invalid_definition",
    kind: "invalid",
    message: `${path}: ${complaint}`,
    details: { path },
  });
}

/**
 * Makes the error for input that is not a JSON object.
 *
 * @returns an error with code `record.invalid_body`.
 */
export function invalidBody(): KernelError {
  return new KernelError({
    code: "record.invalid_body",
    kind: "invalid",
    message: "invalid body: a JSON object is expected",
  });
}

/**
 * Makes the error for input that names a column the model lacks.
 *
 * @param column the name that was given.
 * @param model key of the model.
 * @param suggestion the nearest column there is.
 * @returns an error with code `record.unknown_column`.
 */
export function unknownColumn(
  column: string,
  model: string,
  suggestion: string | undefined,
): KernelError {
  const shown = column.slice(0, SHOWN_NAME_LENGTH);
  const hint = suggestion === undefined ? "" : `; did you mean "${suggestion}"?`;
  return new KernelError({
    code: "record.unknown_column",
    kind: "invalid",
    message: `unknown column "${shown}" of ${model}${hint}`,
    details: { column: shown, ...(suggestion === undefined ? {} : { suggestion }) },
  });
}

/**
 * Makes the error for input whose values break the rules of their columns.
 *
 * @param fields complaints by column, in declared order.
 * @returns an error with code `record.invalid` and `fields`.
 */
export function invalidRecord(fields: ReadonlyMap<string, readonly FieldError[]>): KernelError {
  const sentences = [...fields].map(([column, errors]) =>
    `${column} ${errors.map((error) => error.message).join(" and ")}`
  );
  return new KernelError({
    code: "record.invalid",
    kind: "invalid",
    message: sentences.join("; "),
    fields: Object.fromEntries(fields),
  });
}

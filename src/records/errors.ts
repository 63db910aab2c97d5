/**
 * Failures of the record engine. Texts that clients may match are those of contract/metacore.md §14.
 *
 * @module
 */

import { KernelError } from "../base/error.ts";
import { nearest } from "../base/nearest.ts";

/** No such record in the organization; says the same of records of others. */
export function recordNotFound(): KernelError {
  return new KernelError({
    code: "record.not_found",
    kind: "not_found",
    message: "record not found",
  });
}

/** The id in the path is no UUID. */
export function invalidId(): KernelError {
  return new KernelError({ code: "record.invalid_id", kind: "invalid", message: "invalid id" });
}

/**
 * A request names a column the model lacks.
 *
 * @param use what the column was named for, such as `filter`.
 * @param name the name as given.
 * @param candidates names that would have been valid.
 */
export function unknownColumn(
  use: string,
  name: string,
  candidates: Iterable<string>,
): KernelError {
  const near = nearest(name, candidates);
  const hint = near === undefined ? "" : `; did you mean "${near}"?`;
  return new KernelError({
    code: "record.unknown_column",
    kind: "invalid",
    message: `unknown ${use} column "${name.slice(0, 64)}"${hint}`,
    details: {
      use,
      column: name.slice(0, 64),
      ...(near === undefined ? {} : { suggestion: near }),
    },
  });
}

/**
 * A query parameter has the name of a column: filters begin with `f_`.
 *
 * @param name the parameter.
 */
export function unprefixedFilter(name: string): KernelError {
  return new KernelError({
    code: "record.unknown_parameter",
    kind: "invalid",
    message: `unknown parameter "${name}"; did you mean "f_${name}"?`,
    details: { parameter: name, suggestion: `f_${name}` },
  });
}

/**
 * A filter's value does not fit its column.
 *
 * @param column the column.
 * @param value the value as given.
 * @param expected what would have fitted, such as `an integer`.
 */
export function invalidFilter(column: string, value: string, expected: string): KernelError {
  const shown = value.slice(0, 100);
  return new KernelError({
    code: "record.invalid_filter",
    kind: "invalid",
    message: `invalid filter on "${column}": "${shown}" is not ${expected}`,
    details: { column, value: shown, expected },
  });
}

/** Facets and options need to know which field. */
export function fieldRequired(): KernelError {
  return new KernelError({
    code: "record.field_required",
    kind: "invalid",
    message: "field is required",
  });
}

/**
 * The field has no choices.
 *
 * @param field the field as given.
 */
export function optionsNotConfigured(field: string): KernelError {
  return new KernelError({
    code: "record.options_not_configured",
    kind: "not_found",
    message: "field not configured for options",
    details: { field },
  });
}

/**
 * The model whose records are the choices does not live in the organization.
 *
 * @param source the name the field's declaration gives.
 */
export function optionsSourceNotFound(source: string): KernelError {
  return new KernelError({
    code: "record.options_source_not_found",
    kind: "not_found",
    message: "dynamic options source model not found",
    details: { source },
  });
}

/**
 * More filters than a statement takes.
 *
 * @param most how many are accepted.
 * @returns kind `invalid`.
 */
export function tooManyFilters(most: number): KernelError {
  return new KernelError({
    code: "record.too_many_filters",
    kind: "invalid",
    message: `more than ${most} filters; combine values of one column with in:`,
    details: { most },
  });
}

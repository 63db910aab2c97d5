/**
 * A value that says why another value was refused. Coercions return it instead of throwing, because
 * one record may hold several faults and the good road must stay fast.
 *
 * @module
 */

import type { FieldError } from "../base/error.ts";

/** Why a value was refused. */
export class Refusal {
  /** The complaint, as clients get it. */
  readonly error: FieldError;

  /**
   * Wraps a complaint.
   *
   * @param error code, parameters and text.
   */
  constructor(error: FieldError) {
    this.error = error;
  }
}

/**
 * Makes a refusal without parameters.
 *
 * @param code one of the codes of contract/client.md §4.
 * @param message what is wrong, as the rest of a sentence that begins with the column.
 * @returns the refusal.
 */
export function refusal(code: string, message: string): Refusal {
  return new Refusal({ code, message });
}

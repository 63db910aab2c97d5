/**
 * SQL that is composed once and bound many times: composing costs more than running on an embedded
 * engine. A slot stands where a value will be; binding puts values there and touches nothing else.
 *
 * @module
 */

import { type OperationNode, type RawBuilder, sql, ValueNode } from "kysely";
import type { Statement } from "../db/database.ts";
import type { DialectProfile } from "../db/profile.ts";
import type { ColumnType } from "../db/schema/spec.ts";

/** Nobody outside can write a text that is taken for a slot. */
const MARK = crypto.randomUUID().slice(0, 24);
/** Tokens of change are digits on one engine, so their slots are too; below 2^53. */
const TOKEN_BASE = 7_070_707_070_000_000;

const slots = new Map<unknown, number>();

/**
 * A text that stands for a bound value.
 *
 * @param index which of the bound values goes here; 0 to 9,999.
 * @returns a text that no other parameter has, shaped like a UUID so that encoders of ids and texts
 *   leave it alone.
 */
export function slot(index: number): string {
  const text = `${MARK}${index.toString(16).padStart(12, "0")}`;
  slots.set(text, index);
  return text;
}

/**
 * Like {@link slot}, for values that are tokens of change.
 *
 * @param index as in {@link slot}.
 * @returns digits.
 */
export function tokenSlot(index: number): string {
  const number = TOKEN_BASE + index;
  slots.set(String(number), index);
  slots.set(number, index);
  return String(number);
}

/** Values that every engine accepts as one of their type. */
const SAMPLES: Readonly<Record<ColumnType["kind"], unknown>> = {
  text: "a",
  uuid: "00000000-0000-0000-0000-000000000000",
  smallint: 1,
  integer: 1,
  bigint: 1,
  numeric: 1,
  real: 1,
  double: 1,
  boolean: true,
  timestamp: "2026-01-01T00:00:00.000Z",
  date: "2026-01-01",
  time: "00:00:00",
  json: "a",
  bytes: new Uint8Array(1),
  array: [],
};

/**
 * A slot for a value of a column's type: the SQL the engine wants around such a value, without the
 * encoding, for what is bound has its final form already (RFC 3339, digits, JSON text, booleans).
 *
 * @param profile the engine.
 * @param index as in {@link slot}.
 * @param type the column's type.
 * @returns an expression.
 */
export function slotValue(
  profile: DialectProfile,
  index: number,
  type: ColumnType,
): RawBuilder<unknown> {
  const { sqlFragments, parameters } = profile.value(SAMPLES[type.kind], type).toOperationNode();
  const parts = parameters.map((node: OperationNode) =>
    ValueNode.is(node) ? slot(index) : { toOperationNode: () => node }
  );
  // The tag takes its fragments as a template literal gives them.
  return sql(sqlFragments as unknown as TemplateStringsArray, ...parts);
}

/** A statement with slots. */
export class Template {
  readonly #sql: string;
  readonly #parameters: readonly unknown[];
  /** Per parameter the slot's index, or -1 for a constant. */
  readonly #slots: readonly number[];

  /**
   * Composes a template.
   *
   * @param profile the engine.
   * @param query SQL whose parameters are slots or constants.
   */
  constructor(profile: DialectProfile, query: RawBuilder<unknown>) {
    const { sql: text, parameters } = profile.compile(query);
    this.#sql = text;
    this.#parameters = parameters;
    this.#slots = parameters.map((value) => slots.get(value) ?? -1);
  }

  /**
   * Puts values into the slots; a token goes in as a number where the engine wants one.
   *
   * @param values by slot.
   * @returns a statement to run.
   */
  bind(values: readonly unknown[]): Statement {
    const parameters = new Array<unknown>(this.#slots.length);
    for (let index = 0; index < parameters.length; index++) {
      const number = this.#slots[index]!;
      const sample = this.#parameters[index];
      parameters[index] = number < 0
        ? sample
        : typeof sample === "number"
        ? Number(values[number])
        : values[number];
    }
    return { sql: this.#sql, parameters };
  }
}

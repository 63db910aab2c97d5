/**
 * Small schema values that tests share.
 *
 * @module
 */

import assert from "node:assert/strict";
import { isKernelError } from "../../src/base/error.ts";
import { canonicalTable } from "../../src/db/schema/canonical.ts";
import type {
  ColumnSpec,
  ColumnType,
  IndexSpec,
  SchemaState,
  TableSpec,
} from "../../src/db/schema/spec.ts";

/** Equal in every run; another seed hunts for more. */
export const SEED = 20_260_131;
/** A physical schema. */
export const SCHEMA = "addon_hr";
/** An organization. */
export const ORG = "0B8C2C1E-0000-4000-8000-00000000000A";
/** Name of {@link bare}. */
export const orders = { schema: SCHEMA, table: "orders" };

/** A nullable column. */
export function columnSpec(
  name: string,
  type: ColumnType,
  more: Partial<ColumnSpec> = {},
): ColumnSpec {
  return { name, type, nullable: true, ...more };
}

/** `varchar(50)`. */
export const TEXT: ColumnType = { kind: "text", maxLength: 50 };
/** A table outside any tenant. */
export const bare: TableSpec = {
  name: orders,
  columns: [
    columnSpec("id", { kind: "uuid" }, { nullable: false }),
    columnSpec("code", TEXT),
    columnSpec("total", { kind: "integer" }),
    columnSpec("created_at", { kind: "timestamp" }),
  ],
  primaryKey: ["id"],
  indexes: [],
  foreignKeys: [],
  checks: [],
  tenantPolicy: false,
};
/** An index on columns. */
export const index = (name: string, ...columns: string[]): IndexSpec => ({
  name,
  keys: columns.map((each) => ({ expression: { kind: "column", name: each } })),
  unique: false,
});
/** A schema of canonical tables. */
export const stateOf = (...specs: readonly TableSpec[]): SchemaState =>
  new Map(specs.map((spec) => [spec.name.table, canonicalTable(spec)]));

/** Checks code and message of a refusal. */
export function refused(code: string, ...mentions: string[]): (thrown: unknown) => boolean {
  return (thrown) => {
    assert.ok(isKernelError(thrown), String(thrown));
    assert.equal(thrown.code, `schema.${code}`, thrown.message);
    for (const mention of mentions) assert.ok(thrown.message.includes(mention), thrown.message);
    return true;
  };
}

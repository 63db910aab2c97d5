/**
 * What has to be counted before a plan can say how much data its changes would lose or alter. It asks
 * only; `count_risks.ts` answers.
 *
 * @module
 */

import { applyChange } from "../../db/schema/apply.ts";
import { losesDigits } from "../../db/schema/change_notes.ts";
import { describeType } from "../../db/schema/column_type.ts";
import type { ColumnSpec, SchemaChange, SchemaState, TableName } from "../../db/schema/spec.ts";

/** One question about rows as they stand before the plan. */
export interface RiskQuestion {
  /** The table as it is called before. */
  readonly table: TableName;
  /** The column as it is called before; absent where whole rows are asked about. */
  readonly column?: string;
  /** What to count: all rows, values, rows without a value, or values that a new type cannot hold. */
  readonly question: "rows" | "non-null values" | "null values" | "values that do not fit";
  /** Why, for the plan. */
  readonly reason: string;
}

/** Names of tables and columns before the plan, by those that they have now. */
type Origins = Map<string, { readonly table: TableName; readonly columns: Map<string, string> }>;

/**
 * Lists what has to be counted.
 *
 * @param changes all changes of one schema, in order.
 * @param current what the schema holds before them.
 * @returns the questions; none about tables and columns that the changes themselves make.
 */
export function risksOf(
  changes: readonly SchemaChange[],
  current: SchemaState,
): readonly RiskQuestion[] {
  const origins: Origins = new Map(
    [...current].map(([name, table]) => [name, {
      table: table.name,
      columns: new Map(table.columns.map((column) => [column.name, column.name])),
    }]),
  );
  const questions: RiskQuestion[] = [];
  let state = current;
  for (const change of changes) {
    questions.push(...questionsOf(change, state, origins));
    follow(change, origins);
    state = applyChange(state, change);
  }
  return questions;
}

function questionsOf(
  change: SchemaChange,
  state: SchemaState,
  origins: Origins,
): RiskQuestion[] {
  if (change.kind === "dropSchema") {
    return change.tables.flatMap((name) => rowsOf(name, origins));
  }
  if (change.kind === "dropTable") return rowsOf(change.table.table, origins);
  if (change.kind !== "dropColumn" && change.kind !== "alterColumn") return [];
  const name = change.kind === "dropColumn" ? change.column : change.column.name;
  const origin = origins.get(change.table.table);
  const column = origin?.columns.get(name);
  if (origin === undefined || column === undefined) return [];
  const place = { table: origin.table, column };
  if (change.kind === "dropColumn") {
    return [{ ...place, question: "non-null values", reason: `column ${name} is dropped` }];
  }
  const before = state.get(change.table.table)?.columns.find((each) => each.name === name);
  return before === undefined ? [] : alterations(before, change.column)
    .map((alteration) => ({ ...place, ...alteration }));
}

function alterations(
  before: ColumnSpec,
  after: ColumnSpec,
): Pick<RiskQuestion, "question" | "reason">[] {
  const found: Pick<RiskQuestion, "question" | "reason">[] = [];
  if (losesDigits(before.type, after.type)) {
    const reason = `${describeType(after.type)} does not hold every whole number beyond 2^53`;
    found.push({ question: "values that do not fit", reason });
  }
  if (before.nullable && !after.nullable) {
    const reason = after.default === undefined
      ? "a value becomes required, and there is no default: such rows refuse the change"
      : "a value becomes required: the default is written";
    found.push({ question: "null values", reason });
  }
  return found;
}

function rowsOf(name: string, origins: Origins): RiskQuestion[] {
  const table = origins.get(name)?.table;
  return table === undefined
    ? []
    : [{ table, question: "rows", reason: `table ${name} is dropped` }];
}

/** Names move, and what goes is not asked about again when a new thing takes its name. */
function follow(change: SchemaChange, origins: Origins): void {
  switch (change.kind) {
    case "dropSchema":
      return origins.clear();
    case "dropTable":
      origins.delete(change.table.table);
      return;
    case "renameTable": {
      const origin = origins.get(change.table.table);
      origins.delete(change.table.table);
      if (origin !== undefined) origins.set(change.to, origin);
      return;
    }
    case "dropColumn":
      origins.get(change.table.table)?.columns.delete(change.column);
      return;
    case "renameColumn": {
      const columns = origins.get(change.table.table)?.columns;
      const origin = columns?.get(change.column);
      columns?.delete(change.column);
      if (origin !== undefined) columns?.set(change.to, origin);
      return;
    }
    default:
      return;
  }
}

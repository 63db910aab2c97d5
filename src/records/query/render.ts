/**
 * Selection and sort → SQL with slots. Equal shapes make equal SQL, so a shape's key names its
 * template; values stand apart in the order of their slots.
 *
 * @module
 */

import { type RawBuilder, sql } from "kysely";
import type { DialectProfile } from "../../db/profile.ts";
import type { ColumnType } from "../../db/schema/spec.ts";
import { notRemoved } from "../record_json.ts";
import type { TenantScope } from "../scope.ts";
import type { ModelShape, ShapeColumn } from "../shape.ts";
import { slotValue } from "../template.ts";
import type { Condition, ReadPlan, Selection } from "./plan.ts";

/** Slot of the organization's id in every template over records. */
export const ORGANIZATION_SLOT = 0;
/** First slot of a selection's values. */
const FIRST_VALUE_SLOT = 1;

/** A model, and how its rows are reached. */
export interface RenderTarget {
  readonly profile: DialectProfile;
  readonly scope: TenantScope;
  readonly shape: ModelShape;
}

/**
 * Names the shape of a selection: equal keys make equal SQL.
 *
 * @param selection which records are meant.
 * @returns a short text; undefined when the SQL depends on a text that is looked for, which engines
 *   fold in their own ways.
 */
export function selectionKey(selection: Selection): string | undefined {
  if (selection.search !== undefined) return undefined;
  const parts: string[] = [];
  for (const condition of selection.conditions) {
    if (condition.kind === "contains") return undefined;
    parts.push(conditionKey(condition));
  }
  return parts.join(";");
}

/**
 * Names the shape of a plan's order.
 *
 * @param plan the plan.
 * @returns a short text.
 */
export function sortKey(plan: ReadPlan): string {
  return plan.sort === undefined ? "" : `${plan.sort.column.name} ${plan.sort.direction}`;
}

/**
 * Collects what a template of {@link selectionWhere} binds.
 *
 * @param organizationId the tenant.
 * @param selection which records are meant.
 * @returns values by slot; the next free slot is their count.
 */
export function selectionValues(organizationId: string, selection: Selection): unknown[] {
  const values: unknown[] = [organizationId];
  for (const condition of selection.conditions) {
    if (condition.kind === "compare") values.push(condition.value);
    else if (condition.kind === "in" || condition.kind === "notIn") {
      values.push(...condition.values);
    }
  }
  return values;
}

/**
 * Renders the condition of a selection: the tenant's rows, none that were removed, all filters, the
 * search.
 *
 * @param target the model.
 * @param selection which records are meant; only its shape counts.
 * @param alias name by which the statement calls the table.
 * @returns a condition with slots as {@link selectionValues} fills them.
 */
export function selectionWhere(
  target: RenderTarget,
  selection: Selection,
  alias: string,
): RawBuilder<unknown> {
  const { profile, scope, shape } = target;
  const parts = [scope(alias, organizationSlot(profile))];
  const present = notRemoved(shape, alias);
  if (present !== undefined) parts.push(present);
  let next = FIRST_VALUE_SLOT;
  const take = (type: ColumnType): RawBuilder<unknown> => slotValue(profile, next++, type);
  for (const condition of selection.conditions) {
    parts.push(renderCondition(profile, condition, alias, take));
  }
  if (selection.search !== undefined) {
    const pattern = escapeLike(selection.search.text);
    const hits = selection.search.columns.map((column) =>
      profile.containsText(asText(column, alias), pattern)
    );
    parts.push(sql`(${sql.join(hits, sql` or `)})`);
  }
  return sql.join(parts, sql` and `);
}

/**
 * Renders the order of a list. Every order ends with `id`, so that pages neither repeat nor miss a
 * record; without a sort the newest come first.
 *
 * @param plan the plan.
 * @param alias name by which the statement calls the table.
 * @returns what stands behind `order by`.
 */
export function listOrder(plan: ReadPlan, alias: string): RawBuilder<unknown> {
  const id = sql.ref(`${alias}.id`);
  if (plan.sort === undefined) {
    return sql`${sql.ref(`${alias}.created_at`)} desc, ${id} desc`;
  }
  const direction = plan.sort.direction === "asc" ? sql`asc` : sql`desc`;
  if (plan.sort.column.name === "id") return sql`${id} ${direction}`;
  return sql`${sql.ref(`${alias}.${plan.sort.column.name}`)} ${direction}, ${id} ${direction}`;
}

/** Which part of an ordered list is wanted. */
export interface Window {
  /** Most rows. */
  readonly limit: number;
  /** Rows passed over. */
  readonly offset: number;
}

/**
 * Names the shape of a window.
 *
 * @param window the window.
 * @returns a short text.
 */
export function windowKey({ limit, offset }: Window): string {
  return offset === 0 ? `first ${limit}` : `next ${limit}`;
}

/**
 * Renders a window. The limit is written out, for a planner that does not know it takes a tenth of
 * the table for likely and sorts everything where an index would give the first rows at once.
 *
 * @param profile the engine.
 * @param window the window; of the offset only whether there is one counts.
 * @param offsetSlot where the offset is bound.
 * @returns what stands behind `order by …`.
 */
export function renderWindow(
  profile: DialectProfile,
  window: Window,
  offsetSlot: number,
): RawBuilder<unknown> {
  const limit = sql`limit ${sql.lit(window.limit)}`;
  if (window.offset === 0) return limit;
  return sql`${limit} offset ${slotValue(profile, offsetSlot, { kind: "bigint" })}`;
}

/**
 * The organization's id as SQL.
 *
 * @param profile the engine.
 * @returns the first slot.
 */
export function organizationSlot(profile: DialectProfile): RawBuilder<unknown> {
  return slotValue(profile, ORGANIZATION_SLOT, { kind: "uuid" });
}

/**
 * Lets the wildcards of a text mean themselves.
 *
 * @param text what is looked for.
 * @returns the text with `%`, `_` and `\\` escaped with a backslash.
 */
export function escapeLike(text: string): string {
  return text.replaceAll(/[\\%_]/g, (character) => `\\${character}`);
}

function conditionKey(condition: Condition): string {
  const { name } = condition.column;
  switch (condition.kind) {
    case "compare":
      return `${name} ${condition.comparison}`;
    case "in":
    case "notIn":
      return `${name} ${condition.kind} ${condition.values.length}`;
    default:
      return `${name} ${condition.kind}`;
  }
}

function renderCondition(
  profile: DialectProfile,
  condition: Condition,
  alias: string,
  take: (type: ColumnType) => RawBuilder<unknown>,
): RawBuilder<unknown> {
  const column = sql.ref(`${alias}.${condition.column.name}`);
  const value = (): RawBuilder<unknown> => take(condition.column.type);
  switch (condition.kind) {
    case "compare":
      return sql`${column} ${sql.raw(condition.comparison)} ${value()}`;
    case "in":
      return sql`${column} in (${sql.join(condition.values.map(value))})`;
    case "notIn":
      // Together with IN it makes all records, so a record without a value is in here.
      return sql`(${column} is null or ${column} not in (${
        sql.join(condition.values.map(value))
      }))`;
    case "contains":
      return profile.containsText(asText(condition.column, alias), escapeLike(condition.text));
    case "isNull":
      return sql`${column} is null`;
    case "isNotNull":
      return sql`${column} is not null`;
  }
}

function asText(column: ShapeColumn, alias: string): RawBuilder<unknown> {
  const reference = sql.ref(`${alias}.${column.name}`);
  return column.type.kind === "text" ? reference : sql`cast(${reference} as text)`;
}

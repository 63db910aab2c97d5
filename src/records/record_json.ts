/**
 * A record as JSON, written by the engine: `id`, the declared columns, the other system columns, and
 * for reference columns a sibling that names what they point at (contract/client.md §3).
 *
 * @module
 */

import { type RawBuilder, sql } from "kysely";
import type { DialectProfile } from "../db/profile.ts";
import type { TenantScope } from "./scope.ts";
import type { ModelShape, ShapeColumn } from "./shape.ts";

/** What fits a cell or a picker. */
const MAX_LABEL_CHARACTERS = 255;

/** What a sibling needs of the model that a column points at. */
export interface SiblingSource {
  /** Reference column of the record. */
  readonly column: string;
  /** Key of the sibling: the column's name without `_id`. */
  readonly key: string;
  readonly target: ModelShape;
  /** Columns that together name a record. */
  readonly labels: readonly ShapeColumn[];
  readonly image?: ShapeColumn;
}

/** How a record's JSON is composed. */
export interface RecordJsonOptions {
  readonly profile: DialectProfile;
  readonly scope: TenantScope;
  /** The organization's id as SQL. */
  readonly organization: RawBuilder<unknown>;
  readonly shape: ModelShape;
  readonly siblings: readonly SiblingSource[];
  /** Whether `created_by` tells the name of who created the record. */
  readonly creator: "named" | "id only";
}

/** The JSON of records as some callers may see it. */
export interface RecordView {
  readonly json: RecordJsonOptions;
  /** Names the variant: which siblings are there. */
  readonly key: string;
  /** Whether the JSON needs nothing but the row itself. */
  readonly source: "row" | "row and others";
}

type Entry = readonly [string, RawBuilder<unknown>];

/**
 * Composes a record's JSON with its siblings.
 *
 * @param options the model and what its siblings need.
 * @param alias name by which the statement calls the model's table.
 * @returns an expression.
 */
export function recordJson(options: RecordJsonOptions, alias: string): RawBuilder<unknown> {
  const entries = columnEntries(options.profile, options.shape, alias);
  for (const sibling of options.siblings) {
    entries.push([sibling.key, siblingJson(options, sibling, alias)]);
  }
  if (options.creator === "named" && !options.shape.columns.has("created_by")) {
    entries.push(["created_by", creatorJson(options, alias)]);
  }
  return options.profile.jsonObject(entries);
}

/**
 * Composes a row's JSON without siblings, as events carry it.
 *
 * @param profile the engine.
 * @param shape the model.
 * @param alias name by which the statement calls the model's table; none behind `returning`, where
 *   one engine knows no alias.
 * @returns an expression.
 */
export function rowJson(
  profile: DialectProfile,
  shape: ModelShape,
  alias?: string,
): RawBuilder<unknown> {
  return profile.jsonObject(columnEntries(profile, shape, alias));
}

/**
 * Composes the text by which a record is called.
 *
 * @param labels columns that together name it, at least one.
 * @param alias name by which the statement calls the model's table.
 * @returns an expression: the texts, each cut to 255 characters, joined by spaces; null when there is
 *   none.
 */
export function labelText(labels: readonly ShapeColumn[], alias: string): RawBuilder<unknown> {
  const [first, ...rest] = labels.map((column) => labelPart(sql.ref(`${alias}.${column.name}`)));
  if (rest.length === 0) return first!;
  const tail = rest.map((column) => sql`coalesce(' ' || ${column}, '')`);
  return sql`nullif(trim(coalesce(${first}, '') || ${sql.join(tail, sql` || `)}), '')`;
}

/** Cut, because a page names the same record once a row: a long text would come back many times. */
function labelPart(column: RawBuilder<unknown>): RawBuilder<unknown> {
  return sql`substr(cast(${column} as text), 1, ${sql.lit(MAX_LABEL_CHARACTERS)})`;
}

/**
 * The condition that a row has not been removed softly.
 *
 * @param shape the model.
 * @param alias name by which the statement calls the model's table.
 * @returns a condition, or undefined where rows are removed for good.
 */
export function notRemoved(shape: ModelShape, alias: string): RawBuilder<unknown> | undefined {
  return shape.model.softDelete ? sql`${sql.ref(`${alias}.deleted_at`)} is null` : undefined;
}

function columnEntries(profile: DialectProfile, shape: ModelShape, alias?: string): Entry[] {
  const prefix = alias === undefined ? "" : `${alias}.`;
  return [...shape.columns.values()].map((column): Entry => [
    column.name,
    profile.jsonValue(sql.ref(`${prefix}${column.name}`), column.type),
  ]);
}

function siblingJson(
  options: RecordJsonOptions,
  sibling: SiblingSource,
  alias: string,
): RawBuilder<unknown> {
  const { profile, scope, organization } = options;
  const entries: Entry[] = [
    ["value", profile.jsonValue(sql.ref("sibling.id"), { kind: "uuid" })],
    ["label", labelText(sibling.labels, "sibling")],
  ];
  if (sibling.image !== undefined) {
    entries.push(["image", sql.ref(`sibling.${sibling.image.name}`)]);
  }
  const conditions = [
    scope("sibling", organization),
    sql`${sql.ref("sibling.id")} = ${sql.ref(`${alias}.${sibling.column}`)}`,
  ];
  const present = notRemoved(sibling.target, "sibling");
  if (present !== undefined) conditions.push(present);
  return nested(
    profile,
    sql`select ${profile.jsonObject(entries)} from ${
      profile.table(sibling.target.model.table)
    } as sibling where ${sql.join(conditions, sql` and `)}`,
  );
}

function creatorJson(options: RecordJsonOptions, alias: string): RawBuilder<unknown> {
  const { profile, organization } = options;
  const json = profile.jsonObject([
    ["name", sql.ref("creator.name")],
    ["avatar", sql.ref("creator.avatar")],
    ["email", sql.ref("creator.email")],
  ]);
  return nested(
    profile,
    sql`select ${json} from ${profile.kernelTable("users")} as creator where ${
      sql.ref("creator.organization_id")
    } = ${organization} and ${sql.ref("creator.id")} = ${sql.ref(`${alias}.created_by_id`)}`,
  );
}

/** A subselect loses the mark of JSON on its way out of it on one engine. */
function nested(profile: DialectProfile, select: RawBuilder<unknown>): RawBuilder<unknown> {
  return profile.jsonValue(sql`(${select})`, { kind: "json" });
}

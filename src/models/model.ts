/**
 * A live model: the resolved shape that the record engine serves, whether an addon's manifest or
 * the host application declared it. Pure data.
 *
 * @module
 */

import type { ForeignKeyAction, TableName } from "../db/schema/spec.ts";
import type { JsonObject } from "../base/json.ts";
import type { ColumnTypeName } from "../bundle/manifest/column_type.ts";
import type { ColumnDefaultValue } from "../bundle/manifest/default_value.ts";
import type { ActionDefinition, ValidationDefinition } from "../bundle/manifest/manifest.ts";

/** A declared column. */
export interface ModelColumn {
  readonly name: string;
  readonly type: ColumnTypeName;
  /** Greatest length of a `string`, in characters. */
  readonly size?: number;
  readonly required: boolean;
  readonly unique: boolean;
  readonly index: boolean;
  /** Default as the manifest gives it, parsed: a JSON value, or a function. */
  readonly default?: ColumnDefaultValue;
  /** Model or table this column points at: `orders` or `addon_x.orders`. */
  readonly ref?: string;
  readonly visibility: "all" | "table" | "modal" | "list";
  readonly searchable?: boolean;
  readonly widget?: string;
  readonly validation?: ValidationDefinition;
  /** Addon that put the column on a model of another one, or of the host; absent on a model's own. */
  readonly extendedBy?: string;
}

/** An index of a model's table, beside those of single columns. */
export interface ModelIndex {
  /** Its name; absent makes one of table and columns. */
  readonly name?: string;
  /** Columns in order, without the organization, which every index starts with. */
  readonly columns: readonly string[];
  readonly unique: boolean;
}

/** A foreign key to another table of the same addon. */
export interface ModelForeignKey {
  /** Columns that point and those that are pointed at, without the organization. */
  readonly columns: readonly string[];
  readonly table: string;
  readonly references: readonly string[];
  readonly onDelete: ForeignKeyAction;
}

/** A relation between models (contract/metacore.md §3.5). */
export interface ModelRelation {
  readonly name: string;
  readonly kind: "one_to_many" | "belongs_to" | "many_to_many";
  readonly through: string;
  readonly foreignKey: string;
  /** @default "id" */
  readonly references: string;
  readonly pivot?: string;
}

/** An action of a live model. */
export interface ModelAction extends ActionDefinition {
  /** Addon that declares it and whose code runs: another one's where that extends the model. */
  readonly addonKey: string;
}

/** A live model. */
export interface Model {
  /** Name in routes, permissions and events; unique within an organization. */
  readonly key: string;
  /** Addon that owns it, or `kernel` for models of the host application. */
  readonly addonKey: string;
  readonly label: string;
  readonly table: TableName;
  /** Declared columns in order, without the system columns. */
  readonly columns: readonly ModelColumn[];
  /** Removing marks `deleted_at` instead of deleting the row. */
  readonly softDelete: boolean;
  readonly relations: readonly ModelRelation[];
  readonly indexes?: readonly ModelIndex[];
  readonly foreignKeys?: readonly ModelForeignKey[];
  /** UI specification of the table as the author wrote it, passed on and completed. */
  readonly tableView?: JsonObject;
  /** UI specification of the dialogs as the author wrote it. */
  readonly modalView?: JsonObject;
  readonly actions: readonly ModelAction[];
  /** Changes of records before which code of the model's own addon is asked. @default none */
  readonly hookedChanges?: readonly RecordChangeKind[];
}

/** What can be done to records, beside reading them. */
export type RecordChangeKind = "create" | "update" | "delete";

/** Columns every model's table has beside the declared ones, in this order. `deleted_at` only counts where the model soft-deletes. */
export const SYSTEM_COLUMNS = [
  "id",
  "organization_id",
  "created_by_id",
  "created_at",
  "updated_at",
  "deleted_at",
] as const;

/** Name of a system column. */
export type SystemColumn = (typeof SYSTEM_COLUMNS)[number];

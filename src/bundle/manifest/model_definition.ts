/**
 * Models as manifests declare them: tables, columns, relations, indexes, foreign keys. Part of the
 * internal shape of `manifest.ts`, which gives these types out.
 *
 * @module
 */

import type { Json, JsonObject } from "../../base/json.ts";

/** A choice of a select. */
export interface OptionDefinition {
  /** What is stored. */
  readonly value: Json;
  /** What is shown. */
  readonly label: string;
  /** Name or hex code of a colour. */
  readonly color?: string;
  /** Name of an icon. */
  readonly icon?: string;
}

/** Rules on a column's value. */
export interface ValidationDefinition {
  /** RE2 pattern that a value must match. */
  readonly regex?: string;
  /** Least value, or least length of a text. */
  readonly min?: number;
  /** Greatest value, or greatest length of a text. */
  readonly max?: number;
  /** Validator: a dotted name, or `$org.<name>`. */
  readonly custom?: string;
}

/** A column of a model definition. */
export interface ColumnDefinition {
  /** Name in the table and in records. */
  readonly name: string;
  /** Type name as the author wrote it; `columnTypeOf` resolves it. */
  readonly type: string;
  /** Greatest length of a `string`, in characters. @default 255 */
  readonly size?: number;
  /** Whether every record must hold a value. */
  readonly required?: boolean;
  /** Whether the column has an index. */
  readonly index?: boolean;
  /** Whether values are unique within an organization. */
  readonly unique?: boolean;
  /** Default as the author wrote it; `parseColumnDefault` reads it. */
  readonly default?: string | number | boolean;
  /** Model or table that the column points at: `orders` or `addon_x.orders`. */
  readonly ref?: string;
  /** Where a UI shows it: `all`, `table`, `modal` or `list`. */
  readonly visibility?: string;
  /** Whether search looks into it. */
  readonly searchable?: boolean;
  /** How a UI edits it; one of 19 words. */
  readonly widget?: string;
  /** Rules on its value. */
  readonly validation?: ValidationDefinition;
}

/** A relation of a model definition. */
export interface RelationDefinition {
  /** Name, unique within the model. */
  readonly name: string;
  /** Which side holds the key. */
  readonly kind: "one_to_many" | "belongs_to" | "many_to_many";
  /** Table on the other side. */
  readonly through: string;
  /** Column that points; on the target, on the owner or on the pivot. */
  readonly foreign_key: string;
  /** Column that is pointed at. @default "id" */
  readonly references?: string;
  /** Table between the two; with `many_to_many` only. */
  readonly pivot?: string;
}

/** An index of a model's table. */
export interface IndexDefinition {
  /** Its name; absent makes one of table and columns. */
  readonly name?: string;
  /** Columns in order; the organization always comes first, whether it is named or not. */
  readonly columns: readonly string[];
  /** Whether its values are unique within an organization. */
  readonly unique: boolean;
}

/** A foreign key to a table of the same addon. */
export interface ForeignKeyDefinition {
  /** Columns that point. */
  readonly columns: readonly string[];
  /** Table that is pointed at. */
  readonly table: string;
  /** Columns that are pointed at, in the same order. */
  readonly references: readonly string[];
  /** What happens to a record whose target goes. */
  readonly on_delete: "no action" | "restrict" | "cascade" | "set null";
}

/** A model as a manifest declares it. */
export interface ModelDefinition {
  /** Name of its table within the addon. */
  readonly table_name: string;
  /** Name in routes, permissions and events. */
  readonly model_key: string;
  /** What is shown. */
  readonly label: string;
  /** Whether the author asked for rows per organization; they always are. */
  readonly org_scoped?: boolean;
  /** Whether removing marks the row instead of deleting it. */
  readonly soft_delete?: boolean;
  /** Columns in order. */
  readonly columns: readonly ColumnDefinition[];
  /** Relations to other tables. */
  readonly relations?: readonly RelationDefinition[];
  /** Indexes beside those of single columns. */
  readonly indices?: readonly IndexDefinition[];
  /** Foreign keys that the database keeps. */
  readonly foreign_keys?: readonly ForeignKeyDefinition[];
  /** UI specification of the table, as the author wrote it. */
  readonly table?: JsonObject;
  /** UI specification of the dialogs, as the author wrote it. */
  readonly modal?: JsonObject;
}

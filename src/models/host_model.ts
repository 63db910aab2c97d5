/**
 * Models that the host application registers in code: the counterpart of the original's
 * `RegisterModel`. They obey the rules of manifest models and live in a schema of their own.
 *
 * @module
 */

import type { ColumnDefaultValue } from "../bundle/manifest/default_value.ts";
import type { ValidationDefinition } from "../bundle/manifest/manifest.ts";
import type { JsonObject } from "../base/json.ts";
import { buildModel, type ColumnSource } from "./build_model.ts";
import type { Model } from "./model.ts";

/** Schema of the host's tables. No addon can have it: the key `kernel` is reserved. */
export const hostSchema = "addon_kernel";

/** Addon key that models of the host carry. */
export const hostAddonKey = "kernel";

/** A column of a host model. */
export interface HostColumn {
  /**
   * `string`, `text`, `uuid`, `integer`, `bigint`, `decimal`, `boolean`, `timestamp`, `date`, `json`
   * or one of the aliases of contract/metacore.md §3.4, in any letter case.
   */
  readonly type: string;
  /** Greatest length of a `string` in characters, 1 to 10,485,760. @default 255 */
  readonly size?: number;
  /** A record must have a value. @default false */
  readonly required?: boolean;
  /** No two records of an organization share a value. @default false */
  readonly unique?: boolean;
  /** Filters and sorts by this column are fast. @default false */
  readonly index?: boolean;
  /** Value of records that name none: a constant, `{kind: "now"}` or `{kind: "uuid"}`. */
  readonly default?: string | number | boolean | ColumnDefaultValue;
  /** Model whose records this column's values are ids of. */
  readonly ref?: string;
  /** Where a UI shows the column. @default "all" */
  readonly visibility?: "all" | "table" | "modal" | "list";
  /** Whether search looks into it. @default true for text columns */
  readonly searchable?: boolean;
  /** How a form edits it (contract/metacore.md §3.4). */
  readonly widget?: string;
  /** Rules on its values. */
  readonly validation?: ValidationDefinition;
}

/** A relation of a host model. */
export interface HostRelation {
  /** Name of the relation, unique within the model; spelled as a column's name. */
  readonly name: string;
  /**
   * Which side holds the id: this model for `belongs_to`, the other for `one_to_many`, the table
   * between them for `many_to_many`.
   */
  readonly kind: "one_to_many" | "belongs_to" | "many_to_many";
  /** Table of the other model. */
  readonly through: string;
  /** Column that holds the id: here for `belongs_to`, there otherwise. */
  readonly foreignKey: string;
  /** Column that the id is of. @default "id" */
  readonly references?: string;
  /** Table between the two; for `many_to_many` only. */
  readonly pivot?: string;
}

/**
 * A model that the host application registers. Every model also has `id`, `organization_id`,
 * `created_by_id`, `created_at` and `updated_at`.
 */
export interface HostModelDefinition {
  /** Name in routes, permissions and events, such as `customers`. */
  readonly key: string;
  /** Name for people. @default the key */
  readonly label?: string;
  /** Name of the table. @default the key */
  readonly tableName?: string;
  /** Columns by name, in the order of forms and tables. */
  readonly columns: Readonly<Record<string, HostColumn>>;
  /** Removing marks the record instead of deleting it. @default false */
  readonly softDelete?: boolean;
  /** Relations to other models. @default none */
  readonly relations?: readonly HostRelation[];
  /** UI specification of the table (contract/client.md §3). @default derived from the columns */
  readonly tableView?: JsonObject;
  /** UI specification of the dialogs. @default derived from the columns */
  readonly modalView?: JsonObject;
}

/**
 * Makes a model from what the host application declares.
 *
 * @param definition the declaration.
 * @returns the model, in schema {@link hostSchema} under addon key `kernel`.
 * @throws {KernelError} model.invalid_definition — when it breaks a rule; the message starts with
 *   `host model "<key>"` and names the column.
 */
export function hostModel(definition: HostModelDefinition): Model {
  const path = `host model "${definition.key}"`;
  return buildModel({
    path,
    key: definition.key,
    addonKey: hostAddonKey,
    label: definition.label ?? definition.key,
    table: { schema: hostSchema, table: definition.tableName ?? definition.key },
    softDelete: definition.softDelete === true,
    columns: Object.entries(definition.columns).map(([name, column]) => ({
      path: `${path}.columns.${name}`,
      source: columnSource(name, column),
    })),
    systemColumns: "refuse",
    relations: (definition.relations ?? []).map((relation) => ({
      ...relation,
      references: relation.references ?? "id",
    })),
    ...(definition.tableView === undefined ? {} : { tableView: definition.tableView }),
    ...(definition.modalView === undefined ? {} : { modalView: definition.modalView }),
    actions: [],
  });
}

function columnSource(name: string, column: HostColumn): ColumnSource {
  const { default: given, ...rest } = column;
  if (given === undefined) return { name, ...rest };
  return {
    name,
    ...rest,
    default: typeof given === "object" ? given : { kind: "literal", value: given },
  };
}

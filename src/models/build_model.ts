/**
 * Builds a model from parts, whoever wrote them, and refuses what could not be served. The rules
 * are those of contract/metacore.md §3.2–3.5; UI specifications may have any shape.
 *
 * @module
 */

import type { ColumnDefaultValue } from "../bundle/manifest/default_value.ts";
import type { ValidationDefinition } from "../bundle/manifest/manifest.ts";
import { RE2JS } from "re2js";
import { COLUMN_NAME, TABLE_NAME } from "../base/ids.ts";
import type { JsonObject } from "../base/json.ts";
import { nearest } from "../base/nearest.ts";
import { COLUMN_TYPES, columnTypeOf } from "../bundle/manifest/column_type.ts";
import type { ActionDefinition } from "../bundle/manifest/manifest.ts";
import type { TableName } from "../db/schema/spec.ts";
import { fitDefault } from "./default_fit.ts";
import { invalidDefinition } from "./errors.ts";
import {
  type Model,
  type ModelColumn,
  type ModelForeignKey,
  type ModelIndex,
  type ModelRelation,
  type RecordChangeKind,
  SYSTEM_COLUMNS,
} from "./model.ts";
import { withoutForeignAddresses } from "./ui_spec.ts";

/** Greatest `size` of a column: what Postgres takes for `varchar`. */
const MAX_STRING_LENGTH = 10_485_760;

const SYSTEM: ReadonlySet<string> = new Set(SYSTEM_COLUMNS);
const VISIBILITIES = ["all", "table", "modal", "list"] as const;

/** A column as somebody declared it. */
export interface ColumnSource {
  readonly name: string;
  readonly type: string;
  readonly size?: number;
  readonly required?: boolean;
  readonly unique?: boolean;
  readonly index?: boolean;
  readonly default?: ColumnDefaultValue;
  readonly ref?: string;
  readonly visibility?: string;
  readonly searchable?: boolean;
  readonly widget?: string;
  readonly validation?: ValidationDefinition;
}

/** A model as somebody declared it. */
export interface ModelSource {
  /** How errors name the model. */
  readonly path: string;
  readonly key: string;
  readonly addonKey: string;
  readonly label: string;
  readonly table: TableName;
  readonly softDelete: boolean;
  readonly columns: readonly { readonly path: string; readonly source: ColumnSource }[];
  /** What happens to a declared column that every table has anyway. */
  readonly systemColumns: "drop" | "refuse";
  readonly relations: readonly ModelRelation[];
  readonly indexes?: readonly ModelIndex[];
  readonly foreignKeys?: readonly ModelForeignKey[];
  readonly tableView?: JsonObject;
  readonly modalView?: JsonObject;
  readonly actions: readonly ActionDefinition[];
  /** @default none */
  readonly hookedChanges?: readonly RecordChangeKind[];
}

/**
 * Builds a model.
 *
 * @param source its parts.
 * @returns the model: types resolved, `ref` stamped on the columns of `belongs_to` relations,
 *   addresses on other hosts taken out of the UI specifications.
 * @throws {KernelError} model.invalid_definition — when a part breaks a rule.
 */
export function buildModel(source: ModelSource): Model {
  const { path } = source;
  if (source.key.trim() === "") throw invalidDefinition(`${path}.model_key`, "must not be empty");
  if (!TABLE_NAME.test(source.table.table)) {
    throw invalidDefinition(`${path}.table_name`, `"${source.table.table}" is not a table name`);
  }
  checkRelations(source);
  return {
    key: source.key,
    addonKey: source.addonKey,
    label: source.label.trim() === "" ? source.key : source.label,
    table: source.table,
    columns: stampRefs(buildColumns(source), source.relations),
    softDelete: source.softDelete,
    relations: source.relations,
    ...(source.indexes === undefined ? {} : { indexes: source.indexes }),
    ...(source.foreignKeys === undefined ? {} : { foreignKeys: source.foreignKeys }),
    ...(source.tableView === undefined
      ? {}
      : { tableView: withoutForeignAddresses(source.tableView) }),
    ...(source.modalView === undefined
      ? {}
      : { modalView: withoutForeignAddresses(source.modalView) }),
    actions: source.actions.map((action) => ({ addonKey: source.addonKey, ...action })),
    ...(source.hookedChanges === undefined || source.hookedChanges.length === 0
      ? {}
      : { hookedChanges: source.hookedChanges }),
  };
}

function buildColumns(source: ModelSource): ModelColumn[] {
  if (source.columns.length === 0) {
    throw invalidDefinition(`${source.path}.columns`, "at least one column is required");
  }
  const columns = new Map<string, ModelColumn>();
  for (const { path, source: column } of source.columns) {
    if (SYSTEM.has(column.name)) {
      if (source.systemColumns === "drop") continue;
      throw invalidDefinition(path, `"${column.name}" is a column that every model has`);
    }
    if (columns.has(column.name)) {
      throw invalidDefinition(path, `column "${column.name}" is declared twice`);
    }
    columns.set(column.name, buildColumn(column, path));
  }
  return [...columns.values()];
}

/**
 * Builds one column.
 *
 * @param source the column as somebody declared it.
 * @param path how errors name it.
 * @returns the column, its type resolved.
 * @throws {KernelError} model.invalid_definition — when a part breaks a rule.
 */
export function buildColumn(source: ColumnSource, path: string): ModelColumn {
  if (!COLUMN_NAME.test(source.name)) {
    throw invalidDefinition(`${path}.name`, `"${source.name}" is not a column name`);
  }
  const type = columnTypeOf(source.type);
  if (type === undefined) {
    const near = nearest(source.type, COLUMN_TYPES.keys());
    const hint = near === undefined ? "" : `; did you mean "${near}"?`;
    throw invalidDefinition(`${path}.type`, `unknown column type "${source.type}"${hint}`);
  }
  checkSize(source.size, path);
  if (source.validation !== undefined) checkValidation(source.validation, `${path}.validation`);
  return {
    name: source.name,
    type,
    required: source.required === true,
    unique: source.unique === true,
    index: source.index === true,
    visibility: VISIBILITIES.find((word) => word === source.visibility) ?? "all",
    ...(source.size === undefined || source.size === 0 ? {} : { size: source.size }),
    ...(source.default === undefined
      ? {}
      : { default: fitDefault(source.default, type, `${path}.default`) }),
    ...(source.ref === undefined || source.ref === "" ? {} : { ref: source.ref }),
    ...(source.searchable === undefined ? {} : { searchable: source.searchable }),
    ...(source.widget === undefined || source.widget === "" ? {} : { widget: source.widget }),
    ...(source.validation === undefined ? {} : { validation: source.validation }),
  };
}

function checkSize(size: number | undefined, path: string): void {
  if (size === undefined || (Number.isInteger(size) && size >= 0 && size <= MAX_STRING_LENGTH)) {
    return;
  }
  throw invalidDefinition(`${path}.size`, `must be a whole number of 1 to ${MAX_STRING_LENGTH}`);
}

function checkValidation(validation: ValidationDefinition, path: string): void {
  const { regex, min, max } = validation;
  if (min !== undefined && max !== undefined && min > max) {
    throw invalidDefinition(`${path}.min`, `${min} is greater than max ${max}`);
  }
  if (regex === undefined) return;
  try {
    RE2JS.compile(regex);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : "cannot be compiled";
    throw invalidDefinition(`${path}.regex`, reason);
  }
}

function checkRelations(source: ModelSource): void {
  const names = new Set<string>();
  for (const [index, relation] of source.relations.entries()) {
    const path = `${source.path}.relations[${index}]`;
    for (const name of [relation.name, relation.foreignKey, relation.references]) {
      if (!COLUMN_NAME.test(name)) throw invalidDefinition(path, `"${name}" is not a column name`);
    }
    for (const name of [relation.through, relation.pivot]) {
      if (name !== undefined && !TABLE_NAME.test(name)) {
        throw invalidDefinition(path, `"${name}" is not a table name`);
      }
    }
    if ((relation.kind === "many_to_many") !== (relation.pivot !== undefined)) {
      throw invalidDefinition(path, "pivot goes with many_to_many, and only with it");
    }
    if (names.has(relation.name)) {
      throw invalidDefinition(path, `relation "${relation.name}" is declared twice`);
    }
    names.add(relation.name);
  }
}

/** The first `belongs_to` relation over a column gives its `ref`, unless the author wrote one. */
function stampRefs(columns: ModelColumn[], relations: readonly ModelRelation[]): ModelColumn[] {
  return columns.map((column) => {
    if (column.ref !== undefined) return column;
    const relation = relations.find((candidate) =>
      candidate.kind === "belongs_to" && candidate.foreignKey === column.name
    );
    return relation === undefined ? column : { ...column, ref: relation.through };
  });
}

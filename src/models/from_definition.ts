/**
 * Turns the model definitions of a manifest into models. It reads what the manifest parser let
 * through and still refuses what could not be served; it makes no tables.
 *
 * @module
 */

import { isJsonObject } from "../base/json.ts";
import type {
  ActionDefinition,
  ColumnDefinition,
  ForeignKeyDefinition,
  IndexDefinition,
  LifecycleEvent,
  Manifest,
  ModelDefinition,
} from "../bundle/manifest/manifest.ts";
import { parseColumnDefault } from "../bundle/manifest/default_value.ts";
import { buildColumn, buildModel, type ColumnSource } from "./build_model.ts";
import { invalidDefinition } from "./errors.ts";
import type { Model, ModelColumn, ModelForeignKey, ModelIndex, RecordChangeKind } from "./model.ts";

const BEFORE_EVENTS: ReadonlyMap<LifecycleEvent, RecordChangeKind> = new Map([
  ["before_create", "create"],
  ["before_update", "update"],
  ["before_delete", "delete"],
]);

/**
 * Makes the models that a manifest declares (contract/metacore.md §3.3–3.6).
 *
 * @param manifest a parsed manifest.
 * @param schema physical schema of the addon's tables, from `profile.addonSchema`.
 * @returns the models in declared order.
 * @throws {KernelError} model.invalid_definition — when a type is unknown, a name is taken twice or
 *   a default does not fit its column; the message starts with the path.
 */
export function modelsOf(manifest: Manifest, schema: string): Model[] {
  const keys = new Set<string>();
  const tables = new Set<string>();
  return manifest.model_definitions.map((definition, index) => {
    const path = `manifest.model_definitions[${index}]`;
    claim(keys, definition.model_key, `${path}.model_key`);
    claim(tables, definition.table_name, `${path}.table_name`);
    return modelOf(manifest, definition, schema, path);
  });
}

function claim(taken: Set<string>, name: string, path: string): void {
  const folded = name.toLowerCase();
  if (taken.has(folded)) throw invalidDefinition(path, `"${name}" is declared twice`);
  taken.add(folded);
}

function modelOf(
  manifest: Manifest,
  definition: ModelDefinition,
  schema: string,
  path: string,
): Model {
  return buildModel({
    path,
    key: definition.model_key,
    addonKey: manifest.key,
    label: definition.label,
    table: { schema, table: definition.table_name },
    softDelete: definition.soft_delete === true,
    columns: definition.columns.map((column, index) => {
      const columnPath = `${path}.columns[${index}]`;
      return { path: columnPath, source: columnSource(column, columnPath) };
    }),
    systemColumns: "drop",
    relations: (definition.relations ?? []).map((relation) => ({
      name: relation.name,
      kind: relation.kind,
      through: relation.through,
      foreignKey: relation.foreign_key,
      references: relation.references ?? "id",
      ...(relation.pivot === undefined ? {} : { pivot: relation.pivot }),
    })),
    ...(definition.indices === undefined ? {} : { indexes: definition.indices.map(indexOf) }),
    ...(definition.foreign_keys === undefined
      ? {}
      : { foreignKeys: definition.foreign_keys.map(foreignKeyOf) }),
    ...(isJsonObject(definition.table) ? { tableView: definition.table } : {}),
    ...(isJsonObject(definition.modal) ? { modalView: definition.modal } : {}),
    actions: actionsOf(manifest, definition.model_key),
    hookedChanges: hookedChanges(manifest, definition),
  });
}

function hookedChanges(manifest: Manifest, definition: ModelDefinition): RecordChangeKind[] {
  const names = [definition.model_key, definition.table_name];
  const changes = manifest.lifecycle_hooks.flatMap(({ event, model }) => {
    const change = BEFORE_EVENTS.get(event);
    return change === undefined || !names.includes(model ?? "") ? [] : [change];
  });
  return [...new Set(changes)];
}

/**
 * Makes a column of its definition, apart from any model.
 *
 * @param definition the column as a manifest declares it.
 * @param path how errors name it.
 * @returns the column.
 * @throws {KernelError} model.invalid_definition — when it could not be served.
 */
export function columnOf(definition: ColumnDefinition, path: string): ModelColumn {
  return buildColumn(columnSource(definition, path), path);
}

function indexOf(index: IndexDefinition): ModelIndex {
  return { ...index, columns: index.columns.filter((name) => name !== "organization_id") };
}

/** The organization is part of every foreign key, so none can reach into another one. */
function foreignKeyOf(key: ForeignKeyDefinition): ModelForeignKey {
  const pairs = key.columns.map((column, at) => [column, key.references[at] ?? "id"] as const)
    .filter(([column]) => column !== "organization_id");
  return {
    columns: pairs.map(([column]) => column),
    table: key.table,
    references: pairs.map(([, target]) => target),
    onDelete: key.on_delete,
  };
}

/** The map of actions comes from outside: a model named `constructor` must find nothing there. */
function actionsOf(manifest: Manifest, modelKey: string): readonly ActionDefinition[] {
  return Object.hasOwn(manifest.actions, modelKey) ? manifest.actions[modelKey] ?? [] : [];
}

function columnSource(column: ColumnDefinition, path: string): ColumnSource {
  const { default: written, ...source } = column;
  if (written === undefined) return source;
  try {
    const parsed = parseColumnDefault(written);
    return parsed === undefined ? source : { ...source, default: parsed };
  } catch (cause) {
    throw invalidDefinition(`${path}.default`, cause instanceof Error ? cause.message : "invalid");
  }
}

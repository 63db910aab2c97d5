/**
 * What extensions need in the tables of the models they extend: pure, so that it can be shown in a
 * plan. It only adds; a column stays when the addon that brought it goes.
 *
 * @module
 */

import { isKernelError } from "../../base/error.ts";
import type { Manifest } from "../../bundle/manifest/manifest.ts";
import { completeTable } from "../../db/schema/complete.ts";
import { diffSchema } from "../../db/schema/diff.ts";
import type { IndexSpec, SchemaChange, SchemaState, TableSpec } from "../../db/schema/spec.ts";
import type { Model, ModelColumn } from "../../models/model.ts";
import { tableSpecOf } from "../../models/table_spec.ts";
import { describeChange } from "../../db/schema/describe.ts";
import { firstBreaking } from "../install/shared_tables.ts";
import { extensionConflict } from "./errors.ts";
import { extendModels } from "./extend_models.ts";

/** A change of an installation, as far as extensions are concerned. */
export interface ExtensionOrder {
  /** Addon that comes, changes version or is enabled. */
  readonly addonKey: string;
  /**
   * Models of the host and of every installation as it will be, disabled ones too, without what
   * extensions put on them.
   */
  readonly models: readonly Model[];
  /** Manifests of the installations that will be enabled, the longest installed first. */
  readonly enabled: readonly Manifest[];
}

/** What a change of an installation does to tables because of extensions. */
export interface ExtensionChanges {
  /** By physical schema, in the order of their names. */
  readonly bySchema: ReadonlyMap<string, readonly SchemaChange[]>;
  /** What the addon extends, as plans tell it. */
  readonly extends: readonly { readonly model: string; readonly columns: readonly string[] }[];
  /** Extensions that wait for their model, or that the model's addon does not admit. */
  readonly warnings: readonly string[];
}

/**
 * Lists the schemas whose tables a change of an installation may touch because of extensions, so that
 * they can be locked and read.
 *
 * @param order what changes.
 * @returns physical schemas in the order of their names, which is the order to lock them in.
 */
export function extensionSchemas(order: ExtensionOrder): string[] {
  const concerned = concernedModels(order, extendModels(order.models, order.enabled).models);
  return [...new Set(concerned.map(({ model }) => model.table.schema))].sort();
}

/**
 * Plans what a change of an installation does to tables because of extensions: those that the addon
 * brings, and those that others have waiting for its models.
 *
 * @param order what changes.
 * @param states what the schemas of {@link extensionSchemas} hold; that of the addon's own tables as
 *   it is once they are up to date.
 * @param inUse those of the schemas whose tables hold rows of other organizations too: there a column
 *   that stands may be theirs, and what would refuse or alter their rows is a conflict.
 * @returns the changes.
 * @throws {KernelError} addon.extension_conflict, addon.extension_refused, addon.invalid_extension
 */
export function extensionChanges(
  order: ExtensionOrder,
  states: ReadonlyMap<string, SchemaState>,
  inUse: ReadonlySet<string>,
): ExtensionChanges {
  const { models, problems } = extendModels(order.models, order.enabled);
  const warnings: string[] = [];
  for (const { kind, between, error } of problems) {
    if (!between.includes(order.addonKey)) continue;
    const isOwn = between[0] === order.addonKey;
    if (kind === "missing" || (kind === "refused" && !isOwn)) warnings.push(error.message);
    else throw error;
  }
  const concerned = concernedModels(order, models);
  const bySchema = new Map<string, SchemaChange[]>();
  for (const { model, columns } of concerned.toSorted(bySchemaName)) {
    const { schema } = model.table;
    const state = states.get(schema) ?? new Map();
    const changes = tableChanges(model, columns, state);
    if (inUse.has(schema)) demandAdditions(model, columns, changes, state);
    bySchema.set(schema, [...bySchema.get(schema) ?? [], ...changes]);
  }
  return {
    bySchema,
    extends: models.flatMap((model) => {
      const own = model.columns.filter(({ extendedBy }) => extendedBy === order.addonKey);
      const acts = model.actions.some(({ addonKey }) =>
        addonKey === order.addonKey && addonKey !== model.addonKey
      );
      if (own.length === 0 && !acts) return [];
      return [{ model: model.key, columns: own.map(({ name }) => name) }];
    }),
    warnings,
  };
}

interface ConcernedModel {
  readonly model: Model;
  /** Columns that the change makes necessary. */
  readonly columns: readonly ModelColumn[];
}

function concernedModels({ addonKey }: ExtensionOrder, models: readonly Model[]): ConcernedModel[] {
  return models.flatMap((model) => {
    const columns = model.columns.filter(({ extendedBy }) =>
      extendedBy !== undefined && (extendedBy === addonKey || model.addonKey === addonKey)
    );
    return columns.length === 0 ? [] : [{ model, columns }];
  });
}

function bySchemaName({ model: a }: ConcernedModel, { model: b }: ConcernedModel): number {
  return a.table.schema < b.table.schema ? -1 : a.table.schema > b.table.schema ? 1 : 0;
}

/**
 * Columns of a table that is extended. Those of extensions that went stay: without a bound, whoever
 * shares the table could use up what the engines allow (1,600), and nobody's next version would fit.
 */
const MAX_COLUMNS = 500;

function tableChanges(
  model: Model,
  columns: readonly ModelColumn[],
  state: SchemaState,
): SchemaChange[] {
  const standing = state.get(model.table.table);
  // The tables of a model that is live are there; where they are not, nothing can be added to them.
  if (standing === undefined) return [];
  const desired = withColumns(standing, completeTable(tableSpecOf({ ...model, columns })), columns);
  if (desired.columns.length > Math.max(MAX_COLUMNS, standing.columns.length)) {
    const addonKey = columns[0]?.extendedBy ?? "";
    const message =
      `addon "${addonKey}" extends "${model.key}": with its columns the table would ` +
      `have ${desired.columns.length}, of ${MAX_COLUMNS} that extensions may fill`;
    throw extensionConflict(message, { addon_key: addonKey, model: model.key });
  }
  try {
    return diffSchema(state, new Map([[model.table.table, freeNames(desired, state)]]));
  } catch (thrown) {
    if (!isKernelError(thrown, "schema.type_conflict")) throw thrown;
    // Somebody else, perhaps of another organization, has put a column of the name there before.
    throw extensionConflict(thrown.message, {
      addon_key: columns[0]?.extendedBy ?? "",
      model: model.key,
    });
  }
}

/** What comes with a column of its own can meet no row of others. */
function demandAdditions(
  model: Model,
  columns: readonly ModelColumn[],
  changes: readonly SchemaChange[],
  state: SchemaState,
): void {
  const added = new Set(
    changes.flatMap((change) => change.kind === "addColumn" ? [change.column.name] : []),
  );
  const breaking = firstBreaking(changes.filter((each) => !isOnAdded(each, added)), state);
  if (breaking === undefined) return;
  const addonKey = columns[0]?.extendedBy ?? "";
  const message = `addon "${addonKey}" extends "${model.key}": ${describeChange(breaking)} ` +
    "would change a column that another organization may use";
  throw extensionConflict(message, { addon_key: addonKey, model: model.key });
}

function isOnAdded(change: SchemaChange, added: ReadonlySet<string>): boolean {
  const isOwn = (name: string) => name === "organization_id" || added.has(name);
  if (change.kind === "addForeignKey") return change.key.columns.every(isOwn);
  return change.kind === "createIndex" &&
    change.index.keys.every(({ expression }) =>
      expression.kind === "column" && isOwn(expression.name)
    );
}

function withColumns(
  standing: TableSpec,
  spec: TableSpec,
  columns: readonly ModelColumn[],
): TableSpec {
  const names = new Set(columns.map(({ name }) => name));
  const indexes = spec.indexes.filter((index) => index.keys.some((key) => readsOneOf(key, names)));
  const kept = new Set(indexes.map(({ name }) => name));
  return {
    ...standing,
    columns: [
      ...standing.columns.filter(({ name }) => !names.has(name)),
      ...spec.columns.filter(({ name }) => names.has(name)),
    ],
    indexes: [...standing.indexes.filter(({ name }) => !kept.has(name)), ...indexes],
  };
}

function readsOneOf({ expression }: IndexSpec["keys"][number], names: ReadonlySet<string>) {
  return expression.kind === "column" && names.has(expression.name);
}

/** Names of indexes are unique in a schema: one that another table has is written with a `$`. */
function freeNames(desired: TableSpec, state: SchemaState): TableSpec {
  const taken = new Set(
    [...state.values()].filter(({ name }) => name.table !== desired.name.table)
      .flatMap(({ indexes }) => indexes.map(({ name }) => name)),
  );
  const prefix = new RegExp(`^(u?idx)_${desired.name.table}_`);
  return {
    ...desired,
    indexes: desired.indexes.map((index) =>
      taken.has(index.name)
        ? { ...index, name: index.name.replace(prefix, `$1_${desired.name.table}$`) }
        : index
    ),
  };
}

/**
 * Reads indexes and foreign keys of models of the generation `asteby.com/v3`. Every one of them starts
 * with the organization, so that none reaches over organizations.
 *
 * @module
 */

import { COLUMN_NAME, TABLE_NAME } from "../../../base/ids.ts";
import { IMPLICIT_COLUMNS } from "../column_type.ts";
import { readName, type UniqueNames } from "../identifier.ts";
import { MAX_COLUMNS, MAX_RELATIONS } from "../limits.ts";
import type { ForeignKeyDefinition, IndexDefinition } from "../manifest.ts";
import { type ManifestNode, shown } from "../node.ts";
import { defined } from "../optional.ts";
import type { ReadColumns } from "./column.ts";
import type { ModelNames } from "./model_name.ts";
import { refuseUnknown } from "./strict.ts";

const TENANT = "organization_id";
/** What PostgreSQL takes. */
const MAX_KEY_COLUMNS = 31;
const ON_DELETE: Readonly<Record<string, ForeignKeyDefinition["on_delete"]>> = {
  "cascade": "cascade",
  "restrict": "restrict",
  "set_null": "set null",
  "set null": "set null",
  "no_action": "no action",
  "no action": "no action",
};

/** Foreign keys of a model. */
export interface ReadForeignKeys {
  /** Those that the database keeps; absent where there are none. */
  readonly keys: readonly ForeignKeyDefinition[] | undefined;
  /** What columns point at, of all foreign keys of one column. */
  readonly refs: ReadonlyMap<string, string>;
}

/**
 * Reads the indexes of a model.
 *
 * @param node the list.
 * @param read the model's columns.
 * @param names names of indexes, unique within the addon.
 * @returns its indexes, or undefined where there are none; incomplete where it complained.
 */
export function readIndices(
  node: ManifestNode,
  read: ReadColumns,
  names: UniqueNames,
): IndexDefinition[] | undefined {
  if (!node.present) return undefined;
  return node.objects(MAX_RELATIONS).map((item) => {
    refuseUnknown(item, ["name", "columns", "unique", "method"]);
    item.field("method").word(["btree"], "method of an index of this kernel");
    const nameNode = item.field("name");
    const name = nameNode.filledText() === undefined
      ? undefined
      : readName(nameNode, TABLE_NAME, "index name");
    names.add(nameNode, name);
    const columns = readColumnNames(item.field("columns"), read);
    return { columns, unique: item.field("unique").flag() ?? false, ...defined({ name }) };
  });
}

function readColumnNames(node: ManifestNode, read: ReadColumns): string[] {
  const seen = new Set<string>();
  for (const item of node.items(MAX_COLUMNS)) {
    const name = readName(item, COLUMN_NAME, "column name");
    if (name === undefined) continue;
    if (seen.has(name)) item.complain(`${shown(name)} is there twice`);
    if (!isColumn(name, read)) item.complain(`${shown(name)} is no column of this model`);
    seen.add(name);
  }
  const own = [...seen].filter((name) => name !== TENANT);
  if (own.length === 0) node.complain(`needs a column beside ${TENANT}`);
  if (own.length > MAX_KEY_COLUMNS) {
    node.complain(`has ${own.length} columns; ${MAX_KEY_COLUMNS} are allowed`);
  }
  return [...seen];
}

function isColumn(name: string, read: ReadColumns): boolean {
  if (name === "deleted_at") return read.implicit.has(name);
  return IMPLICIT_COLUMNS.has(name) || read.columns.some((column) => column.name === name);
}

/**
 * Reads the foreign keys of a model. A logical one, and one into a table of somebody else, tells what
 * a column points at; the database keeps only those between tables of one addon.
 *
 * @param node the list.
 * @param read the model's columns.
 * @param names the addon's models.
 * @returns its foreign keys; incomplete where it complained.
 */
export function readForeignKeys(
  node: ManifestNode,
  read: ReadColumns,
  names: ModelNames,
): ReadForeignKeys {
  const keys: ForeignKeyDefinition[] = [];
  const refs = new Map<string, string>();
  for (const item of node.objects(MAX_RELATIONS)) {
    refuseUnknown(item, ["columns", "references", "policy", "on_delete"]);
    const target = item.field("references");
    refuseUnknown(target, ["model", "columns"]);
    const policyNode = item.field("policy");
    const policy = policyNode.word(["physical", "logical"], "policy") ?? "physical";
    const onDelete = readOnDelete(item.field("on_delete"));
    const columns = readColumnNames(item.field("columns"), read);
    const model = names.read(target.field("model"));
    const references = target.field("columns").texts(MAX_COLUMNS);
    const pointed = references.length === 0 ? columns.map(() => "id") : references;
    if (pointed.length !== columns.length) {
      target.field("columns").complain(`names ${pointed.length} columns for ${columns.length}`);
    }
    const own = columns.filter((name) => name !== TENANT);
    if (model === undefined) continue;
    if (own.length === 1) refs.set(own[0]!, model.kind === "own" ? model.table : model.name);
    if (policy === "logical") continue;
    if (model.kind === "other") {
      policyNode.complain(
        `"physical" into ${shown(model.name)} is not supported by this kernel: that table is not ` +
          `this addon's; use "logical"`,
      );
      continue;
    }
    keys.push({ columns, table: model.table, references: pointed, on_delete: onDelete });
  }
  return { keys: keys.length === 0 ? undefined : keys, refs };
}

function readOnDelete(node: ManifestNode): ForeignKeyDefinition["on_delete"] {
  const word = node.filledText()?.toLowerCase();
  if (word === undefined) return "no action";
  if (Object.hasOwn(ON_DELETE, word)) return ON_DELETE[word]!;
  node.complain(
    `${shown(word)} is not what can happen on delete: use cascade, restrict, set_null, no_action`,
  );
  return "no action";
}

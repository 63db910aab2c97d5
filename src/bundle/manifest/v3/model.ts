/**
 * Reads models of the generation `asteby.com/v3` (contract/author.md §3). What the kernel would have
 * to compute, count or fill in is refused by its name; how a model looks becomes its UI specification.
 *
 * @module
 */

import { COLUMN_NAME, TABLE_NAME } from "../../../base/ids.ts";
import { MODEL_KEY, readName, UniqueNames } from "../identifier.ts";
import { MAX_LABEL_LENGTH, MAX_MODELS } from "../limits.ts";
import type { ModelDefinition } from "../manifest.ts";
import { refuseTakenKeys } from "../model.ts";
import { type ManifestNode, shown } from "../node.ts";
import { defined } from "../optional.ts";
import { type ReadColumns, readColumns } from "./column.ts";
import { readForeignKeys, readIndices } from "./key.ts";
import { ModelNames } from "./model_name.ts";
import { readRelations } from "./relation.ts";
import { refuseUnknown, refuseUnsupported } from "./strict.ts";
import { MODEL_LOOKS, viewsOf } from "./view.ts";

const PROPERTIES = [
  "key",
  "table",
  "label",
  "columns",
  "indices",
  "foreign_keys",
  "relations",
  "stage_field",
];
const UNSUPPORTED = ["extensions", "seed", "formulas", "sequences", "locking", "on_transition"];

/** Models of a manifest. */
export interface ReadModels {
  readonly models: readonly ModelDefinition[];
  /** Finds them as the rest of the manifest names them. */
  readonly names: ModelNames;
  /** Columns that hold the stage of a record, by model key. */
  readonly stageFields: ReadonlyMap<string, string>;
}

/**
 * Reads the models.
 *
 * @param node the list.
 * @param addonKey the addon's key, with which models may be named.
 * @returns its models; incomplete where it complained.
 */
export function readModels(node: ManifestNode, addonKey: string): ReadModels {
  const items = node.objects(MAX_MODELS);
  const names = new ModelNames(addonKey, items);
  const tables = new UniqueNames("table");
  const keys = new UniqueNames("model key");
  const indexNames = new UniqueNames("index");
  const stageFields = new Map<string, string>();
  const models = items.map((item) => {
    refuseUnknown(item, [...PROPERTIES, ...UNSUPPORTED, ...MODEL_LOOKS]);
    refuseUnsupported(item, UNSUPPORTED);
    const key = readName(item.field("key"), MODEL_KEY, "model key") ?? "";
    const table = readName(item.field("table"), TABLE_NAME, "table name") ?? "";
    tables.add(item.field("table"), table || undefined);
    keys.add(item.field("key"), key || undefined);
    const read = readColumns(item.field("columns"));
    const stageField = readStageField(item.field("stage_field"), read);
    if (stageField !== undefined) stageFields.set(key, stageField);
    const foreign = readForeignKeys(item.field("foreign_keys"), read, names);
    const columns = read.columns.map((column) => {
      const ref = column.ref ?? foreign.refs.get(column.name);
      return ref === undefined ? column : { ...column, ref };
    });
    return {
      table_name: table,
      model_key: key,
      label: item.field("label").text(MAX_LABEL_LENGTH) ?? "",
      org_scoped: true,
      columns,
      ...(read.implicit.has("deleted_at") ? { soft_delete: true } : {}),
      ...defined({
        relations: readRelations(item.field("relations"), names),
        indices: readIndices(item.field("indices"), read, indexNames),
        foreign_keys: foreign.keys,
      }),
      ...viewsOf(item, { ...read, columns }, stageField),
    };
  });
  refuseTakenKeys(models, (index) => items[index]!.field("key"));
  return { models, names, stageFields };
}

function readStageField(node: ManifestNode, read: ReadColumns): string | undefined {
  if (node.filledText() === undefined) return undefined;
  const name = readName(node, COLUMN_NAME, "column name");
  if (name === undefined || read.columns.some((column) => column.name === name)) return name;
  return node.complain(`${shown(name)} is no column of this model`);
}

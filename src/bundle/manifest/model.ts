/**
 * Reads model definitions and their relations (contract/metacore.md §3.3, §3.5).
 *
 * @module
 */

import { COLUMN_NAME, TABLE_NAME } from "../../base/ids.ts";
import { readColumns } from "./column.ts";
import { MODEL_KEY, readName, UniqueNames } from "./identifier.ts";
import { MAX_LABEL_LENGTH, MAX_MODELS, MAX_RELATIONS } from "./limits.ts";
import type { ModelDefinition, RelationDefinition } from "./manifest.ts";
import type { ManifestNode } from "./node.ts";
import { defined } from "./optional.ts";
import type { PatternReader } from "./pattern.ts";

const RELATION_KINDS = ["one_to_many", "belongs_to", "many_to_many"] as const;

/**
 * Reads the model definitions. Keys and tables are unique in any letter case, and no model has the key
 * of another one's table, because records are addressed by either.
 *
 * @param node the list.
 * @param patterns reads patterns within the manifest's bounds.
 * @returns its models; incomplete where it complained.
 */
export function readModels(node: ManifestNode, patterns: PatternReader): ModelDefinition[] {
  const tables = new UniqueNames("table");
  const keys = new UniqueNames("model key");
  const items = node.objects(MAX_MODELS);
  const models = items.map((item) => {
    const model = readModel(item, patterns);
    tables.add(item.field("table_name"), model.table_name || undefined);
    keys.add(item.field("model_key"), model.model_key || undefined);
    return model;
  });
  refuseTakenKeys(models, (index) => items[index]!.field("model_key"));
  return models;
}

/**
 * Complains about models whose key is another one's table: neither could be addressed.
 *
 * @param models the models.
 * @param keyOf place of a model's key, by the model's place in the list.
 */
export function refuseTakenKeys(
  models: readonly ModelDefinition[],
  keyOf: (index: number) => ManifestNode,
): void {
  models.forEach((model, index) => {
    const key = model.model_key.toLowerCase();
    const taken = models.some((other) =>
      other.table_name === key && other.model_key.toLowerCase() !== key
    );
    if (!taken || model.table_name === key) return;
    keyOf(index).complain(
      `"${model.model_key}" is the table of another model, so that neither could be addressed`,
    );
  });
}

function readModel(node: ManifestNode, patterns: PatternReader): ModelDefinition {
  const columnsNode = node.field("columns");
  const model = {
    table_name: readName(node.field("table_name"), TABLE_NAME, "table name") ?? "",
    model_key: readName(node.field("model_key"), MODEL_KEY, "model key") ?? "",
    label: node.field("label").text(MAX_LABEL_LENGTH) ?? "",
    columns: readColumns(columnsNode, patterns),
    ...defined({
      org_scoped: node.field("org_scoped").flag(),
      soft_delete: node.field("soft_delete").flag(),
      relations: readRelations(node.field("relations")),
      table: node.field("table").object(),
      modal: node.field("modal").object(),
    }),
  };
  const isEmpty = !columnsNode.present ||
    (Array.isArray(columnsNode.value) && columnsNode.value.length === 0);
  if (isEmpty) columnsNode.complain("a model needs at least one column");
  return model;
}

function readRelations(node: ManifestNode): RelationDefinition[] | undefined {
  if (!node.present) return undefined;
  const names = new UniqueNames("relation");
  return node.objects(MAX_RELATIONS).map((item) => {
    const relation = readRelation(item);
    names.add(item.field("name"), relation.name || undefined);
    return relation;
  });
}

function readRelation(node: ManifestNode): RelationDefinition {
  const kindNode = node.field("kind");
  const kind = kindNode.word(RELATION_KINDS, "kind of relation");
  if (!kindNode.present || kindNode.value === "") kindNode.complain("is required");
  const references = node.field("references");
  return {
    name: readName(node.field("name"), COLUMN_NAME, "relation name") ?? "",
    kind: kind ?? "one_to_many",
    through: readName(node.field("through"), TABLE_NAME, "table name") ?? "",
    foreign_key: readName(node.field("foreign_key"), COLUMN_NAME, "column name") ?? "",
    ...defined({
      references: references.filledText() === undefined
        ? undefined
        : readName(references, COLUMN_NAME, "column name"),
      pivot: readPivot(node.field("pivot"), kind),
    }),
  };
}

function readPivot(
  node: ManifestNode,
  kind: RelationDefinition["kind"] | undefined,
): string | undefined {
  const given = node.filledText() !== undefined;
  if (kind === "many_to_many") return readName(node, TABLE_NAME, "table name");
  if (given && kind !== undefined) return node.complain(`a ${kind} relation has no pivot`);
  return undefined;
}

/**
 * Reads relations of models of the generation `asteby.com/v3`; they name the other side by its model
 * or its table.
 *
 * @module
 */

import { COLUMN_NAME, TABLE_NAME } from "../../../base/ids.ts";
import { readName, UniqueNames } from "../identifier.ts";
import { MAX_RELATIONS } from "../limits.ts";
import type { RelationDefinition } from "../manifest.ts";
import type { ManifestNode } from "../node.ts";
import { defined } from "../optional.ts";
import type { ModelNames } from "./model_name.ts";
import { noteUnheeded, refuseUnknown, refuseUnsupported } from "./strict.ts";

const KINDS = ["one_to_many", "belongs_to", "many_to_many"] as const;
const PROPERTIES = ["name", "kind", "through", "foreign_key", "references", "pivot"];
const LOOKS = ["scope", "embed", "readonly", "label"];

/**
 * Reads the relations of a model.
 *
 * @param node the list.
 * @param names the addon's models.
 * @returns its relations, or undefined where there are none; incomplete where it complained.
 */
export function readRelations(
  node: ManifestNode,
  names: ModelNames,
): RelationDefinition[] | undefined {
  if (!node.present) return undefined;
  const taken = new UniqueNames("relation");
  return node.objects(MAX_RELATIONS).map((item) => {
    refuseUnknown(item, [...PROPERTIES, ...LOOKS, "rollups"]);
    refuseUnsupported(item, ["rollups"]);
    noteUnheeded(item, LOOKS, "is not told to clients");
    const kindNode = item.field("kind");
    const kind = kindNode.word(KINDS, "kind of relation");
    if (!kindNode.present || kindNode.value === "") kindNode.complain("is required");
    const name = readName(item.field("name"), COLUMN_NAME, "relation name") ?? "";
    taken.add(item.field("name"), name || undefined);
    const references = item.field("references");
    return {
      name,
      kind: kind ?? "one_to_many",
      through: readTable(item.field("through"), names) ?? "",
      foreign_key: readName(item.field("foreign_key"), COLUMN_NAME, "column name") ?? "",
      ...defined({
        references: references.filledText() === undefined
          ? undefined
          : readName(references, COLUMN_NAME, "column name"),
        pivot: readPivot(item.field("pivot"), kind, names),
      }),
    };
  });
}

function readTable(node: ManifestNode, names: ModelNames): string | undefined {
  const text = node.filledText();
  const own = text === undefined ? undefined : names.find(text);
  if (own !== undefined) return own.table;
  const model = text?.includes(".") ? names.read(node) : undefined;
  if (model?.kind === "own") return model.table;
  return readName(node, TABLE_NAME, "table name");
}

function readPivot(
  node: ManifestNode,
  kind: RelationDefinition["kind"] | undefined,
  names: ModelNames,
): string | undefined {
  if (kind === "many_to_many") return readTable(node, names);
  if (node.filledText() === undefined || kind === undefined) return undefined;
  return node.complain(`a ${kind} relation has no pivot`);
}

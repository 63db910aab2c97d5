/**
 * Reads columns of the generation `asteby.com/v3` (contract/author.md §3): what is stored becomes a
 * column of the flat generation, how it looks an entry of a UI specification. Columns that every
 * table has are named by authors and left out.
 *
 * @module
 */

import { COLUMN_NAME } from "../../../base/ids.ts";
import { IMPLICIT_COLUMNS } from "../column_type.ts";
import { COLUMN_REFERENCE, readName, UniqueNames } from "../identifier.ts";
import { MAX_COLUMNS } from "../limits.ts";
import type { ColumnDefinition } from "../manifest.ts";
import type { ManifestNode } from "../node.ts";
import { defined } from "../optional.ts";
import { readColumnDefault } from "./column_default.ts";
import { readColumnType } from "./column_type.ts";
import { type ColumnLook, LOOKS, readLook } from "./column_look.ts";
import { refuseUnknown, refuseUnsupported } from "./strict.ts";
import { WIDGETS } from "./widget.ts";

const PROPERTIES = ["name", "type", "primary_key", "not_null", "default", "ref", "widget"];
/** Parts that would have to be computed, counted or checked by the database. */
const UNSUPPORTED = ["generated", "sequence", "constraints"];

/** Columns of a model. */
export interface ReadColumns {
  /** What is stored beside what every table has. */
  readonly columns: readonly ColumnDefinition[];
  /** Columns that every table has and that the author lists. */
  readonly implicit: ReadonlySet<string>;
  /** How columns look, by name; the implicit ones among them. */
  readonly looks: ReadonlyMap<string, ColumnLook>;
}

/**
 * Reads the columns of a model.
 *
 * @param node the list.
 * @returns its columns; incomplete where it complained.
 */
export function readColumns(node: ManifestNode): ReadColumns {
  const names = new UniqueNames("column");
  const columns: ColumnDefinition[] = [];
  const implicit = new Set<string>();
  const looks = new Map<string, ColumnLook>();
  for (const item of node.objects(MAX_COLUMNS)) {
    refuseUnknown(item, [...PROPERTIES, ...UNSUPPORTED, ...LOOKS]);
    refuseUnsupported(item, UNSUPPORTED);
    const name = readName(item.field("name"), COLUMN_NAME, "column name") ?? "";
    names.add(item.field("name"), name || undefined);
    const column = readColumn(item, name);
    const look = readLook(item);
    if (look !== undefined) looks.set(name, look);
    if (IMPLICIT_COLUMNS.has(name)) implicit.add(name);
    else columns.push(column);
  }
  if (!node.present || (Array.isArray(node.value) && columns.length === 0)) {
    node.complain("a model needs at least one column of its own");
  }
  return { columns, implicit, looks };
}

function readColumn(node: ManifestNode, name: string): ColumnDefinition {
  const read = readColumnType(node.field("type"));
  const wanted = IMPLICIT_COLUMNS.get(name);
  if (wanted !== undefined && read !== undefined && read.type !== wanted) {
    node.field("type").complain(`every table has a column "${name}" of type ${wanted}`);
  }
  const isKey = node.field("primary_key").flag() === true;
  if (isKey && name !== "id") node.field("primary_key").complain('the primary key is always "id"');
  const ref = node.field("ref");
  return {
    name,
    type: read?.type ?? "",
    ...defined({
      size: read?.size,
      required: node.field("not_null").flag(),
      default: readColumnDefault(node.field("default"), read?.type),
      ref: ref.filledText() === undefined ? undefined : ref.matching(COLUMN_REFERENCE, "reference"),
      widget: readWidget(node.field("widget")),
    }),
  };
}

function readWidget(node: ManifestNode): string | undefined {
  const word = node.word([...WIDGETS.keys()], "widget");
  return word === undefined ? undefined : WIDGETS.get(word);
}

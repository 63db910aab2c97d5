/**
 * CREATE INDEX. Every index becomes a plain one of the engine: CONCURRENTLY and the order of nulls
 * change nothing but speed. One that only makes searches inside values faster is left out, with a note;
 * other access methods are refused.
 *
 * @module
 */

import type { IndexElem, IndexStmt, Node } from "libpg-query";
import type { IndexKey, IndexSpec, TableSpec } from "../schema/spec.ts";
import type { Admission } from "./admission.ts";
import { columnKey } from "./constraint_spec.ts";
import { ExpressionReader } from "./expression.ts";
import { MAX_KEY_COLUMNS } from "./limits.ts";
import { indexName, takenIndexNames } from "./object_name.ts";
import { ownTable, plainName } from "./own_names.ts";
import { builtinName, onlyFields, shown } from "./syntax_tree.ts";

const FIELDS = [
  "idxname",
  "relation",
  "accessMethod",
  "indexParams",
  "whereClause",
  "unique",
  "concurrent",
  "if_not_exists",
] as const;
const KEY_FIELDS = ["name", "expr", "opclass", "ordering", "nulls_ordering"] as const;
/** Methods whose questions a plain index answers as well. */
const PLAIN_METHODS: ReadonlySet<string> = new Set(["btree", "hash", "brin"]);
/** Methods that hold no rule and answer no question that the kernel asks. */
const SEARCH_METHODS: ReadonlySet<string> = new Set(["gin", "gist"]);
/** Operator classes that change how an index is searched, not what it holds. */
const PLAIN_CLASSES: ReadonlySet<string> = new Set([
  "text_ops",
  "text_pattern_ops",
  "varchar_ops",
  "varchar_pattern_ops",
  "uuid_ops",
  "timestamptz_ops",
]);

/**
 * Admits CREATE INDEX; nothing happens where IF NOT EXISTS meets an index that is there.
 *
 * @param admission the migration at hand.
 * @param statement the statement.
 * @throws {KernelError} schema.migration_refused
 */
export function createIndex(admission: Admission, statement: IndexStmt): void {
  const table = admission.table(
    ownTable(admission, statement.relation),
    statement.relation?.location,
  );
  onlyFields(admission, "CREATE INDEX", statement, FIELDS);
  const method = statement.accessMethod ?? "btree";
  if (SEARCH_METHODS.has(method) && !statement.unique) {
    admission.note(`CREATE INDEX with USING ${method} was left out: it only makes searches faster`);
    return;
  }
  if (!PLAIN_METHODS.has(method)) {
    throw admission.refuse(`CREATE INDEX with USING ${shown(method)} is not allowed: use btree`);
  }
  const index = indexSpec(admission, table, statement);
  if (takenIndexNames(admission.state).has(index.name)) {
    if (statement.if_not_exists) return;
    throw admission.refuse(`${index.name} exists already in this addon`);
  }
  admission.admit({ kind: "createIndex", table: table.name, index });
}

function indexSpec(admission: Admission, table: TableSpec, statement: IndexStmt): IndexSpec {
  const reader = new ExpressionReader(admission, table.name.table, table.columns);
  const keys = (statement.indexParams ?? []).map((node) => keyOf(admission, table, reader, node));
  if (keys.length === 0 || keys.length > MAX_KEY_COLUMNS) {
    throw admission.refuse(`an index has 1 to ${MAX_KEY_COLUMNS} keys`);
  }
  const expressions = keys.map((key) => key.expression);
  const name = statement.idxname === undefined
    ? indexName(table.name.table, expressions, "idx", takenIndexNames(admission.state))
    : plainName(admission, "index", statement.idxname);
  return {
    name,
    keys,
    unique: statement.unique ?? false,
    ...(statement.whereClause === undefined ? {} : { where: reader.rule(statement.whereClause) }),
  };
}

function keyOf(
  admission: Admission,
  table: TableSpec,
  reader: ExpressionReader,
  node: Node,
): IndexKey {
  if (!("IndexElem" in node)) throw admission.refuse("this key of an index is not allowed");
  const key = node.IndexElem;
  onlyFields(admission, "a key of an index", key, KEY_FIELDS);
  if (key.opclass !== undefined && !PLAIN_CLASSES.has(builtinName(key.opclass) ?? "")) {
    throw admission.refuse("a key of an index with an operator class is not allowed");
  }
  const { expression } = expressionOf(admission, table, reader, key);
  return key.ordering === "SORTBY_DESC" ? { expression, descending: true } : { expression };
}

function expressionOf(
  admission: Admission,
  table: TableSpec,
  reader: ExpressionReader,
  key: IndexElem,
): IndexKey {
  if (key.expr === undefined) {
    return columnKey(admission, table, plainName(admission, "column", key.name));
  }
  const { expression } = reader.read(key.expr);
  // `((email))` is a column like `email`; a bare JSON column stays refused in either spelling.
  return expression.kind === "column"
    ? columnKey(admission, table, expression.name)
    : { expression };
}

/**
 * Statements that authors write for good reasons and that change nothing here: comments, the
 * addon's own schema, extensions whose functions the kernel has, row-level security of their own.
 * Each is checked to say no more than that.
 *
 * @module
 */

import type {
  CommentStmt,
  CreateExtensionStmt,
  CreatePolicyStmt,
  CreateSchemaStmt,
  Node,
  VariableSetStmt,
} from "libpg-query";
import type { Admission } from "./admission.ts";
import { ownListedName, ownTable, plainName } from "./own_names.ts";
import { onlyFields, shown, textOf } from "./syntax_tree.ts";

/** Extensions whose functions and types the kernel gives without them. */
const EXTENSIONS: ReadonlySet<string> = new Set(["pgcrypto", "uuid-ossp", "citext"]);

const COMMENT_FIELDS = ["objtype", "object", "comment"] as const;
const SCHEMA_FIELDS = ["schemaname", "if_not_exists"] as const;
const SET_FIELDS = ["kind", "name", "args", "is_local", "location"] as const;
const EXTENSION_FIELDS = ["extname", "if_not_exists"] as const;

/**
 * Accepts COMMENT ON own tables, columns, indexes and constraints.
 *
 * @param admission the migration at hand.
 * @param statement the statement.
 * @throws {KernelError} schema.migration_refused — a comment on anything else.
 */
export function comment(admission: Admission, statement: CommentStmt): void {
  onlyFields(admission, "COMMENT", statement, COMMENT_FIELDS);
  const { object } = statement;
  const parts: readonly Node[] = object === undefined
    ? []
    : "List" in object
    ? object.List.items ?? []
    : [object];
  switch (statement.objtype) {
    case "OBJECT_TABLE":
      return void admission.table(ownListedName(admission, parts));
    case "OBJECT_INDEX":
      return void ownListedName(admission, parts);
    case "OBJECT_COLUMN":
    case "OBJECT_TABCONSTRAINT":
      admission.table(ownListedName(admission, parts.slice(0, -1)));
      return void plainName(admission, "column or constraint", textOf(parts.at(-1)));
    case "OBJECT_SCHEMA":
      return checkSchema(admission, textOf(object));
  }
  throw admission.refuse("COMMENT on anything but the addon's own tables is not allowed");
}

/**
 * Accepts CREATE SCHEMA of the addon's own schema, which the kernel has made.
 *
 * @param admission the migration at hand.
 * @param statement the statement.
 * @throws {KernelError} schema.migration_refused — any other schema.
 */
export function createSchema(admission: Admission, statement: CreateSchemaStmt): void {
  onlyFields(admission, "CREATE SCHEMA", statement, SCHEMA_FIELDS);
  checkSchema(admission, statement.schemaname);
}

/**
 * Accepts SET search_path that puts the addon's own schema first.
 *
 * @param admission the migration at hand.
 * @param statement the statement.
 * @throws {KernelError} schema.migration_refused — any other setting.
 */
export function setVariable(admission: Admission, statement: VariableSetStmt): void {
  onlyFields(admission, "SET", statement, SET_FIELDS);
  const values = (statement.args ?? []).map((node) =>
    "A_Const" in node ? node.A_Const.sval?.sval : undefined
  );
  const [first, ...rest] = values;
  const isSearchPath = statement.kind === "VAR_SET_VALUE" && statement.name === "search_path";
  if (isSearchPath && first === admission.contractSchema && rest.every((v) => v === "public")) {
    return;
  }
  throw admission.refuse(
    `SET is not allowed, except search_path to ${admission.contractSchema}`,
  );
}

/**
 * Accepts CREATE EXTENSION of those whose functions the kernel has.
 *
 * @param admission the migration at hand.
 * @param statement the statement.
 * @throws {KernelError} schema.migration_refused — any other extension.
 */
export function createExtension(admission: Admission, statement: CreateExtensionStmt): void {
  const name = statement.extname ?? "";
  onlyFields(admission, "CREATE EXTENSION", statement, EXTENSION_FIELDS);
  if (EXTENSIONS.has(name)) return;
  throw admission.refuse(
    `CREATE EXTENSION ${shown(name)} is not allowed: a bundle cannot add to the database server`,
  );
}

/**
 * Leaves out CREATE POLICY on own tables: a second policy could only widen what the kernel's own
 * policy shows, so it never reaches a database.
 *
 * @param admission the migration at hand.
 * @param statement the statement.
 * @throws {KernelError} schema.migration_refused — a policy on anything but an own table.
 */
export function createPolicy(admission: Admission, statement: CreatePolicyStmt): void {
  const table = admission.table(ownTable(admission, statement.table)).name.table;
  admission.note(`CREATE POLICY on ${table} was left out: the kernel's own tenant policy applies`);
}

function checkSchema(admission: Admission, name: string | undefined): void {
  if (name === admission.contractSchema) return;
  throw admission.refuse(
    `schema ${shown(name ?? "")} is outside the addon: its own is ${admission.contractSchema}`,
  );
}

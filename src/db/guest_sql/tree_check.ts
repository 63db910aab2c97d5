/**
 * Walks the tree of a guest's statement: shape by `node_rules.ts`, names by `vocabulary.ts` and by
 * what the addon may touch. It writes the physical names of tables into the tree.
 *
 * @module
 */

import type { Alias, InsertStmt, Node, OnConflictClause, RangeVar } from "libpg-query";
import { isJsonObject } from "../../base/json.ts";
import type { CheckedNodeKind, CheckedRelation } from "./checked.ts";
import { forbiddenSql, invalidSql } from "./errors.ts";
import type { GuestRelations } from "./guest_sql.ts";
import { type FieldRule, NODE_RULES } from "./node_rules.ts";
import { type Fields, refuseBadName, stringsOf } from "./name_check.ts";
import { FUNCTION_COLUMNS, SYSTEM_COLUMNS } from "./vocabulary.ts";
import { TENANT_COLUMN } from "../schema/tenant_rules.ts";
import { completeConflictTarget, type TenantValue, tenantValuesOf } from "./tenant_insert.ts";

/** Nesting of a tree: far more than a person writes, far less than a stack holds. */
const MAX_DEPTH = 300;
/** A text of 16 KiB has some thousands. */
const MAX_NODES = 30_000;

/** What the parts that a guest tries most often are called in SQL. */
const PHRASES: Readonly<Record<string, string>> = {
  "SelectStmt.intoClause": "SELECT INTO",
  "SelectStmt.lockingClause": "FOR UPDATE and FOR SHARE",
  "SelectStmt.limitOption": "WITH TIES",
  "CommonTableExpr.ctequery": "a part of WITH that changes rows; write two statements",
  "CommonTableExpr.search_clause": "SEARCH",
  "CommonTableExpr.cycle_clause": "CYCLE",
  "A_Indirection.indirection": "a field of an expression, (…).name",
  "InsertStmt.override": "OVERRIDING",
  "InferClause.conname": "ON CONFLICT ON CONSTRAINT",
  "SortBy.useOp": "ORDER BY … USING",
  "SQLValueFunction.op": "a value that tells about the session",
};

/** Names of CTEs that could be taken for tables outside every schema. */
const RESERVED_CTE = /^(?:pg_|sqlite_|metacore_|pragma_|temp$|main$)|\./i;
const RESERVED_SCHEMA = /^(?:pg_|information_schema$|metacore$|sqlite_|temp$|main$)/i;

/** Kinds of statements whose `relation` is written. */
const WRITING: ReadonlySet<string> = new Set([
  "InsertStmt",
  "UpdateStmt",
  "DeleteStmt",
  "MergeStmt",
]);

type Scope = ReadonlySet<string>;

/** The walk over one tree. */
export class TreeCheck {
  /** Tables, in order of the text. */
  readonly relations: CheckedRelation[] = [];
  /** What an INSERT writes into the tenant column. */
  readonly tenantValues: TenantValue[] = [];
  /** Highest placeholder. */
  parameterCount = 0;
  readonly #allowed: GuestRelations;
  /** `schema.table` as written, of tables and of references to columns. */
  readonly #written = new Set<string>();
  readonly #qualified: string[] = [];
  /** Columns by alias of a function in FROM, and what is asked of aliases. */
  readonly #functions = new Map<string, Set<string>>();
  readonly #fieldsOf: [qualifier: string, name: string][] = [];
  #depth = 0;
  #nodes = 0;

  /** Prepares a walk. */
  constructor(allowed: GuestRelations) {
    this.#allowed = allowed;
  }

  /**
   * Checks a statement and names its tables.
   *
   * @param node the statement; changed in place.
   * @throws {KernelError} guest_sql.invalid, guest_sql.forbidden.
   */
  check(node: Node): void {
    this.#wrapped(node, new Set(), undefined);
    for (const name of this.#qualified) {
      if (!this.#written.has(name)) throw invalidSql(`${name} is no table of the statement`);
    }
    for (const [qualifier, name] of this.#fieldsOf) {
      const columns = this.#functions.get(qualifier);
      // `f.name` calls the function `name` when f is the single value that a function in FROM gave.
      if (columns === undefined || columns.has(name) || FUNCTION_COLUMNS.has(name)) continue;
      throw invalidSql(
        `${qualifier}.${name}: name the columns of a function, as in f(…) AS f(a, b)`,
      );
    }
  }

  #wrapped(node: unknown, scope: Scope, allowed: readonly string[] | undefined, where = ""): void {
    if (!isJsonObject(node)) throw invalidSql(`${where} is malformed`);
    const [kind, ...others] = Object.keys(node);
    if (kind === undefined || others.length > 0) throw invalidSql(`${where} is malformed`);
    if (allowed !== undefined && !allowed.includes(kind)) {
      throw invalidSql(PHRASES[where] ?? `${kind} in ${where}`);
    }
    this.#node(kind, node[kind], scope);
  }

  #node(kind: string, value: unknown, outer: Scope): void {
    if (!Object.hasOwn(NODE_RULES, kind)) throw invalidSql(kind);
    if (++this.#nodes > MAX_NODES) throw invalidSql("it has too many parts");
    if (++this.#depth > MAX_DEPTH) throw invalidSql("it is nested too deeply");
    if (!isJsonObject(value)) throw invalidSql(`${kind} is malformed`);
    // Named border: a node of the parser's JSON, whose fields are looked at one by one below.
    const fields = value as Fields;
    // Named border: proven by hasOwn above.
    const rules: Readonly<Record<string, FieldRule>> = NODE_RULES[kind as CheckedNodeKind];
    const scope = this.#with(fields.withClause, outer);
    for (const [field, content] of Object.entries(fields)) {
      const where = `${kind}.${field}`;
      const rule = Object.hasOwn(rules, field) ? rules[field] : undefined;
      if (rule === undefined) throw invalidSql(PHRASES[where] ?? where);
      if (field === "withClause" || isPlainDistinct(where, content)) continue;
      if (kind === "RangeFunction" && field === "functions") {
        this.#functionsInFrom(content, scope);
        continue;
      }
      if (field === "relation" && WRITING.has(kind)) {
        this.#shape("RangeVar", content, scope);
        this.#table(content as RangeVar, "write");
        continue;
      }
      this.#field(rule, content, scope, where);
    }
    this.#meaning(kind, fields, scope);
    this.#depth--;
  }

  #field(rule: FieldRule, content: unknown, scope: Scope, where: string): void {
    switch (rule.kind) {
      case "ignored":
        return;
      case "plain":
        if (["string", "number", "boolean"].includes(typeof content)) return;
        throw invalidSql(`${where} is malformed`);
      case "word":
        if (rule.words.includes(String(content))) return;
        throw invalidSql(PHRASES[where] ?? `${where} ${content}`);
      case "part":
        return this.#node(rule.node, content, scope);
      case "nodes":
        for (const each of Array.isArray(content) ? content : [content]) {
          this.#wrapped(each, scope, rule.of, where);
        }
    }
  }

  /** The fields of a node whose meaning the caller sees to. */
  #shape(kind: CheckedNodeKind, content: unknown, scope: Scope): void {
    if (!isJsonObject(content)) throw invalidSql(`${kind} is malformed`);
    for (const [field, value] of Object.entries(content)) {
      const rule = NODE_RULES[kind][field];
      if (rule === undefined) throw invalidSql(`${kind}.${field}`);
      this.#field(rule, value, scope, `${kind}.${field}`);
    }
  }

  /** What a WITH adds: to later parts of itself and to its statement; recursive, to all of it. */
  #with(clause: unknown, outer: Scope): Scope {
    if (clause === undefined) return outer;
    this.#shape("WithClause", { ...(clause as Fields), ctes: [] }, outer);
    const { ctes = [], recursive } = clause as { ctes?: readonly Node[]; recursive?: boolean };
    const names = ctes.map((each) => {
      const name = "CommonTableExpr" in each ? each.CommonTableExpr.ctename ?? "" : "";
      if (name === "" || RESERVED_CTE.test(name)) throw invalidSql(`WITH ${name || "…"}`);
      return name;
    });
    const scope = new Set(outer);
    if (recursive === true) { for (const name of names) scope.add(name); }
    ctes.forEach((each, index) => {
      this.#wrapped(each, new Set(scope), ["CommonTableExpr"], "WithClause.ctes");
      scope.add(names[index]!);
    });
    return scope;
  }

  #meaning(kind: string, fields: Fields, scope: Scope): void {
    switch (kind) {
      case "RangeVar":
        return this.#source(fields as RangeVar, scope);
      case "RangeFunction":
        return this.#functionAlias(fields);
      case "ColumnRef":
        return this.#column(fields);
      case "ParamRef":
        return this.#parameter(fields.number);
      case "InsertStmt":
        return this.#insert(fields as InsertStmt);
      case "MergeWhenClause":
        this.#refuseTenantColumn(fields.targetList);
        if (fields.values !== undefined && fields.targetList === undefined) {
          throw invalidSql("INSERT without its list of columns");
        }
        return;
      case "OnConflictClause":
        this.#refuseTenantColumn(fields.targetList);
        return completeConflictTarget(fields as OnConflictClause);
      case "UpdateStmt":
        return this.#refuseTenantColumn(fields.targetList);
      default:
        refuseBadName(kind, fields);
    }
  }

  #insert(statement: InsertStmt): void {
    if (statement.selectStmt !== undefined && statement.cols === undefined) {
      throw invalidSql("INSERT without its list of columns: name them, as in INSERT INTO t (a, b)");
    }
    const others = statement.cols?.filter((node) =>
      !("ResTarget" in node) || node.ResTarget.name !== TENANT_COLUMN
    );
    this.#refuseTenantColumn(others);
    this.tenantValues.push(...tenantValuesOf(statement));
  }

  #parameter(number: unknown): void {
    if (typeof number !== "number" || number < 1) throw invalidSql("placeholders start with $1");
    this.parameterCount = Math.max(this.parameterCount, number);
  }

  #refuseTenantColumn(targets: unknown): void {
    for (const target of Array.isArray(targets) ? targets as readonly Node[] : []) {
      const name = "ResTarget" in target ? target.ResTarget.name ?? "" : "";
      // SQLite does not look at the case of names.
      if (name.toLowerCase() === TENANT_COLUMN) {
        throw forbiddenSql(`The column ${TENANT_COLUMN} is written by the kernel alone`);
      }
    }
  }

  /** A name in FROM: a part of WITH in scope, else a table that may be read. */
  #source(node: RangeVar, scope: Scope): void {
    const name = node.relname ?? "";
    const isPart = node.schemaname === undefined && node.catalogname === undefined &&
      scope.has(name);
    if (!isPart) this.#table(node, "read");
  }

  #table(node: RangeVar, access: "read" | "write"): void {
    const { catalogname, schemaname: schema, relname: table = "" } = node;
    const written = schema === undefined ? table : `${schema}.${table}`;
    if (catalogname !== undefined) throw invalidSql(`${catalogname}.${written}: another database`);
    if (schema !== undefined && RESERVED_SCHEMA.test(schema)) {
      throw forbiddenSql(`${written} is not a table of an addon`);
    }
    const found = this.#allowed.find(schema, table, access);
    if ("refused" in found) throw forbiddenSql(found.refused);
    if (RESERVED_SCHEMA.test(found.schema)) {
      throw forbiddenSql(`${written} is not a table of an addon`);
    }
    this.#written.add(written);
    node.schemaname = found.schema;
    node.relname = found.table;
    // So that `table.column` keeps its meaning whatever the table is called in the database.
    node.alias ??= { aliasname: table };
    this.relations.push({ node, ...found, access, written: { schema, table } });
  }

  #column(fields: Fields): void {
    const parts = fields.fields as Node[] | undefined ?? [];
    if (parts.slice(0, -1).some((each) => "A_Star" in each) || parts.length > 3) {
      throw invalidSql("this form of a column's name");
    }
    const names = stringsOf(parts);
    const last = names.at(-1) ?? "";
    if (names.length === parts.length && SYSTEM_COLUMNS.has(last.toLowerCase())) {
      throw invalidSql(`the system column ${last}`);
    }
    if (parts.length === 3) {
      this.#qualified.push(`${names[0]}.${names[1]}`);
      parts.shift();
      names.shift();
    }
    if (names.length === 2) this.#fieldsOf.push([names[0]!, names[1]!]);
  }

  /** `ROWS FROM` and the plain form alike: a list of pairs, a call and its column definitions. */
  #functionsInFrom(content: unknown, scope: Scope): void {
    for (const pair of Array.isArray(content) ? content : []) {
      const [call, definitions, ...others] = pair?.List?.items ?? [];
      const hasOwnColumns = definitions !== undefined && Object.keys(definitions).length > 0;
      if (hasOwnColumns || others.length > 0) throw invalidSql("column definitions in ROWS FROM");
      this.#wrapped(call, scope, ["FuncCall"], "RangeFunction.functions");
    }
  }

  /** Without an alias a function in FROM goes by its own name. */
  #functionAlias(fields: Fields): void {
    // Named border: the shape of both was checked with the node.
    const alias = fields.alias as Alias | undefined;
    const definitions = fields.coldeflist as readonly Node[] | undefined ?? [];
    const columns = [
      ...stringsOf(alias?.colnames),
      ...definitions.flatMap((each) => "ColumnDef" in each ? [each.ColumnDef.colname ?? ""] : []),
    ];
    const calls = (fields.functions as readonly Node[]).flatMap((pair) =>
      "List" in pair ? pair.List.items?.slice(0, 1) ?? [] : []
    );
    const own = calls.flatMap((call) =>
      "FuncCall" in call ? stringsOf(call.FuncCall.funcname).slice(-1) : []
    );
    for (const name of alias?.aliasname === undefined ? own : [alias.aliasname]) {
      // A function without named columns has one that is called as the function goes here.
      const known = new Set(columns.length > 0 ? columns : [name]);
      // The same alias elsewhere: only what is a column at both places is one for certain.
      this.#functions.set(name, this.#functions.get(name)?.intersection(known) ?? known);
    }
  }
}

/** DISTINCT without ON is a list of one empty node. */
function isPlainDistinct(where: string, content: unknown): boolean {
  return where === "SelectStmt.distinctClause" && Array.isArray(content) &&
    content.length === 1 && Object.keys(content[0] ?? {}).length === 0;
}

/**
 * Which fields each kind of node of a guest's SQL may have, and what may stand in them. A node, a
 * field or a word that is not in this table is refused by its name; what names mean is
 * `tree_check.ts`.
 *
 * @module
 */

import type { CheckedNodeKind } from "./checked.ts";

/** What may stand in a field. */
export type FieldRule =
  /** No meaning, such as a place in the text. */
  | { readonly kind: "ignored" }
  /** A truth value, number or text without a name of an object in it. */
  | { readonly kind: "plain" }
  | { readonly kind: "word"; readonly words: readonly string[] }
  /** A node in its wrapper, or a list of them. */
  | { readonly kind: "nodes"; readonly of: readonly CheckedNodeKind[] }
  /** A node of one kind, without wrapper. */
  | { readonly kind: "part"; readonly node: CheckedNodeKind };

/** Fields by name. */
export type NodeRule = Readonly<Record<string, FieldRule>>;

const ignored: FieldRule = { kind: "ignored" };
const plain: FieldRule = { kind: "plain" };
const word = (...words: string[]): FieldRule => ({ kind: "word", words });
const nodes = (...of: CheckedNodeKind[]): FieldRule => ({ kind: "nodes", of });
const part = (node: CheckedNodeKind): FieldRule => ({ kind: "part", node });

const EXPRESSION: readonly CheckedNodeKind[] = [
  "A_ArrayExpr",
  "A_Const",
  "A_Expr",
  "A_Indirection",
  "BooleanTest",
  "BoolExpr",
  "CaseExpr",
  "CoalesceExpr",
  "CollateClause",
  "ColumnRef",
  "FuncCall",
  "GroupingFunc",
  "MinMaxExpr",
  "NullTest",
  "ParamRef",
  "RowExpr",
  "SQLValueFunction",
  "SubLink",
  "TypeCast",
];
const expression = nodes(...EXPRESSION);
const from = nodes("RangeVar", "RangeSubselect", "RangeFunction", "JoinExpr");
const strings = nodes("String");
const targets = nodes("ResTarget");

const STATEMENTS = {
  SelectStmt: {
    distinctClause: nodes(...EXPRESSION),
    targetList: targets,
    fromClause: from,
    whereClause: expression,
    groupClause: nodes(...EXPRESSION, "GroupingSet"),
    groupDistinct: plain,
    havingClause: expression,
    windowClause: nodes("WindowDef"),
    valuesLists: nodes("List"),
    sortClause: nodes("SortBy"),
    limitOffset: expression,
    limitCount: expression,
    limitOption: word("LIMIT_OPTION_DEFAULT", "LIMIT_OPTION_COUNT"),
    withClause: part("WithClause"),
    op: word("SETOP_NONE", "SETOP_UNION", "SETOP_INTERSECT", "SETOP_EXCEPT"),
    all: plain,
    larg: part("SelectStmt"),
    rarg: part("SelectStmt"),
  },
  InsertStmt: {
    relation: part("RangeVar"),
    cols: targets,
    selectStmt: nodes("SelectStmt"),
    onConflictClause: part("OnConflictClause"),
    returningClause: part("ReturningClause"),
    withClause: part("WithClause"),
    override: word("OVERRIDING_NOT_SET"),
  },
  UpdateStmt: {
    relation: part("RangeVar"),
    targetList: targets,
    whereClause: expression,
    fromClause: from,
    returningClause: part("ReturningClause"),
    withClause: part("WithClause"),
  },
  DeleteStmt: {
    relation: part("RangeVar"),
    usingClause: from,
    whereClause: expression,
    returningClause: part("ReturningClause"),
    withClause: part("WithClause"),
  },
  MergeStmt: {
    relation: part("RangeVar"),
    sourceRelation: nodes("RangeVar", "RangeSubselect"),
    joinCondition: expression,
    mergeWhenClauses: nodes("MergeWhenClause"),
    returningClause: part("ReturningClause"),
    withClause: part("WithClause"),
  },
  MergeWhenClause: {
    matchKind: word(
      "MERGE_WHEN_MATCHED",
      "MERGE_WHEN_NOT_MATCHED_BY_SOURCE",
      "MERGE_WHEN_NOT_MATCHED_BY_TARGET",
    ),
    commandType: word("CMD_INSERT", "CMD_UPDATE", "CMD_DELETE", "CMD_NOTHING"),
    override: word("OVERRIDING_NOT_SET"),
    condition: expression,
    targetList: targets,
    values: nodes(...EXPRESSION, "SetToDefault"),
  },
  OnConflictClause: {
    action: word("ONCONFLICT_NOTHING", "ONCONFLICT_UPDATE"),
    infer: part("InferClause"),
    targetList: targets,
    whereClause: expression,
    location: ignored,
  },
  InferClause: { indexElems: nodes("IndexElem"), whereClause: expression, location: ignored },
  IndexElem: {
    name: plain,
    ordering: word("SORTBY_DEFAULT"),
    nulls_ordering: word("SORTBY_NULLS_DEFAULT"),
  },
  WithClause: { ctes: nodes("CommonTableExpr"), recursive: plain, location: ignored },
  CommonTableExpr: {
    ctename: plain,
    aliascolnames: strings,
    ctematerialized: word("CTEMaterializeDefault", "CTEMaterializeAlways", "CTEMaterializeNever"),
    ctequery: nodes("SelectStmt"),
    location: ignored,
  },
  ReturningClause: { exprs: targets },
  MultiAssignRef: {
    source: nodes("RowExpr", "SubLink"),
    colno: plain,
    ncolumns: plain,
  },
  SetToDefault: { location: ignored, typeMod: ignored },
} as const satisfies Partial<Record<CheckedNodeKind, NodeRule>>;

const SOURCES = {
  RangeVar: {
    // The names are resolved by `tree_check.ts`.
    catalogname: plain,
    schemaname: plain,
    relname: plain,
    inh: plain,
    relpersistence: word("p"),
    alias: part("Alias"),
    location: ignored,
  },
  RangeSubselect: { lateral: plain, subquery: nodes("SelectStmt"), alias: part("Alias") },
  RangeFunction: {
    lateral: plain,
    ordinality: plain,
    is_rowsfrom: plain,
    functions: nodes("List"),
    alias: part("Alias"),
    coldeflist: nodes("ColumnDef"),
  },
  JoinExpr: {
    jointype: word("JOIN_INNER", "JOIN_LEFT", "JOIN_FULL", "JOIN_RIGHT"),
    isNatural: plain,
    larg: from,
    rarg: from,
    usingClause: strings,
    join_using_alias: part("Alias"),
    quals: expression,
    alias: part("Alias"),
    rtindex: ignored,
  },
  Alias: { aliasname: plain, colnames: strings },
  ColumnDef: { colname: plain, typeName: part("TypeName"), is_local: plain, location: ignored },
} as const satisfies Partial<Record<CheckedNodeKind, NodeRule>>;

const PARTS = {
  ResTarget: {
    name: plain,
    indirection: nodes("A_Indices"),
    val: nodes(...EXPRESSION, "MultiAssignRef", "SetToDefault"),
    location: ignored,
  },
  SortBy: {
    node: expression,
    sortby_dir: word("SORTBY_DEFAULT", "SORTBY_ASC", "SORTBY_DESC"),
    sortby_nulls: word("SORTBY_NULLS_DEFAULT", "SORTBY_NULLS_FIRST", "SORTBY_NULLS_LAST"),
    location: ignored,
  },
  GroupingSet: {
    kind: word(
      "GROUPING_SET_EMPTY",
      "GROUPING_SET_SIMPLE",
      "GROUPING_SET_ROLLUP",
      "GROUPING_SET_CUBE",
      "GROUPING_SET_SETS",
    ),
    content: nodes(...EXPRESSION, "GroupingSet"),
    location: ignored,
  },
  WindowDef: {
    name: plain,
    refname: plain,
    partitionClause: nodes(...EXPRESSION),
    orderClause: nodes("SortBy"),
    frameOptions: plain,
    startOffset: expression,
    endOffset: expression,
    location: ignored,
  },
  List: { items: nodes(...EXPRESSION, "SetToDefault") },
  String: { sval: plain },
} as const satisfies Partial<Record<CheckedNodeKind, NodeRule>>;

const EXPRESSIONS = {
  A_Const: {
    ival: ignored,
    fval: ignored,
    boolval: ignored,
    sval: ignored,
    bsval: ignored,
    isnull: plain,
    location: ignored,
  },
  A_Expr: {
    kind: word(
      "AEXPR_OP",
      "AEXPR_OP_ANY",
      "AEXPR_OP_ALL",
      "AEXPR_DISTINCT",
      "AEXPR_NOT_DISTINCT",
      "AEXPR_NULLIF",
      "AEXPR_IN",
      "AEXPR_LIKE",
      "AEXPR_ILIKE",
      "AEXPR_SIMILAR",
      "AEXPR_BETWEEN",
      "AEXPR_NOT_BETWEEN",
      "AEXPR_BETWEEN_SYM",
      "AEXPR_NOT_BETWEEN_SYM",
    ),
    name: strings,
    lexpr: nodes(...EXPRESSION, "List"),
    rexpr: nodes(...EXPRESSION, "List"),
    rexpr_list_start: ignored,
    rexpr_list_end: ignored,
    location: ignored,
  },
  A_ArrayExpr: { elements: expression, list_start: ignored, list_end: ignored, location: ignored },
  A_Indices: { is_slice: plain, lidx: expression, uidx: expression },
  // No names: `(x).f` calls the function f when x has no such column.
  A_Indirection: { arg: expression, indirection: nodes("A_Indices") },
  A_Star: {},
  BoolExpr: {
    boolop: word("AND_EXPR", "OR_EXPR", "NOT_EXPR"),
    args: expression,
    location: ignored,
  },
  BooleanTest: {
    arg: expression,
    booltesttype: word(
      "IS_TRUE",
      "IS_NOT_TRUE",
      "IS_FALSE",
      "IS_NOT_FALSE",
      "IS_UNKNOWN",
      "IS_NOT_UNKNOWN",
    ),
    location: ignored,
  },
  CaseExpr: {
    arg: expression,
    args: nodes("CaseWhen"),
    defresult: expression,
    location: ignored,
  },
  CaseWhen: { expr: expression, result: expression, location: ignored },
  CoalesceExpr: { args: expression, location: ignored },
  CollateClause: { arg: expression, collname: strings, location: ignored },
  ColumnRef: { fields: nodes("String", "A_Star"), location: ignored },
  FuncCall: {
    funcname: strings,
    args: nodes(...EXPRESSION, "NamedArgExpr"),
    agg_order: nodes("SortBy"),
    agg_filter: expression,
    over: part("WindowDef"),
    agg_within_group: plain,
    agg_star: plain,
    agg_distinct: plain,
    func_variadic: plain,
    funcformat: word("COERCE_EXPLICIT_CALL", "COERCE_SQL_SYNTAX"),
    location: ignored,
  },
  GroupingFunc: { args: expression, location: ignored },
  MinMaxExpr: { op: word("IS_GREATEST", "IS_LEAST"), args: expression, location: ignored },
  NamedArgExpr: { name: plain, arg: expression, argnumber: plain, location: ignored },
  NullTest: {
    arg: expression,
    nulltesttype: word("IS_NULL", "IS_NOT_NULL"),
    location: ignored,
  },
  ParamRef: { number: plain, location: ignored },
  RowExpr: {
    args: expression,
    row_format: word("COERCE_EXPLICIT_CALL", "COERCE_IMPLICIT_CAST"),
    location: ignored,
  },
  SQLValueFunction: {
    op: word(
      "SVFOP_CURRENT_DATE",
      "SVFOP_CURRENT_TIME",
      "SVFOP_CURRENT_TIME_N",
      "SVFOP_CURRENT_TIMESTAMP",
      "SVFOP_CURRENT_TIMESTAMP_N",
      "SVFOP_LOCALTIME",
      "SVFOP_LOCALTIME_N",
      "SVFOP_LOCALTIMESTAMP",
      "SVFOP_LOCALTIMESTAMP_N",
    ),
    typmod: plain,
    location: ignored,
  },
  SubLink: {
    subLinkType: word(
      "EXISTS_SUBLINK",
      "ALL_SUBLINK",
      "ANY_SUBLINK",
      "EXPR_SUBLINK",
      "ARRAY_SUBLINK",
    ),
    testexpr: expression,
    operName: strings,
    subselect: nodes("SelectStmt"),
    location: ignored,
  },
  TypeCast: { arg: expression, typeName: part("TypeName"), location: ignored },
  TypeName: {
    names: strings,
    typmods: nodes("A_Const"),
    typemod: plain,
    // Integers in wrappers of their own, -1 where the author gave none.
    arrayBounds: ignored,
    location: ignored,
  },
} as const satisfies Partial<Record<CheckedNodeKind, NodeRule>>;

/** Fields of each kind of node. */
export const NODE_RULES: Readonly<Record<CheckedNodeKind, NodeRule>> = {
  ...STATEMENTS,
  ...SOURCES,
  ...PARTS,
  ...EXPRESSIONS,
};

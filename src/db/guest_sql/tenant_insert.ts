/**
 * The tenant column in guests' INSERT. Addons that were made for the Go kernel write it themselves:
 * it may stand there when it says the caller's own organization. The engines look at the rows again.
 *
 * @module
 */

import type { InsertStmt, Node, OnConflictClause, SelectStmt } from "libpg-query";
import { TENANT_COLUMN } from "../schema/tenant_rules.ts";
import { forbiddenSql } from "./errors.ts";
import type { GuestArgument, GuestSqlRequest } from "./guest_sql.ts";

/** What a statement writes into the tenant column. */
export type TenantValue =
  | { readonly kind: "literal"; readonly text: string }
  | { readonly kind: "argument"; readonly number: number };

const OWN_ONLY =
  `The column ${TENANT_COLUMN} takes the caller's own organization only; leave it out`;

/**
 * Finds what an INSERT writes into the tenant column.
 *
 * @param statement with the tenant column in its list, or without.
 * @returns literals and placeholders; a column of that name in a SELECT needs no proof, its rows are
 *   the organization's own.
 * @throws {KernelError} guest_sql.forbidden — anything else stands there.
 */
export function tenantValuesOf(statement: InsertStmt): TenantValue[] {
  const places = (statement.cols ?? []).flatMap((node, place) =>
    "ResTarget" in node && node.ResTarget.name === TENANT_COLUMN ? [place] : []
  );
  const source = statement.selectStmt;
  if (places.length === 0) return [];
  if (source === undefined || !("SelectStmt" in source)) throw forbiddenSql(OWN_ONLY);
  const { SelectStmt: select } = source;
  return places.flatMap((place) => nodesAt(select, place)).flatMap(valueOf);
}

/** The expressions of one column, of every row and every branch. */
function nodesAt(select: SelectStmt, place: number): (Node | undefined)[] {
  if (select.valuesLists !== undefined) {
    return select.valuesLists.map((list) => "List" in list ? list.List.items?.[place] : undefined);
  }
  const { larg, rarg } = select;
  if (larg !== undefined && rarg !== undefined) {
    return [...nodesAt(larg, place), ...nodesAt(rarg, place)];
  }
  const before = (select.targetList ?? []).slice(0, place + 1).map((node) =>
    "ResTarget" in node ? node.ResTarget.val : undefined
  );
  // Behind a star nobody can tell which column is which.
  return [before.some(isStar) ? undefined : before[place]];
}

function isStar(node: Node | undefined): boolean {
  return node !== undefined && "ColumnRef" in node &&
    (node.ColumnRef.fields ?? []).some((field) => "A_Star" in field);
}

function valueOf(node: Node | undefined): TenantValue[] {
  if (node === undefined) throw forbiddenSql(OWN_ONLY);
  if ("SetToDefault" in node) return [];
  if ("TypeCast" in node) return valueOf(node.TypeCast.arg);
  if ("ParamRef" in node) return [{ kind: "argument", number: node.ParamRef.number ?? 0 }];
  if ("A_Const" in node && node.A_Const.sval !== undefined) {
    return [{ kind: "literal", text: node.A_Const.sval.sval ?? "" }];
  }
  if ("ColumnRef" in node) {
    const last = node.ColumnRef.fields?.at(-1);
    if (last !== undefined && "String" in last && last.String.sval === TENANT_COLUMN) return [];
  }
  throw forbiddenSql(OWN_ONLY);
}

/**
 * Refuses values of another organization.
 *
 * @param values of the statement.
 * @param request whose they must be.
 * @throws {KernelError} guest_sql.forbidden.
 */
export function refuseOtherTenant(values: readonly TenantValue[], request: GuestSqlRequest): void {
  const own = request.organizationId.toLowerCase();
  for (const value of values) {
    const text = value.kind === "literal"
      ? value.text
      : textOf(request.arguments[value.number - 1] ?? null);
    if (text?.toLowerCase() !== own) throw forbiddenSql(OWN_ONLY);
  }
}

function textOf(value: GuestArgument): string | undefined {
  if (typeof value === "string") return value;
  const isUuid = typeof value === "object" && value !== null && value.kind === "uuid";
  return isUuid ? value.text : undefined;
}

/**
 * Puts the tenant column into the target of ON CONFLICT where its author left it out: every unique
 * index of an addon's table starts with it.
 *
 * @param clause of a checked tree; changed in place.
 */
export function completeConflictTarget(clause: OnConflictClause): void {
  const elements = clause.infer?.indexElems;
  if (elements === undefined || elements.length === 0) return;
  const isThere = elements.some((node) =>
    "IndexElem" in node && node.IndexElem.name === TENANT_COLUMN
  );
  if (isThere) return;
  elements.unshift({
    IndexElem: {
      name: TENANT_COLUMN,
      ordering: "SORTBY_DEFAULT",
      nulls_ordering: "SORTBY_NULLS_DEFAULT",
    },
  });
}

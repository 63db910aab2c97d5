/**
 * Addons that can be installed without an upload (contract/metacore.md §1.9). One generation of
 * clients reads an array, the other an object with `items`: the query says which.
 *
 * @module
 */

import type { UserCaller } from "../../base/caller.ts";
import type { Answer } from "../answer.ts";
import { bare } from "../answer.ts";
import { notOnOffer } from "../errors.ts";
import type { Exchange } from "../exchange.ts";
import type { RouteContext, UserRoute } from "../route.ts";

/** Routes under `/api/metacore/catalog`. */
export const CATALOG_ROUTES: readonly UserRoute[] = [
  {
    method: "GET",
    path: "/api/metacore/catalog",
    summary: "Lists addons on offer here; with `envelope=1` or `shape=page` as {items, total}.",
    access: "user",
    query: ["envelope", "shape"],
    answer: { status: 200, shape: "CatalogEntry[] | {items: CatalogEntry[], total}" },
    handle: list,
  },
  {
    method: "GET",
    path: "/api/metacore/catalog/:key",
    summary: "Gives one addon on offer here.",
    access: "user",
    answer: { status: 200, shape: "CatalogEntry" },
    handle: one,
  },
];

async function list(
  { query }: Exchange,
  { services }: RouteContext,
  caller: UserCaller,
): Promise<Answer> {
  const entries = await services.catalog.entries(caller);
  const isPage = query.get("shape") === "page" ||
    ["1", "true"].includes(query.get("envelope") ?? "");
  return bare(isPage ? { items: entries, total: entries.length } : entries);
}

async function one(
  exchange: Exchange,
  { services }: RouteContext,
  caller: UserCaller,
): Promise<Answer> {
  const key = exchange.param("key");
  const entries = await services.catalog.entries(caller);
  const entry = entries.find(({ manifest }) => manifest["key"] === key);
  if (entry === undefined) throw notOnOffer(key);
  return bare(entry);
}

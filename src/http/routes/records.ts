/**
 * Records of any model. One set of handlers under four bases: published clients use them all, and
 * `me` is part of a base, never an id (contract/client.md §4).
 *
 * @module
 */

import type { UserCaller } from "../../base/caller.ts";
import { JsonText } from "../../base/json_text.ts";
import { data, dataText, pageText, SUCCESS } from "../answer.ts";
import type { Answer } from "../answer.ts";
import type { Exchange } from "../exchange.ts";
import { readJson } from "../middleware/body.ts";
import type { RouteContext, UserRoute } from "../route.ts";

const BASES: readonly string[] = [
  "/api/dynamic/:model",
  "/api/data/:model",
  "/api/dynamic/:model/me",
  "/api/data/:model/me",
];

const FILTERS: readonly string[] = ["search", "search_columns", "f_<column>"];
const INPUT = { contentTypes: ["application/json"], shape: "Record" };
const ONE = "{success, data: Record}";

/** Routes under `/api/dynamic` and `/api/data`. */
export const RECORD_ROUTES: readonly UserRoute[] = BASES.flatMap((base) => routesAt(base));

function routesAt(base: string): readonly UserRoute[] {
  return [
    {
      method: "GET",
      path: base,
      summary: "Lists records.",
      access: "user",
      permission: "<model>.read",
      query: ["page", "per_page", "sortBy", "order", ...FILTERS],
      answer: { status: 200, shape: "{success, data: Record[], meta: PageMeta}" },
      handle: list,
    },
    {
      method: "POST",
      path: base,
      summary: "Creates a record.",
      access: "user",
      permission: "<model>.create",
      repeatable: true,
      answerOfResult: createdAnswer,
      body: INPUT,
      answer: { status: 201, shape: ONE },
      handle: create,
    },
    {
      method: "GET",
      path: `${base}/facets`,
      summary: "Gives the distinct values of a column with their counts.",
      access: "user",
      permission: "<model>.read",
      query: ["field", "q", "limit"],
      answer: { status: 200, shape: "{success, data: Facet[]}" },
      handle: facets,
    },
    {
      method: "GET",
      path: `${base}/aggregate`,
      summary: "Gives the sums of numeric columns over the filtered records.",
      access: "user",
      permission: "<model>.read",
      query: FILTERS,
      answer: { status: 200, shape: "{success, data: {<column>: number}}" },
      handle: aggregate,
    },
    ...routesOfOne(`${base}/:id`),
  ];
}

function routesOfOne(path: string): readonly UserRoute[] {
  const change = {
    path,
    summary: "Changes the columns that the body names.",
    access: "user",
    permission: "<model>.update",
    body: INPUT,
    answer: { status: 200, shape: ONE },
    handle: update,
  } as const;
  return [
    {
      method: "GET",
      path,
      summary: "Reads a record.",
      access: "user",
      permission: "<model>.read",
      answer: { status: 200, shape: ONE },
      handle: get,
    },
    { method: "PUT", ...change },
    { method: "PATCH", ...change },
    {
      method: "DELETE",
      path,
      summary: "Removes a record: softly where the model says so.",
      access: "user",
      permission: "<model>.delete",
      answer: { status: 200, shape: "{success}" },
      handle: remove,
    },
  ];
}

async function list(
  exchange: Exchange,
  { services }: RouteContext,
  caller: UserCaller,
): Promise<Answer> {
  const page = await services.records.list(caller, exchange.param("model"), exchange.query);
  return pageText(page.rows, page.meta);
}

async function get(
  exchange: Exchange,
  { services }: RouteContext,
  caller: UserCaller,
): Promise<Answer> {
  return dataText(
    await services.records.get(caller, exchange.param("model"), exchange.param("id")),
  );
}

async function create(
  exchange: Exchange,
  { services, limits }: RouteContext,
  caller: UserCaller,
): Promise<Answer> {
  const input = await readJson(exchange, limits);
  const model = exchange.param("model");
  return dataText(await services.records.create(caller, model, input, exchange.claim), 201);
}

function createdAnswer(record: string): Answer {
  return dataText(new JsonText(record), 201);
}

async function update(
  exchange: Exchange,
  { services, limits }: RouteContext,
  caller: UserCaller,
): Promise<Answer> {
  const input = await readJson(exchange, limits);
  const model = exchange.param("model");
  return dataText(await services.records.update(caller, model, exchange.param("id"), input));
}

async function remove(
  exchange: Exchange,
  { services }: RouteContext,
  caller: UserCaller,
): Promise<Answer> {
  await services.records.remove(caller, exchange.param("model"), exchange.param("id"));
  return SUCCESS;
}

async function facets(
  exchange: Exchange,
  { services }: RouteContext,
  caller: UserCaller,
): Promise<Answer> {
  return data(await services.records.facets(caller, exchange.param("model"), exchange.query));
}

async function aggregate(
  exchange: Exchange,
  { services }: RouteContext,
  caller: UserCaller,
): Promise<Answer> {
  return data(await services.records.aggregate(caller, exchange.param("model"), exchange.query));
}

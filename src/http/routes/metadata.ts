/**
 * What a UI needs to draw models (contract/metacore.md §1.5, contract/client.md §3).
 *
 * @module
 */

import { data } from "../answer.ts";
import type { UserRoute } from "../route.ts";

/** Routes under `/api/metadata`. */
export const METADATA_ROUTES: readonly UserRoute[] = [
  {
    method: "GET",
    path: "/api/metadata/all",
    summary: "Gives the metadata of every model, with a version that changes when any of it does.",
    access: "user",
    answer: { status: 200, shape: "{success, data: {version, tables, modals}}" },
    handle: async (_exchange, { services }, caller) => data(await services.metadata.all(caller)),
  },
  {
    method: "GET",
    path: "/api/metadata/table/:model",
    summary: "Gives the metadata of a model's table.",
    access: "user",
    answer: { status: 200, shape: "{success, data: TableMetadata}" },
    handle: async (exchange, { services }, caller) =>
      data(await services.metadata.table(caller, exchange.param("model"))),
  },
  {
    method: "GET",
    path: "/api/metadata/modal/:model",
    summary: "Gives the metadata of a model's dialogs.",
    access: "user",
    answer: { status: 200, shape: "{success, data: ModalMetadata}" },
    handle: async (exchange, { services }, caller) =>
      data(await services.metadata.modal(caller, exchange.param("model"))),
  },
];

/**
 * Lists records: one round trip for the page and its total, in most cases.
 *
 * @module
 */

import { type RawBuilder, sql } from "kysely";
import { JsonText } from "../base/json_text.ts";
import type { JsonObject } from "../base/json.ts";
import type { Statement } from "../db/database.ts";
import { type RecordContext, recordView, tableOf, templateOf } from "./context.ts";
import type { Count, Counts } from "./count.ts";
import { parseListRequest } from "./query/params.ts";
import { planList, type ReadPlan } from "./query/plan.ts";
import {
  listOrder,
  renderWindow,
  selectionKey,
  selectionValues,
  selectionWhere,
  sortKey,
  type Window,
  windowKey,
} from "./query/render.ts";
import { recordJson, type RecordJsonOptions } from "./record_json.ts";
import type { RecordPage } from "./record_service.ts";

/**
 * Lists one page of records with the exact total.
 *
 * @param context the request; its permission has been checked.
 * @param counts where totals are remembered.
 * @param query the query string.
 * @returns the page.
 * @throws {KernelError} record.unknown_column, record.unknown_parameter, record.invalid_filter
 */
export async function listRecords(
  context: RecordContext,
  counts: Counts,
  query: URLSearchParams,
): Promise<RecordPage> {
  const plan = planList(parseListRequest(query), context.live.shape);
  const count = counts.of(context, plan.selection);
  const statement = await pageStatement(context, plan);
  const [first, ...counting] = await context.ports.database.batch(
    context.caller.organizationId,
    [statement, ...(count.isKnown ? [count.check] : count.statements)],
  );
  const [json, rows] = first?.rows[0] ?? [];
  const total = !count.isKnown
    ? count.read(counting)
    : count.remembered(counting) ?? totalOfPage(plan, Number(rows)) ??
      await recount(context, count);
  return {
    rows: new JsonText<readonly JsonObject[]>(json ?? "[]"),
    meta: {
      total,
      page: plan.page,
      per_page: plan.perPage,
      last_page: Math.max(1, Math.ceil(total / plan.perPage)),
    },
  };
}

/** A page that is not full is the last one, so it tells the total by itself. */
function totalOfPage(plan: ReadPlan, rows: number): number | undefined {
  if (rows >= plan.perPage || (rows === 0 && plan.page > 1)) return undefined;
  return (plan.page - 1) * plan.perPage + rows;
}

async function recount(context: RecordContext, count: Count): Promise<number> {
  const { organizationId } = context.caller;
  return count.read(await context.ports.database.batch(organizationId, count.statements));
}

async function pageStatement(
  context: RecordContext,
  plan: ReadPlan,
): Promise<Statement> {
  const view = await recordView(context);
  const values = selectionValues(context.caller.organizationId, plan.selection);
  const offsetSlot = values.length;
  const shape = selectionKey(plan.selection);
  const window = { limit: plan.perPage, offset: (plan.page - 1) * plan.perPage };
  const use = `page ${view.key} ${windowKey(window)}`;
  const template = templateOf(
    context,
    shape === undefined ? undefined : `${use} ${sortKey(plan)} ${shape}`,
    () => pageQuery(context, plan, { json: view.json, window, offsetSlot }),
  );
  values.push(window.offset);
  return template.bind(values);
}

/** The rows of the page are chosen first, so that JSON is written for them alone. */
function pageQuery(
  context: RecordContext,
  plan: ReadPlan,
  parts: {
    readonly json: RecordJsonOptions;
    readonly window: Window;
    readonly offsetSlot: number;
  },
): RawBuilder<unknown> {
  const { profile } = context.ports.database;
  const { offsetSlot } = parts;
  const target = { profile, scope: context.ports.scope, shape: context.live.shape };
  const columns = [...context.live.shape.columns.keys()].map((name) => sql.ref(`record.${name}`));
  const rows = sql`select ${sql.join(columns)} from ${tableOf(context)} as record where ${
    selectionWhere(target, plan.selection, "record")
  } order by ${listOrder(plan, "record")} ${renderWindow(profile, parts.window, offsetSlot)}`;
  return sql`select ${
    profile.jsonArray(recordJson(parts.json, "record"))
  } as json, count(*) as records from (${rows}) as record`;
}

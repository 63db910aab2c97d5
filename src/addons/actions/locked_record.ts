/**
 * A record under a lock: what an action in a transaction decides on must not change while it runs.
 *
 * @module
 */

import { sql } from "kysely";
import type { JsonObject } from "../../base/json.ts";
import type { Transaction } from "../../db/database.ts";
import type { Model } from "../../models/model.ts";
import { recordNotFound } from "../../records/errors.ts";
import { notRemoved, rowJson } from "../../records/record_json.ts";
import { organizationScope } from "../../records/scope.ts";
import { type ModelShape, shapeOf } from "../../records/shape.ts";

const shapes = new WeakMap<Model, ModelShape>();

/**
 * Reads a record and keeps everybody else from changing it until the transaction ends.
 *
 * @param tx the action's transaction.
 * @param model the model.
 * @param organizationId the organization that the record belongs to.
 * @param id id of the record.
 * @returns its columns as the API shows them.
 * @throws {KernelError} record.not_found — it has been removed meanwhile.
 */
export async function lockRecord(
  tx: Transaction,
  model: Model,
  organizationId: string,
  id: string,
): Promise<JsonObject> {
  const { profile } = tx;
  let shape = shapes.get(model);
  if (shape === undefined) shapes.set(model, shape = shapeOf(model));
  const uuid = { kind: "uuid" } as const;
  const conditions = [
    organizationScope("record", profile.value(organizationId, uuid)),
    sql`${sql.ref("record.id")} = ${profile.value(id.toLowerCase(), uuid)}`,
  ];
  const present = notRemoved(shape, "record");
  if (present !== undefined) conditions.push(present);
  const query = sql`select cast(${rowJson(profile, shape, "record")} as text) as json from ${
    profile.table(model.table)
  } as record where ${sql.join(conditions, sql` and `)} ${profile.lockRows}`;
  const { rows } = await tx.execute(profile.compile(query));
  const json = rows[0]?.["json"];
  if (typeof json !== "string") throw recordNotFound();
  // Border: the engine wrote this text.
  return JSON.parse(json) as JsonObject;
}

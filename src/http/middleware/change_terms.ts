/**
 * Reads on which revision of an installation a change was decided: If-Match, `?revision=`, or a field
 * of a JSON body.
 *
 * @module
 */

import type { ChangeTerms } from "../../addons/addon_service.ts";
import { isJsonObject } from "../../base/json.ts";
import { invalidBody } from "../errors.ts";
import type { Exchange } from "../exchange.ts";
import type { HttpLimits } from "../limits.ts";
import { readJsonOrNothing } from "./body.ts";
import { readRevision } from "./etag.ts";

/**
 * Reads the terms of a change of state.
 *
 * @param exchange the request; it may have no body.
 * @param limits sizes.
 * @returns the revision, where one is demanded.
 * @throws {KernelError} http.invalid_revision, http.invalid_body, and what reading a body throws.
 */
export async function changeTerms(exchange: Exchange, limits: HttpLimits): Promise<ChangeTerms> {
  const body = await readJsonOrNothing(exchange, limits) ?? {};
  if (!isJsonObject(body)) throw invalidBody("the body is a JSON object, or absent");
  const header = exchange.request.headers.get("if-match");
  const revision = readRevision(header ?? exchange.query.get("revision") ?? body["revision"]);
  return revision === undefined ? {} : { revision };
}

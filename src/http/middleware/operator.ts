/**
 * Proves the operator of the process: a token of their own, compared in constant time. Without a
 * configured token nobody is the operator.
 *
 * @module
 */

import { equalSecrets } from "../../base/secret.ts";
import { operatorRefused, operatorUnavailable } from "../errors.ts";
import type { Exchange } from "../exchange.ts";
import { tokenOf } from "./authenticate.ts";

/**
 * Demands the operator's token.
 *
 * @param exchange the request.
 * @param token what is expected; undefined refuses everybody.
 * @throws {KernelError} http.operator_unavailable, http.operator_refused, http.missing_token,
 *   http.unsupported_scheme
 */
export function proveOperator(exchange: Exchange, token: string | undefined): void {
  if (token === undefined) throw operatorUnavailable();
  const given = tokenOf(exchange.request.headers.get("authorization"));
  const text = new TextEncoder();
  if (!equalSecrets(text.encode(given), text.encode(token))) throw operatorRefused();
}

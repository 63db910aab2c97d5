/**
 * Names a request: by what the client calls it, where that is harmless in headers, logs and
 * tables, else anew (contract/metacore.md §1.10).
 *
 * @module
 */

import type { IdSource } from "../../base/ids.ts";

const SAFE_ID = /^[A-Za-z0-9][A-Za-z0-9._:+\/=@-]{0,127}$/;

/**
 * Names a request.
 *
 * @param request the request, perhaps with `X-Request-ID`.
 * @param ids makes new names.
 * @returns 1 to 128 harmless characters.
 */
export function requestIdOf(request: Request, ids: IdSource): string {
  const given = request.headers.get("x-request-id");
  return given !== null && SAFE_ID.test(given) ? given : ids.next();
}

/**
 * Texts of addons for browsers, which ask before anybody has logged in (contract/client.md §9).
 *
 * @module
 */

import type { Answer } from "../answer.ts";
import type { Exchange } from "../exchange.ts";
import { matchesEtag } from "../middleware/etag.ts";
import type { OpenRoute, RouteContext } from "../route.ts";

/** The second one is what published clients call. */
const PATHS = ["/api/metacore/addons/:key/i18n/:lang", "/v1/addons/:key/i18n/:lang"] as const;

/** Routes of texts. */
export const TRANSLATION_ROUTES: readonly OpenRoute[] = PATHS.map((path) => ({
  method: "GET",
  path,
  summary:
    "Gives the texts of an addon in a language, `es-MX` or `es-MX.json`, the best for each key.",
  access: "public",
  answer: { status: 200, shape: "{[key]: string}" },
  readableBy: "any origin",
  handle: serve,
}));

async function serve(exchange: Exchange, { services }: RouteContext): Promise<Answer> {
  const language = exchange.param("lang").replace(/\.json$/i, "");
  const texts = await services.translations.publicTexts(exchange.param("key"), language);
  const body = JSON.stringify(texts);
  const headers = {
    etag: await etagOf(body),
    "cache-control": "public, max-age=60",
    "access-control-allow-origin": "*",
    "cross-origin-resource-policy": "cross-origin",
  };
  const asked = exchange.request.headers.get("if-none-match");
  if (asked !== null && matchesEtag(asked, headers.etag)) {
    return { status: 304, body: null, headers };
  }
  return { status: 200, body, headers };
}

async function etagOf(text: string): Promise<string> {
  const hash = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text));
  return `"${new Uint8Array(hash).toHex().slice(0, 32)}"`;
}

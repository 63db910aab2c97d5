/**
 * Where a client looks up choices. Authors write bare model names (`employees`) or paths; a published
 * client calls `GET <api base><searchEndpoint>` with its bearer token (contract/client.md §6).
 *
 * @module
 */

import type { Model } from "./model.ts";
import { modelOfEndpoint, routeName } from "./reference.ts";
import type { ModelSnapshot } from "./registry.ts";

/** A path on the kernel's own origin: one slash, and nothing a browser reads as another host. */
const OWN_PATH = /^\/(?![/\\])[^\\\s]*$/;
const LOOKUP_PATH = /^\/(?:search|options)\//;

/**
 * Makes the endpoint that a client can call.
 *
 * @param written what the author wrote, if anything.
 * @param target the model that the field points at, where that is known.
 * @param model the model whose author wrote it.
 * @param snapshot where models are found.
 * @returns a path below the API's base, such as `/search/employees`; a path of the author's own as
 *   it is; undefined for a model that is not installed, and for an address on another host, to
 *   which the client would send its token.
 */
export function clientEndpoint(
  written: string | undefined,
  target: Model | undefined,
  model: Model,
  snapshot: ModelSnapshot,
): string | undefined {
  if (written === undefined) return target === undefined ? undefined : searchPath(target, snapshot);
  if (OWN_PATH.test(written)) {
    const isLost = LOOKUP_PATH.test(written) &&
      modelOfEndpoint(snapshot, model, written) === undefined;
    return isLost ? undefined : written;
  }
  const named = modelOfEndpoint(snapshot, model, written) ?? target;
  return named === undefined ? undefined : searchPath(named, snapshot);
}

function searchPath(target: Model, snapshot: ModelSnapshot): string {
  return `/search/${encodeURIComponent(routeName(target, snapshot))}`;
}

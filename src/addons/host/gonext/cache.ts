/**
 * `gn_cache_invalidate` (contract/gonext.md §2.4): an event for whoever caches what the plugin made.
 *
 * @module
 */

import type { Json } from "../../../base/json.ts";
import { parseJson, textOf } from "../arguments.ts";
import { appendEvent } from "../guest_event.ts";
import type { HostFunction } from "../host_function.ts";
import { Refusal } from "../refusal.ts";
import { numericRefusal, ZERO } from "../reply.ts";
import { recordCall } from "../audit.ts";
import { ownRight, slugOf } from "./rights.ts";

const TAGS = { what: "the tags", maxBytes: 65_536 };
const MAX_TAGS = 64;
const MAX_TAG_BYTES = 256;

/** Tells that what carries one of some tags is stale. */
export const cacheInvalidate: HostFunction = {
  budget: "event",
  maxTimeMs: 5_000,
  right: ownRight("cache:invalidate"),
  refuse: () => numericRefusal("data"),
  prepare: (invocation, call) => {
    const tags = tagsOf(parseJson(textOf(call.arguments[0], TAGS), TAGS));
    return {
      run: async () => {
        await appendEvent(invocation, {
          name: `${invocation.context.subject.addonKey}.cache.invalidated`,
          model: "cache",
          tableName: "",
          payload: JSON.stringify({ tags }),
        });
        const facts = { plugin: slugOf(invocation), tags: tags.length };
        recordCall(invocation, { name: "plugin.cache.invalidate", details: facts });
        return ZERO;
      },
    };
  },
};

function tagsOf(value: Json): string[] {
  const fault = new Refusal("bad_request", "tags are 1 to 64 texts of 1 to 256 bytes");
  if (!Array.isArray(value) || value.length === 0 || value.length > MAX_TAGS) throw fault;
  return value.map((tag: Json) => {
    if (typeof tag !== "string" || tag === "") throw fault;
    if (new TextEncoder().encode(tag).length > MAX_TAG_BYTES) throw fault;
    return tag;
  });
}

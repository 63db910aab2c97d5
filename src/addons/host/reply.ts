/**
 * Answers of host functions in the shapes of the two interfaces (contract/metacore.md §5.3,
 * contract/gonext.md §2). What the answers mean is decided elsewhere.
 *
 * @module
 */

import type { HostReply } from "../../sandbox/sandbox.ts";
import type { Refusal, RefusalEncoder, RefusalKind } from "./refusal.ts";

const UTF8 = new TextEncoder();

/** `0`: success without a body, or "not there" where the interface knows no other word. */
export const ZERO: HostReply = { status: 0 };

/**
 * Answers with JSON.
 *
 * @param value what is told; no `undefined` in it.
 * @returns its bytes.
 */
export function jsonReply(value: unknown): HostReply {
  return { bytes: UTF8.encode(JSON.stringify(value)) };
}

/** `{"error": code, "message"}`: `http_fetch`, `http_request` and old `event_emit`. */
export function plainRefusal(refusal: Refusal): HostReply {
  return jsonReply({ error: refusal.code, message: refusal.message });
}

/**
 * `{"success": false, "error": {code, message}, "meta"}`: the envelope of `db_*` and of later levels.
 *
 * @param meta what stands in `meta` beside `durationMs`.
 * @returns the encoder.
 */
export function envelopeRefusal(meta: Readonly<Record<string, unknown>>): RefusalEncoder {
  return (refusal, durationMs) =>
    jsonReply({
      success: false,
      error: { code: refusal.code, message: refusal.message },
      meta: { ...meta, durationMs },
    });
}

/** Code of a refusal that is about a map of tags. */
export const BAD_MAP = "bad_map";

/** What a family of functions answers to each kind of refusal. */
export type RefusalFamily = "data" | "net" | "observation" | "platform" | "zero";

/**
 * Gives the encoder of a family whose answers are numbers (contract/two_abis.md §4).
 *
 * @param family `data` is `gonext_data`, `net` is `env_net`, `observation` and `platform` are parts of
 *   `env`, `zero` knows no failure: `env_get`, `gn_i18n_translate`.
 * @returns the encoder.
 */
export function numericRefusal(family: RefusalFamily): RefusalEncoder {
  const statuses = STATUSES[family];
  return (refusal) => {
    if (family === "observation" && refusal.code === BAD_MAP) return { status: -3 };
    return { status: statuses[refusal.kind] };
  };
}

const STATUSES: Readonly<Record<RefusalFamily, Readonly<Record<RefusalKind, number>>>> = {
  data: {
    bad_request: -3,
    denied: -1,
    blocked: -1,
    rate_limited: -5,
    quota: -5,
    not_found: -4,
    upstream: -2,
    unavailable: -2,
    internal: -2,
  },
  net: {
    bad_request: -1,
    denied: -2,
    blocked: -3,
    rate_limited: -4,
    quota: -4,
    not_found: -6,
    upstream: -5,
    unavailable: -7,
    internal: -7,
  },
  observation: { ...all(-5), bad_request: -1, quota: -4 },
  platform: all(-1),
  zero: all(0),
};

function all(status: number): Record<RefusalKind, number> {
  return {
    bad_request: status,
    denied: status,
    blocked: status,
    rate_limited: status,
    quota: status,
    not_found: status,
    upstream: status,
    unavailable: status,
    internal: status,
  };
}

/**
 * Answers of tools that only ask, kept in this process for as long as their manifest allows.
 *
 * @module
 */

import type { Caller } from "../../base/caller.ts";
import type { Clock } from "../../base/clock.ts";
import type { JsonObject } from "../../base/json.ts";
import type { ToolDefinition } from "../../bundle/manifest/manifest.ts";
import { BoundedCache } from "../../records/bounded_cache.ts";
import type { LiveInstallation } from "../live_installations.ts";
import type { ToolResult } from "./tool_service.ts";

const MAX_ANSWERS = 500;
/** Larger answers are asked for again: 500 of these are 16 MiB. */
const MAX_ANSWER_LENGTH = 32_768;

interface Kept {
  readonly text: string;
  readonly untilMs: number;
}

/** One call as far as its answer depends on it. */
export interface CacheableCall {
  readonly caller: Caller;
  readonly installation: LiveInstallation;
  readonly tool: ToolDefinition;
  readonly parameters: JsonObject;
  readonly context: JsonObject | undefined;
}

/** Keeps answers. */
export class AnswerCache {
  readonly #answers = new BoundedCache<Kept>(MAX_ANSWERS);
  readonly #clock: Clock;

  /** @param clock tells when an answer is too old. */
  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /**
   * Gives a kept answer, or asks and keeps it.
   *
   * @param call the call.
   * @param ask gets the answer.
   * @returns the answer; only successful ones are kept.
   */
  async take(call: CacheableCall, ask: () => Promise<ToolResult>): Promise<ToolResult> {
    const ttlSeconds = call.tool.cache_ttl ?? 0;
    if (ttlSeconds <= 0 || !asksOnly(call.tool)) return await ask();
    const key = keyOf(call);
    const kept = this.#answers.get(key);
    // Border: this very text was printed from a result.
    if (kept !== undefined && kept.untilMs > this.#clock.nowMs()) {
      return JSON.parse(kept.text) as ToolResult;
    }
    const result = await ask();
    const text = JSON.stringify(result);
    if (result.success && text.length <= MAX_ANSWER_LENGTH) {
      this.#answers.set(key, { text, untilMs: this.#clock.nowMs() + ttlSeconds * 1_000 });
    }
    return result;
  }
}

function asksOnly({ category, method }: ToolDefinition): boolean {
  return category === "query" || method?.toUpperCase() === "GET";
}

/** The addon is told who asks and how, so nobody gets another's; a changed installation has new ones. */
function keyOf({ caller, installation, tool, parameters, context }: CacheableCall): string {
  const { row } = installation;
  const user = caller.kind === "user" ? [caller.userId, caller.role] : ["system"];
  const state = [row.id, String(row.revision), row.bundle_digest];
  return JSON.stringify([
    caller.organizationId,
    ...user,
    caller.locale ?? null,
    ...state,
    tool.id,
    parameters,
    context ?? null,
  ]);
}

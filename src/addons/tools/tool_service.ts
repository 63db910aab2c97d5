/**
 * Tools: functions that enabled addons offer to agents and to the API of an organization
 * (contract/metacore.md §11.7).
 *
 * @module
 */

import type { Caller } from "../../base/caller.ts";
import type { Json, JsonObject } from "../../base/json.ts";
import type { ToolDefinition } from "../../bundle/manifest/manifest.ts";

/**
 * A tool with the addon that offers it. Its endpoint is as the manifest has it, placeholders unfilled;
 * what is called instead of one is left out.
 */
export interface OfferedTool extends Omit<ToolDefinition, "handler"> {
  /** Key of the addon. */
  readonly addon_key: string;
}

/** A call of a tool. */
export interface ToolCall {
  /** Key of the addon. */
  readonly addon_key: string;
  /** Name of the tool within the addon. */
  readonly tool_id: string;
  /** Must be the organization's own, when given. */
  readonly installation_id?: string;
  /** Inputs by name. */
  readonly parameters: JsonObject;
  /** What the conversation knows; handed to the addon as it is. */
  readonly context?: JsonObject;
}

/** What a tool gave. */
export interface ToolResult {
  /** Whether it did what was asked. */
  readonly success: boolean;
  /** What it gave. */
  readonly data?: Json;
  /** Why not: invalid parameters, or the addon's own word. */
  readonly error?: string;
  /** Facts about the call, in the addon's words. */
  readonly metadata?: JsonObject;
}

/** Lists and calls tools. */
export interface ToolService {
  /** Tools of enabled addons, by addon and id. @param addonKey only of this one. */
  list(caller: Caller, addonKey?: string): Promise<readonly OfferedTool[]>;
  /**
   * Calls one. Needs the permission `tools.execute`. Parameters that are not in order, and an answer
   * of the addon that is no success, are results.
   *
   * @throws {KernelError} access.denied; addon.tool_installation_not_found — the installation that was
   *   named is another one; addon.tool_not_found; addon.tool_no_endpoint; addon.backend_*,
   *   addon.handler_timeout and sandbox.* where the addon could not be asked
   */
  execute(caller: Caller, call: ToolCall): Promise<ToolResult>;
}

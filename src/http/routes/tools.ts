/**
 * Tools of an organization's addons (contract/metacore.md §1.9, contract/client.md §7). The list has
 * no envelope, and a call has its own.
 *
 * @module
 */

import type { ToolCall, ToolResult } from "../../addons/tools/tool_service.ts";
import type { UserCaller } from "../../base/caller.ts";
import { isKernelError, type KernelError } from "../../base/error.ts";
import { isUuid } from "../../base/ids.ts";
import { isJsonObject, type JsonObject } from "../../base/json.ts";
import { type Answer, bare } from "../answer.ts";
import { invalidToolCall } from "../errors.ts";
import type { Exchange } from "../exchange.ts";
import { headersOf, statusOf } from "../status.ts";
import { readJson } from "../middleware/body.ts";
import type { RouteContext, UserRoute } from "../route.ts";

/** Routes under `/api/metacore/tools`. */
export const TOOL_ROUTES: readonly UserRoute[] = [
  {
    method: "GET",
    path: "/api/metacore/tools",
    summary: "Lists the tools of enabled addons, by addon and id.",
    access: "user",
    query: ["addon_key"],
    answer: { status: 200, shape: "Tool[]" },
    handle: list,
  },
  {
    method: "POST",
    path: "/api/metacore/tools/execute",
    summary: "Calls a tool; `success` tells whether it did what was asked.",
    access: "user",
    permission: "tools.execute",
    repeatable: true,
    body: {
      contentTypes: ["application/json"],
      shape: "{addon_key, tool_id, installation_id?, parameters?, context?}",
    },
    answer: { status: 200, shape: "{success, data?, error?, metadata?}" },
    handle: execute,
  },
];

async function list(
  exchange: Exchange,
  { services }: RouteContext,
  caller: UserCaller,
): Promise<Answer> {
  return bare(await services.tools.list(caller, exchange.query.get("addon_key") || undefined));
}

async function execute(
  exchange: Exchange,
  { services, limits }: RouteContext,
  caller: UserCaller,
): Promise<Answer> {
  const call = callOf(await bodyOf(exchange, limits));
  try {
    return resultAnswer(await services.tools.execute(caller, call));
  } catch (thrown) {
    if (!isKernelError(thrown) || !isAddonsFault(thrown)) throw thrown;
    const { addon_key: addon, tool_id: tool } = call;
    const { requestId: request_id } = caller;
    services.logger.warn("a tool failed", { code: thrown.code, addon, tool, request_id });
    return failedAnswer(thrown, request_id);
  }
}

/** The text is contract/metacore.md §1.9. */
async function bodyOf(exchange: Exchange, limits: RouteContext["limits"]): Promise<unknown> {
  try {
    return await readJson(exchange, limits);
  } catch (thrown) {
    if (!isKernelError(thrown, "http.invalid_body")) throw thrown;
    throw invalidToolCall(`invalid JSON body: ${thrown.details?.["reason"]}`);
  }
}

/** What was not done, or not said to be done, may be tried again with the same key. */
function resultAnswer(result: ToolResult): Answer {
  const answer = bare(result);
  return result.success ? answer : { ...answer, outcome: "nothing done" };
}

/** The addon could not be asked, or did not answer: clients look for `error` then. */
function isAddonsFault({ code, kind }: KernelError): boolean {
  const isOurs = kind === "internal" || kind === "forbidden" || kind === "not_found";
  return !isOurs && /^(?:addon\.(?:backend_|handler_|tool_no_endpoint)|sandbox\.)/.test(code);
}

function failedAnswer(failure: KernelError, requestId: string): Answer {
  const { code, message } = failure;
  const body = { success: false, error: message, message, code, request_id: requestId };
  // To clients of tools, a backend that is late has failed like any other.
  const status = code === "addon.backend_timeout" ? 502 : statusOf(failure);
  return { status, body: JSON.stringify(body), headers: headersOf(failure) };
}

function callOf(body: unknown): ToolCall {
  if (!isJsonObject(body)) throw invalidToolCall("invalid JSON body: an object is expected");
  const { addon_key, tool_id, installation_id, parameters, context } = body;
  if (!isFilled(addon_key) || !isFilled(tool_id)) {
    throw invalidToolCall("addon_key and tool_id are required");
  }
  return {
    addon_key,
    tool_id,
    ...(isAbsent(installation_id) ? {} : { installation_id: idOf(installation_id) }),
    parameters: isAbsent(parameters) ? {} : objectOf(parameters, "parameters"),
    ...(isAbsent(context) ? {} : { context: objectOf(context, "context") }),
  };
}

function isFilled(value: unknown): value is string {
  return typeof value === "string" && value !== "";
}

/** Published clients send an empty text where they know no installation. */
function isAbsent(value: unknown): boolean {
  return value === undefined || value === null || value === "";
}

function idOf(value: unknown): string {
  if (!isUuid(value)) throw invalidToolCall("invalid installation_id");
  return value;
}

function objectOf(value: unknown, name: string): JsonObject {
  if (!isJsonObject(value)) throw invalidToolCall(`invalid JSON body: ${name} must be an object`);
  return value;
}

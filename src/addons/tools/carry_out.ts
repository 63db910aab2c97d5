/**
 * Carries a tool out: code of the host application, a function of the addon's module, its backend, or
 * a record that is made of the parameters.
 *
 * @module
 */

import type { Caller } from "../../base/caller.ts";
import { isKernelError } from "../../base/error.ts";
import type { JsonObject } from "../../base/json.ts";
import type { HandlerDefinition, ToolDefinition } from "../../bundle/manifest/manifest.ts";
import type { ModelSnapshot } from "../../models/registry.ts";
import type { RecordService } from "../../records/record_service.ts";
import { handlerTimeout } from "../actions/errors.ts";
import type { BackendCaller } from "../backend/backend.ts";
import type { FunctionOpener } from "../code/open_function.ts";
import type { CompiledAddons } from "../compiled/compiled_addon.ts";
import { within } from "../compiled/deadline.ts";
import type { LiveInstallation } from "../live_installations.ts";
import { readBackendResult, readResult } from "./answer.ts";
import { fillPlaceholders, placeholdersOf, withQuery } from "./endpoint.ts";
import { noEndpoint } from "./errors.ts";
import { invalidParameters } from "./parameters.ts";
import type { ToolResult } from "./tool_service.ts";

/** What tools are carried out with. */
export interface ToolPorts {
  readonly records: RecordService;
  readonly code: FunctionOpener;
  readonly backend: BackendCaller;
  readonly compiled: CompiledAddons;
}

/** A call that has been checked. */
export interface PreparedTool {
  readonly caller: Caller;
  readonly snapshot: ModelSnapshot;
  readonly installation: LiveInstallation;
  readonly tool: ToolDefinition;
  /** Checked and normalized. */
  readonly parameters: JsonObject;
  readonly context: JsonObject | undefined;
  /** The installation's settings as texts; empty where the address has no placeholder. */
  readonly settings: ReadonlyMap<string, string>;
}

/** Longest a tool may be waited for, in seconds; a request's own limit comes first. */
const MAX_TIMEOUT_SECONDS = 60;

/**
 * Carries a tool out.
 *
 * @param ports what it takes.
 * @param call the call.
 * @returns what the addon answered.
 * @throws {KernelError} addon.tool_no_endpoint; addon.backend_*, sandbox.*, access.denied
 */
export async function carryOut(ports: ToolPorts, call: PreparedTool): Promise<ToolResult> {
  const { tool, installation } = call;
  const handler = tool.handler ?? handlerOf(tool, ports.compiled, installation.manifest.key);
  if (handler?.type === "compiled") return await callCompiled(ports, call, handler.name);
  if (handler?.type === "wasm") return await callFunction(ports, call, handler.function);
  if (handler?.type === "webhook") return await callBackend(ports, call, handler.url);
  if (tool.endpoint.trim() !== "") return await callBackend(ports, call, tool.endpoint);
  return await createRecord(ports, call);
}

/** Tools without an address are the host application's to serve. */
function handlerOf(
  { id, endpoint }: ToolDefinition,
  compiled: CompiledAddons,
  addonKey: string,
): HandlerDefinition | undefined {
  if (endpoint.trim() !== "") return undefined;
  const tools = compiled.find(addonKey)?.tools ?? {};
  return Object.hasOwn(tools, id) ? { type: "compiled", name: id } : undefined;
}

async function callCompiled(
  { compiled }: ToolPorts,
  call: PreparedTool,
  name: string,
): Promise<ToolResult> {
  const { caller, installation, tool, parameters } = call;
  const key = installation.manifest.key;
  const tools = compiled.find(key)?.tools ?? {};
  const handle = Object.hasOwn(tools, name) ? tools[name] : undefined;
  if (handle === undefined) throw noEndpoint(tool.id);
  const timeoutMs = timeoutMsOf(tool) ?? MAX_TIMEOUT_SECONDS * 1_000;
  const context = { caller, installationId: installation.row.id, toolId: tool.id, parameters };
  const late = () => handlerTimeout(key, timeoutMs);
  const data = await within({ timeoutMs, late, signal: caller.signal }, () => handle(context));
  return { success: true, data };
}

async function callFunction(
  { code }: ToolPorts,
  call: PreparedTool,
  functionName: string,
): Promise<ToolResult> {
  const { caller, installation, tool } = call;
  const timeoutMs = timeoutMsOf(tool);
  return await code.openOf(caller, installation, functionName, async (open) =>
    readResult(
      await open({
        input: () => functionInput(call),
        ...(timeoutMs === undefined ? {} : { timeoutMs }),
      }),
    ));
}

function functionInput(call: PreparedTool): JsonObject {
  const { caller, installation } = call;
  return {
    ...bodyOf(call),
    args: call.parameters,
    user: caller.kind === "system" ? null : { id: caller.userId, role: caller.role },
    ctx: {
      organization_id: caller.organizationId,
      installation_id: installation.row.id,
      addon: installation.manifest.key,
      user_id: caller.kind === "system" ? null : caller.userId,
      request_id: caller.requestId,
      locale: caller.locale ?? null,
    },
  };
}

async function callBackend(
  { backend }: ToolPorts,
  call: PreparedTool,
  endpoint: string,
): Promise<ToolResult> {
  const { caller, installation, tool, parameters, settings } = call;
  const placeholders = fillPlaceholders(endpoint, parameters, settings);
  if ("missing" in placeholders) return unfilled(tool, placeholders.missing);
  const method = tool.method?.toUpperCase() || "POST";
  const timeoutMs = timeoutMsOf(tool);
  const answer = await backend.call({
    caller,
    installation,
    method,
    event: `tool:${tool.id}`,
    placeholders,
    // A GET has no body: what it would have carried goes into the query.
    ...(method === "GET"
      ? { url: withQuery(endpoint, parameters) }
      : { url: endpoint, body: bodyOf(call) }),
    ...(timeoutMs === undefined ? {} : { timeoutMs }),
  });
  return readBackendResult(answer);
}

function unfilled({ input_schema: inputs }: ToolDefinition, name: string): ToolResult {
  const isParameter = inputs.some((input) => input.name === name);
  const error = isParameter
    ? invalidParameters([`${name}: required`])
    : `the setting "${name}" of this addon has no value`;
  return { success: false, error };
}

function bodyOf({ caller, installation, tool, parameters, context }: PreparedTool): JsonObject {
  return {
    addon_key: installation.manifest.key,
    tool_id: tool.id,
    installation_id: installation.row.id,
    org_id: caller.organizationId,
    parameters,
    ...(context === undefined ? {} : { context }),
  };
}

/** Under the caller's own permission; parameters that are no columns have no place in a record. */
async function createRecord({ records }: ToolPorts, call: PreparedTool): Promise<ToolResult> {
  const { caller, snapshot, installation, tool, parameters } = call;
  const name = tool.auto_create_record;
  const own = snapshot.models.find((model) =>
    model.addonKey === installation.manifest.key &&
    (model.key === name || model.table.table === name)
  );
  const model = own ?? (name === undefined ? undefined : snapshot.find(name));
  if (model === undefined) throw noEndpoint(tool.id);
  const columns = new Set(model.columns.map((column) => column.name));
  const input = Object.fromEntries(
    Object.entries(parameters).filter(([parameter]) => columns.has(parameter)),
  );
  try {
    const record = await records.create(caller, model.key, input);
    return { success: true, data: record.value(), metadata: { model: model.key } };
  } catch (thrown) {
    // What is wrong with the values is an answer; that the caller may not is a failure.
    if (isKernelError(thrown) && thrown.code.startsWith("record.")) {
      return { success: false, error: thrown.message };
    }
    throw thrown;
  }
}

function timeoutMsOf({ timeout }: ToolDefinition): number | undefined {
  if (timeout === undefined || timeout <= 0) return undefined;
  return Math.min(timeout, MAX_TIMEOUT_SECONDS) * 1_000;
}

/**
 * Lists what fills addresses of a tool beside its parameters.
 *
 * @param tool the tool.
 * @returns names of placeholders.
 */
export function settingsUsed({ endpoint, handler }: ToolDefinition): ReadonlySet<string> {
  return placeholdersOf(handler?.type === "webhook" ? handler.url : endpoint);
}

/**
 * Lists and calls tools. They are read from the organization's installations at every call: there is
 * no registry that could hold another organization's tools, or those of an addon that has gone.
 *
 * @module
 */

import type { AccessService } from "../../access/access_service.ts";
import type { Caller } from "../../base/caller.ts";
import { type Clock, systemClock } from "../../base/clock.ts";
import type { ToolDefinition } from "../../bundle/manifest/manifest.ts";
import type { ModelRegistry } from "../../models/registry.ts";
import { InstallationCatalog } from "../code/installation_catalog.ts";
import type { LiveInstallation } from "../live_installations.ts";
import { AnswerCache } from "./answer_cache.ts";
import { carryOut, type PreparedTool, settingsUsed, type ToolPorts } from "./carry_out.ts";
import { foreignInstallation, toolNotFound } from "./errors.ts";
import { invalidParameters, type ReadParameters, readParameters } from "./parameters.ts";
import { readBySchema } from "./schema.ts";
import type { OfferedTool, ToolCall, ToolResult, ToolService } from "./tool_service.ts";

/** Gives the settings of an installation as texts, secret ones among them. */
export interface ToolSettings {
  /** @returns values by key; those without a value are absent. */
  of(installation: LiveInstallation): Promise<ReadonlyMap<string, string>>;
}

/** What tools are called with. */
export interface ToolServiceOptions extends ToolPorts {
  readonly registry: ModelRegistry;
  readonly access: AccessService;
  readonly settings: ToolSettings;
  /** @default the system's clock */
  readonly clock?: Clock;
}

/**
 * Makes the service.
 *
 * @param options what tools are called with.
 * @returns the service.
 */
export function createToolService(options: ToolServiceOptions): ToolService {
  return new Tools(options);
}

const NO_SETTINGS: ReadonlyMap<string, string> = new Map();

class Tools implements ToolService {
  readonly #options: ToolServiceOptions;
  readonly #catalog: InstallationCatalog;
  readonly #answers: AnswerCache;

  constructor(options: ToolServiceOptions) {
    this.#options = options;
    this.#catalog = new InstallationCatalog(options.registry);
    this.#answers = new AnswerCache(options.clock ?? systemClock);
  }

  async list(caller: Caller, addonKey?: string): Promise<readonly OfferedTool[]> {
    const installations = await this.#catalog.all(caller.organizationId);
    return [...installations.values()]
      .filter(({ row }) => addonKey === undefined || row.addon_key === addonKey)
      .flatMap((installation) => toolsOf(installation).map((tool) => offered(installation, tool)))
      .sort((a, b) => compare(a.addon_key, b.addon_key) || compare(a.id, b.id));
  }

  async execute(caller: Caller, call: ToolCall): Promise<ToolResult> {
    await this.#options.access.check(caller, "tools.execute");
    const prepared = await this.#prepare(caller, call);
    if ("error" in prepared) return prepared;
    return await this.#answers.take(prepared, () => carryOut(this.#options, prepared));
  }

  async #prepare(caller: Caller, call: ToolCall): Promise<PreparedTool | FailedTool> {
    const { addon_key: addonKey, tool_id: toolId, installation_id: installationId } = call;
    const { snapshot, installations } = await this.#catalog.view(caller.organizationId);
    const installation = installations.get(addonKey);
    if (installationId !== undefined && installation?.row.id !== installationId.toLowerCase()) {
      throw foreignInstallation();
    }
    if (installation === undefined) throw toolNotFound(addonKey, toolId);
    const tool = toolsOf(installation).find((each) => each.id === toolId);
    if (tool === undefined) throw toolNotFound(addonKey, toolId);
    const names = settingsUsed(tool);
    const settings = names.size === 0 ? NO_SETTINGS : await this.#options.settings.of(installation);
    const isProvided = (name: string) => names.has(name) && (settings.get(name) ?? "") !== "";
    const read = readInput(tool, call, isProvided);
    if ("problems" in read) return { success: false, error: invalidParameters(read.problems) };
    const { context } = call;
    return { caller, snapshot, installation, tool, parameters: read.values, context, settings };
  }
}

/** A call that is answered before the addon hears of it. */
interface FailedTool {
  readonly success: false;
  readonly error: string;
}

function toolsOf({ row, manifest }: LiveInstallation): readonly ToolDefinition[] {
  return row.status === "enabled" ? manifest.tools : [];
}

function readInput(
  tool: ToolDefinition,
  { parameters }: ToolCall,
  isProvided: (name: string) => boolean,
): ReadParameters {
  const schema = tool.parameters_schema;
  return schema === undefined
    ? readParameters(tool.input_schema, parameters, isProvided)
    : readBySchema(schema, parameters, isProvided);
}

/** What is called instead of an endpoint is the server's own matter. */
function offered({ row }: LiveInstallation, tool: ToolDefinition): OfferedTool {
  const { handler: _handler, ...shown } = tool;
  return { addon_key: row.addon_key, ...shown };
}

/** By code units, the same everywhere. */
function compare(left: string, right: string): number {
  return left < right ? -1 : left > right ? 1 : 0;
}

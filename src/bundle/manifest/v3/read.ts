/**
 * Reads a manifest of the generation `asteby.com/v3` (contract/author.md §3) into the one internal
 * shape. It is strict: an unknown property is a complaint, and what the kernel cannot do is refused by
 * its name, unless it is only for user interfaces or people.
 *
 * @module
 */

import type { JsonObject } from "../../../base/json.ts";
import { pathFault } from "../../entry_path.ts";
import { readFrontend } from "../frontend.ts";
import { LOCALE } from "../translation.ts";
import { MAX_ACTION_MODELS, MAX_LABEL_LENGTH, MAX_LOCALES, MAX_UNREAD_ITEMS } from "../limits.ts";
import type {
  BackendDefinition,
  FrontendDefinition,
  Manifest,
  PermissionDefinition,
  TranslationDefinition,
} from "../manifest.ts";
import { type ManifestNode, shown } from "../node.ts";
import { defined } from "../optional.ts";
import { PatternReader } from "../pattern.ts";
import { readActions } from "./action.ts";
import { readCapabilities } from "./capability.ts";
import { clientDocumentOf } from "./client_document.ts";
import { HandlerReader } from "./handler.ts";
import { readLifecycle, readSubscriptions } from "./lifecycle.ts";
import { readCompatibility, readMetadata, readTenancy } from "./metadata.ts";
import { type ReadModels, readModels } from "./model.ts";
import { readNavigation } from "./navigation.ts";
import { readSettings } from "./setting.ts";
import { noteUnheeded, refuseUnknown, refuseUnsupported } from "./strict.ts";
import { readTools } from "./tool.ts";

/** What `apiVersion` says in a manifest of this generation. */
export const V3_API_VERSION = "asteby.com/v3";
/** Where the module of an addon with functions lies; there is no block that says so. */
const MODULE_PATH = "backend/backend.wasm";

const BLOCKS = [
  "apiVersion",
  "kind",
  "metadata",
  "compatibility",
  "tenancy",
  "capabilities",
  "models",
  "frontend",
  "contributions",
  "extension_points",
  "lifecycle",
  "i18n",
  "rbac",
  "settings",
  "billing",
  "signature",
];
const UNSUPPORTED_BLOCKS = ["connectors", "schedules", "webhooks"];
const CONTRIBUTIONS = [
  "navigation",
  "actions",
  "tools",
  "subscriptions",
  "slots",
  "dashboard",
  "notifications",
];
const UNSUPPORTED_CONTRIBUTIONS = ["documents", "public_routes"];

/**
 * Reads the document.
 *
 * @param root the document's place.
 * @param document the document.
 * @returns the manifest; incomplete where it complained.
 */
export function readV3Manifest(root: ManifestNode, document: JsonObject): Manifest {
  refuseUnknown(root, [...BLOCKS, ...UNSUPPORTED_BLOCKS]);
  refuseUnsupported(root, UNSUPPORTED_BLOCKS);
  refuseUnknown(root.field("billing"), ["metered_events"]);
  refuseUnsupported(root.field("billing"), ["metered_events"]);
  const { shown: descriptive, ...identity } = readMetadata(root.field("metadata"));
  const { kernel, requires } = readCompatibility(root.field("compatibility"), identity.key);
  const handlers = new HandlerReader();
  const patterns = new PatternReader();
  const models = readModels(root.field("models"), identity.key);
  const contributions = readContributions(root.field("contributions"), models, handlers, patterns);
  const lifecycle = readLifecycle(root.field("lifecycle"), handlers);
  const manifest = {
    generation: "v3",
    ...identity,
    ...defined({ kernel }),
    tenant_isolation: readTenancy(root.field("tenancy")),
    settings: readSettings(root.field("settings")),
    hooks: {},
    model_definitions: models.models,
    capabilities: readCapabilities(root.field("capabilities")),
    requires,
    lifecycle_hooks: lifecycle,
    ...contributions,
    translations: readTranslations(root.field("i18n")),
    permissions: readPermissions(root.field("rbac")),
    ...defined({
      backend: backendOf(handlers.functions),
      frontend: readStrictFrontend(root.field("frontend")),
      extensible_models: readExtensionPoints(root.field("extension_points"), models),
    }),
  } as const;
  root.field("signature").object();
  return {
    ...manifest,
    unheeded: root.notes,
    document,
    client_document: clientDocumentOf(manifest, descriptive, root.field("contributions")),
  };
}

function readContributions(
  node: ManifestNode,
  models: ReadModels,
  handlers: HandlerReader,
  patterns: PatternReader,
): Pick<Manifest, "navigation" | "actions" | "extensions" | "tools" | "subscriptions"> {
  refuseUnknown(node, [...CONTRIBUTIONS, ...UNSUPPORTED_CONTRIBUTIONS]);
  refuseUnsupported(node, UNSUPPORTED_CONTRIBUTIONS);
  const actions = readActions(node.field("actions"), models, handlers);
  return {
    navigation: readNavigation(node.field("navigation")),
    actions: actions.own,
    extensions: actions.extensions,
    tools: readTools(node.field("tools"), handlers, patterns),
    subscriptions: readSubscriptions(node.field("subscriptions"), handlers),
  };
}

function backendOf(functions: readonly string[]): BackendDefinition | undefined {
  if (functions.length === 0) return undefined;
  return { runtime: "wasm", entry: MODULE_PATH, exports: functions };
}

function readStrictFrontend(node: ManifestNode): FrontendDefinition | undefined {
  refuseUnknown(node, ["entry", "format", "expose", "container", "layout", "integrity"]);
  return readFrontend(node);
}

function readTranslations(node: ManifestNode): TranslationDefinition {
  refuseUnknown(node, ["default_locale", "bundles"]);
  const localeNode = node.field("default_locale");
  const locale = localeNode.filledText() === undefined
    ? undefined
    : localeNode.matching(LOCALE, "locale");
  const files = node.field("bundles").objects(MAX_LOCALES).flatMap((item) => {
    refuseUnknown(item, ["locale", "path"]);
    const of = item.field("locale").matching(LOCALE, "locale");
    const pathNode = item.field("path");
    const path = pathNode.requiredText();
    const fault = path === undefined ? undefined : pathFault(path);
    if (fault !== undefined) {
      pathNode.complain(`${shown(path!)} is no path in a bundle: it ${fault}`);
    }
    return of === undefined || path === undefined ? [] : [{ locale: of, path }];
  });
  return { texts: {}, files, ...defined({ default_locale: locale }) };
}

function readPermissions(node: ManifestNode): PermissionDefinition[] {
  refuseUnknown(node, ["permissions", "roles"]);
  noteUnheeded(node, ["roles"], "roles are not made; grant the permissions themselves");
  const byKey = new Map<string, PermissionDefinition>();
  for (const item of node.field("permissions").objects(MAX_UNREAD_ITEMS)) {
    refuseUnknown(item, ["key", "label", "description"]);
    const key = item.field("key").requiredText(MAX_LABEL_LENGTH);
    const label = item.field("label").filledText(MAX_LABEL_LENGTH);
    if (key !== undefined && !byKey.has(key)) byKey.set(key, { key, ...defined({ label }) });
  }
  return [...byKey.values()];
}

/** Events and slots are told to others; only who may extend which models is acted on. */
function readExtensionPoints(node: ManifestNode, models: ReadModels): string[] | undefined {
  refuseUnknown(node, ["events", "slot_kinds", "model_extensions_accepted"]);
  for (const item of node.field("events").objects(MAX_UNREAD_ITEMS)) {
    refuseUnknown(item, ["name", "description", "payload", "payload_schema"]);
    item.field("name").requiredText(MAX_LABEL_LENGTH);
  }
  const accepted = node.field("model_extensions_accepted");
  if (accepted.value === undefined || accepted.value === true) return undefined;
  if (accepted.value === false) return [];
  return accepted.items(MAX_ACTION_MODELS).flatMap((item) => {
    const model = models.names.read(item);
    if (model?.kind === "own") return [model.key];
    if (model !== undefined) item.complain("is no model of this addon");
    return [];
  });
}

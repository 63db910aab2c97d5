/**
 * Reads a manifest of the flat generation ("v2": `key` at the root; contract/metacore.md §3), or hands
 * it to the reader of its generation. It checks every rule and reports every complaint, reads what the
 * kernel acts on into `Manifest`, and keeps the document whole. Generations without a reader are
 * refused by name, not misread.
 *
 * @module
 */

import { isJsonObject, type Json, type JsonObject } from "../../base/json.ts";
import { badJson, unsupportedKind, unsupportedManifest } from "../errors.ts";
import { readAddonKey } from "./addon_key.ts";
import { readActionMap } from "./action.ts";
import { readBackend, readHooks } from "./backend.ts";
import { readCapabilities } from "./capability.ts";
import { readExtensions } from "./extension.ts";
import { readFrontend } from "./frontend.ts";
import { GONEXT_API_VERSION, readGonextManifest } from "./gonext.ts";
import { readJson } from "./json_reader.ts";
import { normalizeVersion } from "./kernel_range.ts";
import { readLifecycleHooks } from "./lifecycle_hook.ts";
import { MAX_LABEL_LENGTH, MAX_VERSION_LENGTH } from "./limits.ts";
import type { Manifest, TenantIsolation } from "./manifest.ts";
import { readModels } from "./model.ts";
import { readNavigation } from "./navigation.ts";
import { ManifestNode, shown } from "./node.ts";
import { defined } from "./optional.ts";
import { PatternReader } from "./pattern.ts";
import { ProblemList } from "./problem.ts";
import { readPermissions } from "./permission.ts";
import { readRequirements, readVersionRange } from "./requirement.ts";
import { readSettings } from "./setting.ts";
import { readTools } from "./tool.ts";
import { readTexts } from "./translation.ts";
import { checkUnreadBlocks } from "./unread.ts";
import { readV3Manifest, V3_API_VERSION } from "./v3/read.ts";

/** Beginnings of `apiVersion` that mark a generation; what is written behind them must be known. */
const GENERATIONS = ["asteby.com/", "gonext.io/"];
const KINDS = ["Addon", "Preset", "Theme", "ConnectorPack"] as const;
const ISOLATIONS = ["shared", "schema-per-tenant"] as const;

/**
 * Reads a manifest.
 *
 * @param source its JSON text or bytes, or the value that such a text holds (as read back from the
 *   database); a value passes the same checks, by way of its text.
 * @returns the manifest.
 * @throws {KernelError} bundle.bad_json, bundle.bad_text, bundle.entry_too_large — it is no JSON
 *   within bounds; bundle.unsupported_manifest — it is of another generation;
 *   bundle.invalid_manifest — rules are broken: the message is the first complaint,
 *   `details.problems` holds up to 100 as `{path, message}`.
 */
export function parseManifest(source: unknown): Manifest {
  const isText = typeof source === "string" || source instanceof Uint8Array;
  const value = readJson(isText ? source : textOf(source));
  const problems = new ProblemList();
  const root = new ManifestNode(value, [], problems);
  if (!isJsonObject(value)) {
    root.complain("must be an object");
    problems.throwIfAny();
  }
  refuseOtherGenerations(value);
  // An object: anything else has thrown above.
  const document = value as JsonObject;
  if (document.apiVersion === V3_API_VERSION) checkKind(root.field("kind"));
  const manifest = readerOf(document.apiVersion)(root, document);
  problems.throwIfAny();
  return manifest;
}

function readerOf(
  apiVersion: Json | undefined,
): (root: ManifestNode, document: JsonObject) => Manifest {
  if (apiVersion === V3_API_VERSION) return readV3Manifest;
  return apiVersion === GONEXT_API_VERSION ? readGonextManifest : readManifest;
}

/** The other kinds are no addons: nothing of them could be installed. */
function checkKind(node: ManifestNode): void {
  const kind = node.word(KINDS, "kind");
  if (!node.present || node.value === "") node.complain("is required");
  if (kind !== undefined && kind !== "Addon") throw unsupportedKind(kind);
}

function textOf(value: unknown): string {
  try {
    return JSON.stringify(value) ?? "null";
  } catch {
    throw badJson("manifest.json", "it holds itself, or a value that JSON does not know", 1, 1);
  }
}

function refuseOtherGenerations(value: Json): void {
  const generation = isJsonObject(value) ? value.apiVersion : undefined;
  if (typeof generation !== "string") return;
  if (generation === GONEXT_API_VERSION || generation === V3_API_VERSION) return;
  if (GENERATIONS.some((prefix) => generation.startsWith(prefix))) {
    throw unsupportedManifest(generation.slice(0, MAX_VERSION_LENGTH));
  }
}

function readManifest(root: ManifestNode, document: JsonObject): Manifest {
  const identity = {
    key: readAddonKey(root.field("key")),
    name: root.field("name").requiredText(MAX_LABEL_LENGTH) ?? "",
    version: readVersion(root.field("version")),
    description: root.field("description").text() ?? "",
    category: root.field("category").text(MAX_LABEL_LENGTH) ?? "",
    ...defined({ kernel: readVersionRange(root.field("kernel")) }),
    tenant_isolation: readIsolation(root.field("tenant_isolation")),
  };
  // The backend first: triggers and hooks are held against its exports.
  const backend = readBackend(root.field("backend"));
  const exported = new Set(backend?.exports ?? []);
  const patterns = new PatternReader();
  const models = readModels(root.field("model_definitions"), patterns);
  const manifest: Manifest = {
    generation: "v2",
    ...identity,
    navigation: readNavigation(root.field("navigation")),
    settings: readSettings(root.field("settings")),
    hooks: readHooks(root.field("hooks"), backend),
    actions: readActionMap(root.field("actions"), exported),
    model_definitions: models,
    extensions: readExtensions(root.field("extensions"), exported, patterns),
    capabilities: readCapabilities(root.field("capabilities")),
    ...defined({ backend, frontend: readFrontend(root.field("frontend")) }),
    tools: readTools(root.field("tools"), patterns),
    requires: readRequirements(root.field("requires"), identity.key),
    lifecycle_hooks: readLifecycleHooks(root.field("lifecycle_hooks"), {
      addonKey: identity.key,
      models,
      exported,
    }),
    subscriptions: [],
    translations: { texts: readTexts(root.field("i18n")), files: [] },
    permissions: readPermissions(root.field("permissions")),
    unheeded: [],
    document,
    client_document: document,
  };
  noteUncallable(root, manifest);
  checkUnreadBlocks(root);
  return { ...manifest, unheeded: root.notes };
}

/** Notes code that can never be called, because nothing says where it is. */
function noteUncallable(root: ManifestNode, manifest: Manifest): void {
  const { backend, hooks, actions } = manifest;
  if (backend?.runtime === "binary") {
    root.field("backend").field("runtime").note("programs are not run; only webhooks are called");
  }
  if (backend?.url !== undefined) return;
  for (const [model, list] of Object.entries(actions)) {
    list.forEach(({ key, trigger }, index) => {
      const isWebhook = trigger === undefined || trigger.type === "webhook";
      const hook = `${model}::${key}`;
      const isNamed = trigger?.url !== undefined || (Object.hasOwn(hooks, hook) && hooks[hook]);
      if (!isWebhook || isNamed) return;
      root.field("actions").key(model).item(index).note(
        "a webhook without an address: neither the trigger, hooks nor backend.url name one",
      );
    });
  }
}

function readVersion(node: ManifestNode): string {
  const version = node.requiredText(MAX_VERSION_LENGTH);
  if (version === undefined) return "";
  if (normalizeVersion(version) === undefined) {
    node.complain(`${shown(version)} is not a semantic version such as 1.0.0`);
  }
  return version;
}

function readIsolation(node: ManifestNode): TenantIsolation {
  if (node.value === "database-per-tenant") {
    node.complain('"database-per-tenant" is reserved and not supported; use schema-per-tenant');
    return "schema-per-tenant";
  }
  return node.word(ISOLATIONS, "tenant_isolation") ?? "shared";
}

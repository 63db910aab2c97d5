/**
 * Reads a manifest of the generation `gonext.io/v1` (contract/gonext.md §8) into the one internal
 * shape. Nothing beyond the schema is taken: an unknown property is a complaint, and every complaint
 * is reported at once.
 *
 * @module
 */

import { RESERVED_ADDON_KEYS } from "../../base/ids.ts";
import type { JsonObject } from "../../base/json.ts";
import { UniqueNames } from "./identifier.ts";
import { isVersionRange } from "./kernel_range.ts";
import {
  MAX_CAPABILITIES,
  MAX_EXPORTS,
  MAX_HOOKS,
  MAX_LABEL_LENGTH,
  MAX_NAVIGATION_ITEMS,
  MAX_REQUIREMENTS,
  MAX_VERSION_LENGTH,
} from "./limits.ts";
import type {
  CapabilityDefinition,
  GonextDefinition,
  Manifest,
  NavigationGroup,
  RequirementDefinition,
} from "./manifest.ts";
import { type ManifestNode, shown } from "./node.ts";
import { defined } from "./optional.ts";

/** What `apiVersion` says in a manifest of this generation. */
export const GONEXT_API_VERSION = "gonext.io/v1";

const NAME = /^[a-z][a-z0-9-]{2,40}$/;
// The grammar of semver.org: GoNext takes nothing shorter, and no leading "v".
const NUMBER = "(?:0|[1-9][0-9]*)";
const PRERELEASE = `(?:${NUMBER}|[0-9]*[A-Za-z-][0-9A-Za-z-]*)`;
const VERSION = new RegExp(
  `^${NUMBER}\\.${NUMBER}\\.${NUMBER}(?:-${PRERELEASE}(?:\\.${PRERELEASE})*)?` +
    `(?:\\+[0-9A-Za-z-]+(?:\\.[0-9A-Za-z-]+)*)?$`,
);
const ENTRY = /^[A-Za-z0-9_.\-/]+\.wasm$/;
const CAPABILITY = /^[a-z][a-z0-9]*(\.[a-z][a-z0-9]*)*$/;
const HOOK = /^[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)*$/;
const JOB = /^[a-z][a-z0-9-]*(\.[a-z][a-z0-9-]*)*$/;
const RANGE = /^[~^>=<*0-9A-Za-z.\-+ ,|]+$/;
const PAGE_SLUG = /^[a-z0-9][a-z0-9-]{0,40}$/;
const SIGNATURE = /^[0-9a-f]{128}$/;

/** Properties of the document; there are no others. */
const PROPERTIES = [
  "apiVersion",
  "name",
  "version",
  "entry",
  "capabilities",
  "hooks",
  "jobs",
  "requires",
  "depends",
  "signature",
  "admin_pages",
  "storage",
  "flags",
];

/**
 * Reads the document.
 *
 * @param root the document's place.
 * @param document the document.
 * @returns the manifest; incomplete where it complained.
 */
export function readGonextManifest(root: ManifestNode, document: JsonObject): Manifest {
  refuseUnknown(root, PROPERTIES);
  const name = readName(root.field("name"));
  const version = readVersion(root.field("version"));
  const entry = readEntry(root.field("entry"));
  const gonext = readBlock(root, name);
  checkRest(root);
  return {
    generation: "gonext",
    key: addonKeyOf(name),
    name,
    version,
    description: "",
    category: "",
    tenant_isolation: "shared",
    navigation: readPages(root.field("admin_pages"), name),
    settings: [],
    hooks: {},
    actions: {},
    model_definitions: [],
    extensions: [],
    capabilities: gonext.capabilities.map(capabilityOf),
    backend: { runtime: "wasm", entry, exports: gonext.hooks.actions },
    tools: [],
    requires: readDepends(root.field("depends"), name),
    lifecycle_hooks: [],
    subscriptions: [],
    translations: { texts: {}, files: [] },
    permissions: [],
    unheeded: root.notes,
    gonext,
    document,
    client_document: document,
  };
}

function refuseUnknown(node: ManifestNode, known: readonly string[]): void {
  for (const [key, place] of node.entries(MAX_EXPORTS)) {
    if (!known.includes(key)) place.complain("is no property of this generation of manifests");
  }
}

function readName(node: ManifestNode): string {
  const name = node.matching(NAME, "plugin name") ?? "";
  if (RESERVED_ADDON_KEYS.has(name)) node.complain(`"${name}" is reserved for the kernel`);
  if (name in Object.prototype) node.complain(`"${name}" is reserved and cannot be an addon key`);
  return name;
}

function readVersion(node: ManifestNode): string {
  const version = node.requiredText(MAX_VERSION_LENGTH);
  if (version === undefined || VERSION.test(version)) return version ?? "";
  node.complain(`${shown(version)} is not a semantic version such as 1.0.0`);
  return version;
}

function readEntry(node: ManifestNode): string {
  const entry = node.matching(ENTRY, "path of a module") ?? "";
  if (entry.split("/").includes("..")) node.complain('holds the segment ".."');
  return entry;
}

function readBlock(root: ManifestNode, slug: string): GonextDefinition {
  const hooks = root.field("hooks");
  refuseUnknown(hooks, ["actions", "filters"]);
  const storage = root.field("storage");
  refuseUnknown(storage, ["kv"]);
  const kv = storage.field("kv");
  refuseUnknown(kv, ["max_bytes", "max_keys"]);
  const bounds = { min: 0, max: Number.MAX_SAFE_INTEGER };
  return {
    slug,
    capabilities: readUnique(root.field("capabilities"), CAPABILITY, MAX_CAPABILITIES),
    hooks: {
      actions: readUnique(hooks.field("actions"), HOOK, MAX_HOOKS),
      filters: readUnique(hooks.field("filters"), HOOK, MAX_HOOKS),
    },
    jobs: readUnique(root.field("jobs"), JOB, MAX_HOOKS),
    kvQuota: defined({
      // Zero is the schema's "no bound"; the kernel's own holds then.
      maxBytes: kv.field("max_bytes").integer(bounds) || undefined,
      maxKeys: kv.field("max_keys").integer(bounds) || undefined,
    }),
  };
}

/** Without each of these the plugin does not run (contract/gonext.md §11). */
function readDepends(node: ManifestNode, ownName: string): RequirementDefinition[] {
  const names = new UniqueNames("plugin");
  return node.objects(MAX_REQUIREMENTS).map((item) => {
    refuseUnknown(item, ["name", "version"]);
    const name = item.field("name").matching(NAME, "plugin name") ?? "";
    names.add(item.field("name"), name || undefined);
    if (name !== "" && name === ownName) {
      item.field("name").complain("a plugin cannot depend on itself");
    }
    const version = readDependedRange(item.field("version"));
    return { key: addonKeyOf(name), label: name, optional: false, ...defined({ version }) };
  });
}

function readDependedRange(node: ManifestNode): string | undefined {
  const range = node.matching(RANGE, "range of versions")?.trim();
  if (range === undefined) return undefined;
  if (isVersionRange(range) && !range.includes("|")) return range;
  return node.complain(`${shown(range)} is not a range of versions such as "^1.2.0"`);
}

function addonKeyOf(name: string): string {
  return name.replaceAll("-", "_");
}

/** What is checked and has no effect. */
function checkRest(root: ManifestNode): void {
  const requires = root.field("requires");
  refuseUnknown(requires, ["host"]);
  if (requires.present) {
    requires.field("host").matching(RANGE, "range of versions");
    // As in GoNext itself: it speaks of another host's versions.
    requires.field("host").note("the range is not held against this kernel");
  }
  const signature = root.field("signature");
  if (signature.present) {
    signature.matching(SIGNATURE, "signature");
    signature.note("is not verified: a signature is of the whole bundle and lies beside it");
  }
  if (root.field("jobs").items(MAX_HOOKS).length > 0) {
    root.field("jobs").note("run when the host application runs them; there is no queue");
  }
  const flags = root.field("flags");
  refuseUnknown(flags, ["apply_filters_batch"]);
  flags.field("apply_filters_batch").flag();
}

/** Pages become entries of one group, for users that may; where they lead is the host's matter. */
function readPages(node: ManifestNode, name: string): NavigationGroup[] {
  const items = node.objects(MAX_NAVIGATION_ITEMS).map((page) => {
    refuseUnknown(page, ["slug", "label", "icon", "capability"]);
    const slug = page.field("slug").matching(PAGE_SLUG, "slug") ?? "";
    const title = page.field("label").requiredText(64) ?? "";
    const icon = page.field("icon").filledText(32);
    const permission = page.field("capability").filledText(MAX_LABEL_LENGTH);
    return { title, url: `/plugins/${name}/${slug}`, ...defined({ icon, permission }) };
  });
  return items.length === 0 ? [] : [{ title: "", items }];
}

function readUnique(node: ManifestNode, pattern: RegExp, maxCount: number): string[] {
  const seen = new Set<string>();
  for (const item of node.items(maxCount)) {
    const text = item.matching(pattern, "name");
    if (text === undefined) continue;
    if (seen.has(text)) item.complain(`${shown(text)} is there twice`);
    seen.add(text);
  }
  return [...seen];
}

/** As clients see rights: what it reaches is the plugin's own. */
function capabilityOf(id: string): CapabilityDefinition {
  return { kind: id.replace(".", ":"), target: "self" };
}

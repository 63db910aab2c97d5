/**
 * Reads who an addon is and what it stands on: metadata, compatibility and tenancy of the generation
 * `asteby.com/v3` (contract/author.md §3).
 *
 * @module
 */

import { ADDON_KEY } from "../../../base/ids.ts";
import type { Json } from "../../../base/json.ts";
import { readAddonKey } from "../addon_key.ts";
import { normalizeVersion } from "../kernel_range.ts";
import {
  MAX_LABEL_LENGTH,
  MAX_REQUIREMENTS,
  MAX_UNREAD_ITEMS,
  MAX_VERSION_LENGTH,
} from "../limits.ts";
import type { RequirementDefinition, TenantIsolation } from "../manifest.ts";
import { type ManifestNode, shown } from "../node.ts";
import { defined } from "../optional.ts";
import { readVersionRange } from "../requirement.ts";
import { refuseUnknown } from "./strict.ts";

const ICON_TYPES = ["lucide", "brand", "url"] as const;
const TEXTS = ["author", "license", "website", "price"] as const;
const LISTS = ["screenshots", "features", "countries", "tags"] as const;
const MAX_README_LENGTH = 1024 * 1024;

/** Who an addon is. */
export interface Identity {
  readonly key: string;
  readonly name: string;
  readonly version: string;
  readonly description: string;
  readonly category: string;
  /** What clients and people are shown beside these, in the names of the flat generation. */
  readonly shown: Readonly<Record<string, Json>>;
}

/** What an addon stands on. */
export interface Foundation {
  readonly kernel?: string;
  readonly requires: readonly RequirementDefinition[];
}

/**
 * Reads the metadata.
 *
 * @param node the object.
 * @returns who the addon is; incomplete where it complained.
 */
export function readMetadata(node: ManifestNode): Identity {
  if (!node.present) node.complain("is required");
  const names = ["key", "name", "version", "description", "category", "icon", "i18n", "readme"];
  refuseUnknown(node, [...names, ...TEXTS, ...LISTS]);
  const shownFields: Record<string, Json> = { ...readIcon(node.field("icon")) };
  for (const name of TEXTS) {
    const text = node.field(name).filledText();
    if (text !== undefined) shownFields[name] = text;
  }
  for (const name of LISTS) {
    if (node.field(name).present) shownFields[name] = node.field(name).texts(MAX_UNREAD_ITEMS);
  }
  const readme = node.field("readme").filledText(MAX_README_LENGTH);
  if (readme !== undefined) shownFields.readme = readme;
  const translated = node.field("i18n").object();
  if (translated !== undefined) shownFields.metadata_i18n = translated;
  return {
    key: readAddonKey(node.field("key")),
    name: node.field("name").requiredText(MAX_LABEL_LENGTH) ?? "",
    version: readVersion(node.field("version")),
    description: node.field("description").text() ?? "",
    category: node.field("category").text(MAX_LABEL_LENGTH) ?? "",
    shown: shownFields,
  };
}

function readIcon(node: ManifestNode): Record<string, string> {
  refuseUnknown(node, ["type", "slug", "color"]);
  return defined({
    icon_type: node.field("type").word(ICON_TYPES, "type of icon"),
    icon_slug: node.field("slug").filledText(),
    icon_color: node.field("color").filledText(MAX_LABEL_LENGTH),
  }) as Record<string, string>;
}

function readVersion(node: ManifestNode): string {
  const version = node.requiredText(MAX_VERSION_LENGTH);
  if (version === undefined || normalizeVersion(version) === version) return version ?? "";
  node.complain(`${shown(version)} is not a whole semantic version such as 1.0.0`);
  return version;
}

/**
 * Reads what an addon needs: the key `kernel` is the range of kernel contracts.
 *
 * @param node the object `compatibility`.
 * @param ownKey the addon's own key, which it cannot require.
 * @returns the range and the required addons; incomplete where it complained.
 */
export function readCompatibility(node: ManifestNode, ownKey: string): Foundation {
  refuseUnknown(node, ["requires"]);
  const seen = new Set<string>();
  const requires: RequirementDefinition[] = [];
  let kernel: string | undefined;
  for (const item of node.field("requires").objects(MAX_REQUIREMENTS)) {
    refuseUnknown(item, ["key", "version", "optional", "reason"]);
    const keyNode = item.field("key");
    const key = keyNode.matching(ADDON_KEY, "addon key");
    const versionNode = item.field("version");
    const version = readVersionRange(versionNode);
    if (!versionNode.present || versionNode.value === "") versionNode.complain("is required");
    const optional = item.field("optional").flag() ?? false;
    const reason = item.field("reason").filledText();
    if (key === undefined) continue;
    if (seen.has(key)) keyNode.complain(`duplicate requirement "${key}"`);
    seen.add(key);
    if (key === "kernel" && !optional) kernel = version;
    else if (key === "kernel") item.field("optional").complain("the kernel is never optional");
    else if (key === ownKey) keyNode.complain("an addon cannot require itself");
    else requires.push({ key, optional, ...defined({ version, reason }) });
  }
  return { requires, ...defined({ kernel }) };
}

/**
 * Reads how the addon's tables are kept apart.
 *
 * @param node the object `tenancy`.
 * @returns the isolation.
 */
export function readTenancy(node: ManifestNode): TenantIsolation {
  refuseUnknown(node, ["isolation", "rls_column"]);
  const column = node.field("rls_column");
  if (column.filledText() !== undefined && column.value !== "organization_id") {
    column.complain('must be "organization_id": the kernel keeps organizations apart by it');
  }
  const isolation = node.field("isolation");
  if (isolation.value === "database") {
    isolation.complain('"database" is not supported by this kernel; use "schema"');
    return "schema-per-tenant";
  }
  const word = isolation.word(["shared", "schema"], "isolation");
  return word === "schema" ? "schema-per-tenant" : "shared";
}

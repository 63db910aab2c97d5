/**
 * Bundles of addons: open one that a stranger made, pack one of your own, read a manifest. Needs no
 * permission and no kernel.
 *
 * @example
 * ```ts
 * import { openBundle, packBundle } from "./mod.ts";
 *
 * const manifest = { key: "notes", name: "Notes", version: "1.0.0" };
 * const archive = await packBundle(new Map([["manifest.json", JSON.stringify(manifest)]]));
 * const bundle = await openBundle(archive);
 * bundle.manifest.key; // "notes"
 * ```
 *
 * @module
 */

// Archives
export { type ArchiveEntry, readArchive } from "./archive.ts";
export { type ArchiveLimits, DEFAULT_ARCHIVE_LIMITS } from "./limits.ts";
export { type BundleFiles, packBundle } from "./pack.ts";
export { sha256Hex } from "./digest.ts";

// Bundles
export {
  type Bundle,
  type BundleEntry,
  type BundleMigration,
  openBundle,
  type OpenOptions,
} from "./bundle.ts";

// Manifests
export { parseManifest } from "./manifest/parse.ts";
export { checkKernelRange, KERNEL_CONTRACT_VERSION } from "./manifest/kernel_range.ts";
export type { ManifestProblem } from "./manifest/problem.ts";
export type {
  ActionDefinition,
  ActionFieldDefinition,
  BackendDefinition,
  CapabilityDefinition,
  ColumnDefinition,
  ConditionDefinition,
  ExtensionDefinition,
  ForeignKeyDefinition,
  FrontendDefinition,
  GonextDefinition,
  HandlerDefinition,
  IndexDefinition,
  LifecycleEvent,
  LifecycleHookDefinition,
  Manifest,
  ManifestGeneration,
  ModelDefinition,
  NavigationGroup,
  NavigationItem,
  OptionDefinition,
  PermissionDefinition,
  RelationDefinition,
  RequirementDefinition,
  SettingDefinition,
  SubscriptionDefinition,
  TenantIsolation,
  ToolDefinition,
  ToolParameterDefinition,
  TranslationDefinition,
  TriggerDefinition,
  ValidationDefinition,
} from "./manifest/manifest.ts";

// JSON values and failures that the above speak of
export type { Json, JsonObject } from "../base/json.ts";
export {
  type ErrorKind,
  type FieldError,
  KernelError,
  type KernelErrorInit,
} from "../base/error.ts";

/**
 * The kernel of a multi-tenant application that others may extend: it takes addons (bundles of a
 * manifest, SQL migrations and files) and makes them a live part of the application that embeds it.
 *
 * @example Embed it
 * ```ts ignore
 * import { createKernel } from "@metacore/kernel";
 *
 * const kernel = createKernel({
 *   databaseUrl: "sqlite:data/app.db",
 *   jwtSecret: Deno.env.get("JWT_SECRET")!,
 *   masterKey: Deno.env.get("METACORE_MASTER_KEY")!,
 * });
 * await kernel.start();
 * Deno.serve((request) => kernel.fetch(request));
 * ```
 *
 * @module
 */

// The kernel and what it is made from.
export {
  createKernel,
  type Kernel,
  type RequestOrigin,
  type StopOptions,
  VERSION,
} from "./src/kernel/kernel.ts";
export type { EgressSettings, KernelOptions, SandboxSettings } from "./src/kernel/options.ts";
export type { KernelServices } from "./src/kernel/services.ts";

// Failures.
export {
  type ErrorKind,
  type FieldError,
  isKernelError,
  KernelError,
  type KernelErrorInit,
} from "./src/base/error.ts";

// Who asks.
export {
  type Caller,
  type CallerContext,
  type SystemCaller,
  systemCaller,
  type UserCaller,
} from "./src/base/caller.ts";

// Services.
export type { AccessService } from "./src/access/access_service.ts";
export type { AuditLog } from "./src/access/audit_log.ts";
export type { AuditListOptions, KeptAuditRecord } from "./src/access/audit_table.ts";
export type { EnforcementMode } from "./src/access/capability.ts";
export type { AuditRecord } from "./src/telemetry/audit.ts";
export type {
  AddonService,
  BundleOffer,
  ChangeTerms,
  Installation,
  InstallProgress,
  InstallResult,
  InstallStation,
  InstallTerms,
  OwnedNavigationGroup,
  OwnedNavigationItem,
} from "./src/addons/addon_service.ts";
export type {
  AuthService,
  NewOrganization,
  NewUser,
  OperatorNewOrganization,
  Organization,
  Session,
  TokenClaims,
  User,
} from "./src/auth/auth_service.ts";
export type { AllMetadata, MetadataService } from "./src/models/metadata_service.ts";
export type {
  Facet,
  OptionList,
  PageMeta,
  RecordOption,
  RecordPage,
  RecordService,
} from "./src/records/record_service.ts";
export type {
  ActionError,
  ActionInterceptor,
  ActionResult,
  ActionService,
  InterceptedAction,
} from "./src/addons/actions/action_service.ts";
export type {
  DataAtRisk,
  InstallationPlan,
  LockLevel,
  PlannedCapability,
  PlannedChange,
  PlannedRequirement,
  PlanOperation,
  SignatureStatus,
} from "./src/addons/plan/installation_plan.ts";
export type {
  AddonSettings,
  RotatedSecret,
  SettingView,
} from "./src/addons/settings/addon_settings.ts";
export type {
  OfferedTool,
  ToolCall,
  ToolResult,
  ToolService,
} from "./src/addons/tools/tool_service.ts";
export type {
  AddonCatalog,
  CatalogEntry,
  FoundBundle,
  Marketplace,
  MarketplaceOutcome,
  MarketplaceRequest,
  MarketplaceWish,
} from "./src/addons/catalog/addon_catalog.ts";
export type { AddonTranslations } from "./src/addons/translations/addon_translations.ts";
export type { Translate } from "./src/models/translate_metadata.ts";
export type { RequestClaim } from "./src/idempotency/idempotency.ts";
export type { OrganizationValues } from "./src/addons/extensions/organization_values.ts";
export type { SignedCall, SignedCallVerifier } from "./src/addons/backend/backend.ts";
export type { AddonCode, CodeCall, CodeStatus } from "./src/addons/code/addon_code.ts";
export type { AddonSecrets } from "./src/addons/code/addon_secrets.ts";
export type { JobRun } from "./src/addons/hooks/envelope.ts";
export type { TrapFrame, TrapReport } from "./src/sandbox/trap_report.ts";
export type { Target } from "./src/sandbox/abi.ts";
export type { EventLog } from "./src/events/log.ts";
export type { EventRecord } from "./src/events/event.ts";
export { JsonText } from "./src/base/json_text.ts";
export type { Json, JsonObject } from "./src/base/json.ts";

// Hooks.
export {
  type ActionHandler,
  type FilterHandler,
  type HookFailure,
  type HookRegistration,
  ShortCircuit,
} from "./src/addons/hooks/bus.ts";
export type { FilteredValue, Hooks } from "./src/addons/hooks/hooks.ts";

// Addons of the host application, and whom it trusts.
export type {
  CompiledActionAnswer,
  CompiledActionContext,
  CompiledAddon,
  CompiledEvent,
  CompiledToolContext,
  HandlerSql,
  HandlerValue,
  LifecycleContext,
  RecordWrite,
} from "./src/addons/compiled/compiled_addon.ts";
export type {
  DetachedSignature,
  SignerRole,
  TrustedKey,
  TrustPolicy,
} from "./src/bundle/trust/trust.ts";
export { parsePublicKey } from "./src/bundle/trust/public_key.ts";
export type { HostValidator } from "./src/models/custom_validators.ts";

// Models of the host application.
export type { HostColumn, HostModelDefinition, HostRelation } from "./src/models/host_model.ts";
export type { ColumnDefaultValue } from "./src/bundle/manifest/default_value.ts";

// Manifests.
export type {
  ActionDefinition,
  ActionFieldDefinition,
  BackendDefinition,
  CapabilityDefinition,
  ColumnDefinition,
  ConditionDefinition,
  ExtensionDefinition,
  FrontendDefinition,
  GonextDefinition,
  HandlerDefinition,
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
} from "./src/bundle/manifest/manifest.ts";

// Ports.
export type { Clock } from "./src/base/clock.ts";
export { type IdSource, uuidV7 } from "./src/base/ids.ts";
export {
  createLogger,
  type LogFields,
  type Logger,
  type LoggerOptions,
  type LogLevel,
} from "./src/telemetry/log.ts";

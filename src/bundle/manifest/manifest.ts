/**
 * The manifest of an addon: the one internal shape that every reader (v2, v3, GoNext) fills.
 * Field names are those of the v2 wire format (contract/metacore.md §3), because manifests are
 * served to clients in that shape.
 *
 * @module
 */

import type { Json, JsonObject } from "../../base/json.ts";
import type { ActionDefinition, HandlerDefinition } from "./action_definition.ts";
import type { ColumnDefinition, ModelDefinition, OptionDefinition } from "./model_definition.ts";

export type {
  ActionDefinition,
  ActionFieldDefinition,
  ConditionDefinition,
  HandlerDefinition,
  TriggerDefinition,
} from "./action_definition.ts";
export type {
  ColumnDefinition,
  ForeignKeyDefinition,
  IndexDefinition,
  ModelDefinition,
  OptionDefinition,
  RelationDefinition,
  ValidationDefinition,
} from "./model_definition.ts";

/** An entry of the navigation. */
export interface NavigationItem {
  /** What is shown, or its translation key. */
  readonly title: string;
  /** Path or http(s) address. */
  readonly url?: string;
  /** Name of an icon. */
  readonly icon?: string;
  /** Model whose table it opens. */
  readonly model?: string;
  /** Permission that a user needs to see it. */
  readonly permission?: string;
  /** Entries below it. */
  readonly items?: readonly NavigationItem[];
  /** Place among its siblings: lower first, equal ones as declared. @default 0 */
  readonly order?: number;
}

/** A group of navigation entries. */
export interface NavigationGroup {
  /** What is shown; blank puts the entries into the group for addons. */
  readonly title: string;
  /** Name of an icon. */
  readonly icon?: string;
  /** The host's group that the entries go to. */
  readonly target?: string;
  /** Entries of the group. */
  readonly items: readonly NavigationItem[];
  /** Place among the groups: lower first, equal ones as they come. @default 0 */
  readonly order?: number;
}

/** A right an addon asks for. */
export interface CapabilityDefinition {
  /** What sort of right, such as `db:read`. */
  readonly kind: string;
  /** On what: a table, a host or an event, or a pattern. */
  readonly target: string;
  /** Why, for the operator. */
  readonly reason?: string;
}

/** A setting of an installation. */
export interface SettingDefinition {
  /** Name of the setting. */
  readonly key: string;
  /** What is shown. */
  readonly label: string;
  /** How a UI edits it. */
  readonly type: string;
  /** Value after installing. */
  readonly default_value?: Json;
  /** Choices of a select. */
  readonly options?: readonly OptionDefinition[];
  /** Whether the value is kept encrypted and never shown. */
  readonly secret?: boolean;
  /** Whether the addon needs a value to work. */
  readonly required?: boolean;
}

/** The server side of an addon. */
export interface BackendDefinition {
  /** Where it runs; `binary` is reserved. */
  readonly runtime: "webhook" | "wasm" | "binary";
  /** Path of the module in the bundle. */
  readonly entry?: string;
  /** Address, carried along. */
  readonly url?: string;
  /** Functions that may be called. */
  readonly exports?: readonly string[];
  /** Memory limit in MiB, 1 to 4096. */
  readonly memory_limit_mb?: number;
  /** Time limit of a call in milliseconds, 1 to 3,600,000. */
  readonly timeout_ms?: number;
}

/** The browser side of an addon. */
export interface FrontendDefinition {
  /** Path or address of the script that a browser loads first. */
  readonly entry?: string;
  /** How it is loaded; absent or empty means it is not. */
  readonly format?: "federation" | "script" | "";
  /** Module that the addon exposes. */
  readonly expose?: string;
  /** Global name; absent means `metacore_<key>`. */
  readonly container?: string;
  /** Hash that a browser checks. */
  readonly integrity?: string;
  /** Whether it fills the page: `shell` or `immersive`. */
  readonly layout?: string;
}

/** Columns and actions put on another addon's model. */
export interface ExtensionDefinition {
  /** Model that is extended. */
  readonly model: string;
  /** Columns put on it. */
  readonly columns?: readonly ColumnDefinition[];
  /** Actions put on it. */
  readonly actions?: readonly ActionDefinition[];
}

/** An input of a tool (contract/metacore.md §3.10). */
export interface ToolParameterDefinition {
  /** Name in `parameters`. */
  readonly name: string;
  /** What it holds; a v3 schema's `integer` is `number`. */
  readonly type: "string" | "number" | "date" | "boolean" | "email" | "phone";
  /** What it means, for people and models. */
  readonly description: string;
  /** Whether it must be given. */
  readonly required?: boolean;
  /** A value as it may look. */
  readonly example?: string;
  /** How a model finds it in a conversation. */
  readonly extraction_hint?: string;
  /** Value where none is given. */
  readonly default_value?: Json;
  /** RE2 pattern that the normalized text must match. */
  readonly validation?: string;
  /** `uppercase`, `lowercase`, `trim`, `alphanumeric` or `order_id`. */
  readonly normalize?: string;
  /** How it is written for people. */
  readonly format_pattern?: string;
}

/** A function that an addon offers outside records: to agents and to the API. */
export interface ToolDefinition {
  /** Name, unique within the addon. */
  readonly id: string;
  /** What is shown. */
  readonly name: string;
  /** What it does. */
  readonly description: string;
  /** `communication`, `query`, `action` or `integration`. */
  readonly category?: string;
  /** Inputs in order. */
  readonly input_schema: readonly ToolParameterDefinition[];
  /** The inputs as JSON Schema, where the author wrote one (v3). */
  readonly parameters_schema?: JsonObject;
  /** Words that suggest it. */
  readonly trigger_keywords?: readonly string[];
  /** Intents that suggest it. */
  readonly trigger_intents?: readonly string[];
  /** Address with `{{placeholders}}`; empty where the host serves it. */
  readonly endpoint: string;
  /** HTTP method. @default "POST" */
  readonly method?: string;
  /** Model in which a record is made of the parameters where there is no endpoint. */
  readonly auto_create_record?: string;
  /** Facts for the caller, as the author wrote them. */
  readonly settings?: Json;
  /** Longest wait in seconds. */
  readonly timeout?: number;
  /** How long an answer may be reused, in seconds. */
  readonly cache_ttl?: number;
  /** Place among tools that fit. */
  readonly priority?: number;
  /** What is called instead of an endpoint (v3 and compiled addons). */
  readonly handler?: HandlerDefinition;
}

/** Another addon that this one needs. */
export interface RequirementDefinition {
  /** Its key. */
  readonly key: string;
  /** What is shown. */
  readonly label?: string;
  /** Range of its versions; without one any is taken, and its absence is only told. */
  readonly version?: string;
  /** Whether the addon works without it. */
  readonly optional: boolean;
  /** Why. */
  readonly reason?: string;
}

/** A step in the life of an addon or of a record. */
export type LifecycleEvent =
  | "install"
  | "enable"
  | "disable"
  | "uninstall"
  | "upgrade"
  | "before_create"
  | "after_create"
  | "before_update"
  | "after_update"
  | "before_delete"
  | "after_delete";

/** What is called at such a step. */
export interface LifecycleHookDefinition {
  /** The step. */
  readonly event: LifecycleEvent;
  /** Model whose records it is about; for `before_*` and `after_*` only. */
  readonly model?: string;
  /** What is called. */
  readonly handler: HandlerDefinition;
  /** Order among the hooks of one step: lower first. */
  readonly priority: number;
  /** Range of versions that are left behind; for `upgrade` only. */
  readonly from?: string;
}

/** Events that an addon wants to hear of. */
export interface SubscriptionDefinition {
  /** Name or pattern of events, such as `tickets.ticket.created` or `orders.*`. */
  readonly event: string;
  /** What is called for each. */
  readonly handler: HandlerDefinition;
  /** Fields of the payload that must be equal, by dotted path. */
  readonly filter?: JsonObject;
}

/** Translations of an addon. */
export interface TranslationDefinition {
  /** Locale of texts that no better one has. */
  readonly default_locale?: string;
  /** Texts by locale and key. */
  readonly texts: Readonly<Record<string, Readonly<Record<string, string>>>>;
  /** Files of the bundle that hold more of them, each a JSON object of texts. */
  readonly files: readonly { readonly locale: string; readonly path: string }[];
}

/** A permission that an addon speaks of. */
export interface PermissionDefinition {
  /** Such as `tickets.ticket.read`. */
  readonly key: string;
  /** What is shown. */
  readonly label?: string;
}

/** What only a GoNext plugin declares. */
export interface GonextDefinition {
  /** Its own name, of which the addon key is made. */
  readonly slug: string;
  /** Ids of capabilities, such as `kv.write`. */
  readonly capabilities: readonly string[];
  /** Hooks that it handles. */
  readonly hooks: { readonly actions: readonly string[]; readonly filters: readonly string[] };
  /** Jobs that it handles. */
  readonly jobs: readonly string[];
  /** Bounds of its key-value store, where it sets any. */
  readonly kvQuota: { readonly maxBytes?: number; readonly maxKeys?: number };
}

/** How an addon's tables are kept apart between organizations. */
export type TenantIsolation = "shared" | "schema-per-tenant";

/** Generation of a manifest: which reader it had. */
export type ManifestGeneration = "v2" | "v3" | "gonext";

/** The declaration inside a bundle. */
export interface Manifest {
  /** Which reader it had. */
  readonly generation: ManifestGeneration;
  /** Identity of the addon; part of the names of its tables. */
  readonly key: string;
  /** Name for people. */
  readonly name: string;
  /** Version as the author wrote it, such as `1.0.0` or `v1.2`. */
  readonly version: string;
  /** What the addon is for. */
  readonly description: string;
  /** Where a catalogue lists it. */
  readonly category: string;
  /** Semver range of kernel contract versions. */
  readonly kernel?: string;
  /** How its tables are kept apart. */
  readonly tenant_isolation: TenantIsolation;
  /** What it adds to the navigation. */
  readonly navigation: readonly NavigationGroup[];
  /** Settings of an installation. */
  readonly settings: readonly SettingDefinition[];
  /** Addresses or functions by `<model>::<action>`. */
  readonly hooks: Readonly<Record<string, string>>;
  /** Actions by model. */
  readonly actions: Readonly<Record<string, readonly ActionDefinition[]>>;
  /** Models it brings. */
  readonly model_definitions: readonly ModelDefinition[];
  /** What it puts on models of others. */
  readonly extensions: readonly ExtensionDefinition[];
  /** Rights it asks for. */
  readonly capabilities: readonly CapabilityDefinition[];
  /** Its server side. */
  readonly backend?: BackendDefinition;
  /** Its browser side. */
  readonly frontend?: FrontendDefinition;
  /** Functions it offers outside records. */
  readonly tools: readonly ToolDefinition[];
  /** Addons it needs. */
  readonly requires: readonly RequirementDefinition[];
  /** What is called when it comes, goes or changes, and around writes of records. */
  readonly lifecycle_hooks: readonly LifecycleHookDefinition[];
  /** Events it hears of. */
  readonly subscriptions: readonly SubscriptionDefinition[];
  /** Its translations. */
  readonly translations: TranslationDefinition;
  /** Permissions it speaks of. */
  readonly permissions: readonly PermissionDefinition[];
  /** Whether other addons may extend its models: all of them, or these. @default all */
  readonly extensible_models?: readonly string[];
  /** Parts of the document that the kernel does not act on, as a sentence each. */
  readonly unheeded: readonly string[];
  /** Hooks, jobs and capability ids of a GoNext plugin; absent for other addons. */
  readonly gonext?: GonextDefinition;
  /** The whole document as the author wrote it. */
  readonly document: JsonObject;
  /** The document in the shape that clients know (v2): what `/manifests` serves. */
  readonly client_document: JsonObject;
}

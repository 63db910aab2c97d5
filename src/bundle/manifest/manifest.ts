/**
 * The manifest of an addon: the one internal shape that every reader (v2 now, v3 later) fills.
 * Field names are those of the v2 wire format (contract/metacore.md §3), because manifests are
 * served to clients in that shape.
 *
 * @module
 */

import type { Json, JsonObject } from "../../base/json.ts";

/** A choice of a select. */
export interface OptionDefinition {
  readonly value: Json;
  readonly label: string;
  readonly color?: string;
  readonly icon?: string;
}

/** Rules on a column's value. */
export interface ValidationDefinition {
  readonly regex?: string;
  readonly min?: number;
  readonly max?: number;
  readonly custom?: string;
}

/** A column of a model definition. */
export interface ColumnDefinition {
  readonly name: string;
  readonly type: string;
  readonly size?: number;
  readonly required?: boolean;
  readonly index?: boolean;
  readonly unique?: boolean;
  readonly default?: string | number | boolean;
  readonly ref?: string;
  readonly visibility?: string;
  readonly searchable?: boolean;
  readonly widget?: string;
  readonly validation?: ValidationDefinition;
}

/** A relation of a model definition. */
export interface RelationDefinition {
  readonly name: string;
  readonly kind: "one_to_many" | "belongs_to" | "many_to_many";
  readonly through: string;
  readonly foreign_key: string;
  readonly references?: string;
  readonly pivot?: string;
}

/** A model as a manifest declares it. */
export interface ModelDefinition {
  readonly table_name: string;
  readonly model_key: string;
  readonly label: string;
  readonly org_scoped?: boolean;
  readonly soft_delete?: boolean;
  readonly columns: readonly ColumnDefinition[];
  readonly relations?: readonly RelationDefinition[];
  readonly table?: JsonObject;
  readonly modal?: JsonObject;
}

/** How an action runs. */
export interface TriggerDefinition {
  readonly type: "wasm" | "webhook" | "noop";
  readonly export?: string;
  readonly run_in_tx?: boolean;
}

/** An input of an action. */
export interface ActionFieldDefinition {
  readonly name: string;
  readonly label: string;
  readonly type: string;
  readonly required?: boolean;
  readonly default?: Json;
  readonly options?: readonly OptionDefinition[];
  readonly size?: number;
}

/** A named reaction on a record. */
export interface ActionDefinition {
  readonly key: string;
  readonly name: string;
  readonly label: string;
  readonly icon?: string;
  readonly fields?: readonly ActionFieldDefinition[];
  readonly requiresState?: readonly string[];
  readonly confirm?: boolean;
  readonly confirmMessage?: string;
  readonly modal?: string;
  readonly trigger?: TriggerDefinition;
}

/** An entry of the navigation. */
export interface NavigationItem {
  readonly title: string;
  readonly url?: string;
  readonly icon?: string;
  readonly model?: string;
  readonly permission?: string;
  readonly items?: readonly NavigationItem[];
}

/** A group of navigation entries. */
export interface NavigationGroup {
  readonly title: string;
  readonly icon?: string;
  readonly target?: string;
  readonly items: readonly NavigationItem[];
}

/** A right an addon asks for. */
export interface CapabilityDefinition {
  readonly kind: string;
  readonly target: string;
  readonly reason?: string;
}

/** A setting of an installation. */
export interface SettingDefinition {
  readonly key: string;
  readonly label: string;
  readonly type: string;
  readonly default_value?: Json;
  readonly options?: readonly OptionDefinition[];
  readonly secret?: boolean;
}

/** The server side of an addon. */
export interface BackendDefinition {
  readonly runtime: "webhook" | "wasm" | "binary";
  readonly entry?: string;
  readonly url?: string;
  readonly exports?: readonly string[];
  readonly memory_limit_mb?: number;
  readonly timeout_ms?: number;
}

/** The browser side of an addon. */
export interface FrontendDefinition {
  readonly entry?: string;
  readonly format?: "federation" | "script" | "";
  readonly expose?: string;
  readonly container?: string;
  readonly integrity?: string;
  readonly layout?: string;
}

/** Columns and actions put on another addon's model. */
export interface ExtensionDefinition {
  readonly model: string;
  readonly columns?: readonly ColumnDefinition[];
  readonly actions?: readonly ActionDefinition[];
}

/** How an addon's tables are kept apart between organizations. */
export type TenantIsolation = "shared" | "schema-per-tenant";

/** The declaration inside a bundle. */
export interface Manifest {
  readonly key: string;
  readonly name: string;
  readonly version: string;
  readonly description: string;
  readonly category: string;
  /** Semver range of kernel contract versions. */
  readonly kernel?: string;
  readonly tenant_isolation: TenantIsolation;
  readonly navigation: readonly NavigationGroup[];
  readonly settings: readonly SettingDefinition[];
  readonly hooks: Readonly<Record<string, string>>;
  readonly actions: Readonly<Record<string, readonly ActionDefinition[]>>;
  readonly model_definitions: readonly ModelDefinition[];
  readonly extensions: readonly ExtensionDefinition[];
  readonly capabilities: readonly CapabilityDefinition[];
  readonly backend?: BackendDefinition;
  readonly frontend?: FrontendDefinition;
  /** The whole document as the author wrote it: what `/manifests` serves, unread blocks included. */
  readonly document: JsonObject;
}

/**
 * Actions as manifests declare them: what is asked for, when they may run, what is called. Part of the
 * internal shape of `manifest.ts`, which gives these types out.
 *
 * @module
 */

import type { Json } from "../../base/json.ts";
import type { OptionDefinition } from "./model_definition.ts";

/** How an action runs. */
export interface TriggerDefinition {
  /** What runs; `compiled` is code of the host application. */
  readonly type: "wasm" | "webhook" | "noop" | "compiled";
  /** Function of the addon's module; with `wasm` only. */
  readonly export?: string;
  /** Whether it runs inside the transaction; with `wasm` and `compiled` only. */
  readonly run_in_tx?: boolean;
  /**
   * Address that is called; with `webhook` only. Absolute, or relative to `backend.url`. Absent: the
   * manifest's `hooks` may name one.
   */
  readonly url?: string;
}

/** What is called of an addon, wherever a manifest names code. */
export type HandlerDefinition =
  /** A function of its module. */
  | { readonly type: "wasm"; readonly function: string }
  /** Its backend: an absolute address, or one relative to `backend.url`. */
  | { readonly type: "webhook"; readonly url: string }
  /** Code of the host application, registered under `name`. */
  | { readonly type: "compiled"; readonly name: string };

/** When an action fits a record: a condition on one of its columns (contract/client.md §3). */
export interface ConditionDefinition {
  /** Column that is looked at. */
  readonly field: string;
  /** How it is compared; `in` and `not_in` take a list. */
  readonly operator: "eq" | "neq" | "in" | "not_in" | "truthy" | "falsy";
  /** What it is compared with. */
  readonly value?: Json;
}

/** An input of an action. */
export interface ActionFieldDefinition {
  /** Name in the payload. */
  readonly name: string;
  /** What is shown. */
  readonly label: string;
  /** How a UI edits it. */
  readonly type: string;
  /** Whether it must be filled. */
  readonly required?: boolean;
  /** Value where none is given. */
  readonly default?: Json;
  /** Choices of a select. */
  readonly options?: readonly OptionDefinition[];
  /** Width or length, as the UI reads it. */
  readonly size?: number;
}

/** A named reaction on a record. */
export interface ActionDefinition {
  /** Name in routes, unique within its model. */
  readonly key: string;
  /** Name for people. */
  readonly name: string;
  /** What is shown. */
  readonly label: string;
  /** Name of an icon. */
  readonly icon?: string;
  /** What is asked for before it runs. */
  readonly fields?: readonly ActionFieldDefinition[];
  /** States of the record in which it may run. */
  readonly requiresState?: readonly string[];
  /** Whether a UI asks first. */
  readonly confirm?: boolean;
  /** What it asks. */
  readonly confirmMessage?: string;
  /** Dialog of the addon's frontend. */
  readonly modal?: string;
  /** What runs; absent means a webhook. */
  readonly trigger?: TriggerDefinition;
  /** Condition on the record; all must hold. */
  readonly conditions?: readonly ConditionDefinition[];
  /** Column that `requiresState` is compared with. @default "status", else "state" */
  readonly stateField?: string;
  /** Where it is offered: on a row, or without a record on the table or beside "new". @default "row" */
  readonly placement?: "row" | "table" | "create";
  /** Field of the payload that makes a repeated call the same call. */
  readonly idempotencyField?: string;
}

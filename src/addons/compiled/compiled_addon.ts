/**
 * An addon that the host application brings as code: the same contract as a bundle's (manifest,
 * models, hooks, actions, tools), its handlers being functions of the host. It is installed in
 * organizations like any other; its bundle holds the manifest alone.
 *
 * @module
 */

import type { Caller } from "../../base/caller.ts";
import type { Json, JsonObject } from "../../base/json.ts";
import type { Transaction } from "../../db/database.ts";
import type { LifecycleContext } from "../lifecycle/lifecycle.ts";

/** What a handler of an action is given. */
export interface CompiledActionContext {
  readonly caller: Caller;
  readonly installationId: string;
  readonly model: string;
  readonly action: string;
  /** Absent for actions without a record. */
  readonly recordId?: string;
  /** The record as the API shows it; absent without a record. */
  readonly record?: JsonObject;
  readonly payload: JsonObject;
  /** The action's transaction, where its trigger says `run_in_tx`. */
  readonly transaction?: Transaction;
}

/** What an action answers. */
export interface CompiledActionAnswer {
  /** False declines: what was written in the transaction is rolled back. */
  readonly success: boolean;
  readonly data?: Json;
  readonly error?: { readonly code: string; readonly message: string };
  readonly meta?: JsonObject;
}

/** What a handler of a tool is given. */
export interface CompiledToolContext {
  readonly caller: Caller;
  readonly installationId: string;
  readonly toolId: string;
  /** Checked and normalized. */
  readonly parameters: JsonObject;
}

/** A write of a record that is about to happen, or has happened. */
export interface RecordWrite {
  readonly caller: Caller;
  readonly model: string;
  readonly change: "create" | "update" | "delete";
  /** Absent for a creation that has not happened yet. */
  readonly recordId?: string;
  /** What the client sent; absent for deletions. */
  readonly input?: JsonObject;
}

/** Code of the host application as an addon. */
export interface CompiledAddon {
  /** A manifest of any generation, as its JSON value. */
  readonly manifest: JsonObject;
  /** Called once when the kernel starts, in the order of requirements; what it throws ends the start. */
  readonly boot?: () => Promise<void> | void;
  readonly onInstall?: (context: LifecycleContext) => Promise<void> | void;
  readonly onEnable?: (context: LifecycleContext) => Promise<void> | void;
  readonly onDisable?: (context: LifecycleContext) => Promise<void> | void;
  readonly onUninstall?: (context: LifecycleContext) => Promise<void> | void;
  readonly onUpgrade?: (context: LifecycleContext) => Promise<void> | void;
  /** Handlers of actions with the trigger `compiled`, by `<model>::<action>`. */
  readonly actions?: Readonly<
    Record<string, (context: CompiledActionContext) => Promise<CompiledActionAnswer>>
  >;
  /** Handlers of tools, by id. */
  readonly tools?: Readonly<Record<string, (context: CompiledToolContext) => Promise<Json>>>;
  /**
   * Called before a write of the addon's own models; what it returns takes the input's place, what it
   * throws refuses the write. By model key.
   */
  readonly beforeWrite?: Readonly<
    Record<string, (write: RecordWrite) => Promise<JsonObject | undefined>>
  >;
  /** Handlers of events that the manifest subscribes to with a `compiled` handler, by name. */
  readonly events?: Readonly<Record<string, (event: CompiledEvent) => Promise<void>>>;
}

/** An event as a compiled handler gets it. */
export interface CompiledEvent {
  readonly caller: Caller;
  readonly id: string;
  readonly sequence: number;
  readonly name: string;
  readonly payload: Json;
  readonly createdAt: string;
}

/** The compiled addons of this kernel. */
export interface CompiledAddons {
  /** Finds one by addon key. */
  find(addonKey: string): CompiledAddon | undefined;
  /** Every one, each after those it requires. */
  readonly all: readonly CompiledAddon[];
}

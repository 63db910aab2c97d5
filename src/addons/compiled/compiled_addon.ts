/**
 * An addon that the host application brings as code: the same contract as a bundle's (manifest,
 * models, hooks, actions, tools), its handlers being functions of the host. It is installed in
 * organizations like any other; its bundle holds the manifest alone.
 *
 * @module
 */

import type { Caller } from "../../base/caller.ts";
import type { Json, JsonObject } from "../../base/json.ts";

/** A value for `$1`, `$2` and so on. */
export type HandlerValue = null | boolean | number | bigint | string;

/**
 * SQL of a handler inside the transaction it runs in: on the addon's own tables, named as its manifest
 * does, and on rows of the organization alone. One language on both engines: that of guests' SQL.
 */
export interface HandlerSql {
  /**
   * Reads rows.
   *
   * @param sql one SELECT, with `$1`, `$2` for values.
   * @returns the rows as objects.
   * @throws {KernelError} guest_sql.*
   */
  query(sql: string, values?: readonly HandlerValue[]): Promise<readonly JsonObject[]>;
  /**
   * Writes rows.
   *
   * @param sql one INSERT, UPDATE, DELETE or MERGE; `returning` gives rows.
   * @returns how many rows were written, and what `returning` says.
   * @throws {KernelError} guest_sql.* — the transaction is as it was before the statement.
   */
  execute(
    sql: string,
    values?: readonly HandlerValue[],
  ): Promise<{ readonly changes: number; readonly rows: readonly JsonObject[] }>;
}

/** What a hook of a compiled addon's life is given. */
export interface LifecycleContext {
  /** Who changes the installation. */
  readonly caller: Caller;
  /** The installation; a UUID. */
  readonly installationId: string;
  /** Key of the addon. */
  readonly addonKey: string;
  /** Its version after the change. */
  readonly version: string;
  /** Version that is left behind; for upgrades and rollbacks only. */
  readonly fromVersion?: string;
  /** The transaction of the change; what is written in it stands or falls with the change. */
  readonly transaction: HandlerSql;
}

/** What a handler of an action is given. */
export interface CompiledActionContext {
  /** Who asks. */
  readonly caller: Caller;
  /** The installation; a UUID. */
  readonly installationId: string;
  /** Key of the model. */
  readonly model: string;
  /** Key of the action. */
  readonly action: string;
  /** Absent for actions without a record. */
  readonly recordId?: string;
  /** The record as the API shows it; absent without a record. */
  readonly record?: JsonObject;
  /** What came with it. */
  readonly payload: JsonObject;
  /** The action's transaction, where its trigger says `run_in_tx`. */
  readonly transaction?: HandlerSql;
}

/** What an action answers. */
export interface CompiledActionAnswer {
  /** False declines: what was written in the transaction is rolled back. */
  readonly success: boolean;
  /** What it gave. */
  readonly data?: Json;
  /** Why not; absent on success. */
  readonly error?: { readonly code: string; readonly message: string };
  /** Facts beside the answer. */
  readonly meta?: JsonObject;
}

/** What a handler of a tool is given. */
export interface CompiledToolContext {
  /** Who asks. */
  readonly caller: Caller;
  /** The installation; a UUID. */
  readonly installationId: string;
  /** Name of the tool. */
  readonly toolId: string;
  /** Checked and normalized. */
  readonly parameters: JsonObject;
}

/** A write of a record that is about to happen, or has happened. */
export interface RecordWrite {
  /** Who asks. */
  readonly caller: Caller;
  /** Key of the model. */
  readonly model: string;
  /** What happens to it. */
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
  /** Called in the transaction of an install; what it throws undoes it. */
  readonly onInstall?: (context: LifecycleContext) => Promise<void> | void;
  /** Called in the transaction in which the addon begins to take part; what it throws undoes it. */
  readonly onEnable?: (context: LifecycleContext) => Promise<void> | void;
  /** Called in the transaction in which it stops taking part; a failure is told and undoes nothing. */
  readonly onDisable?: (context: LifecycleContext) => Promise<void> | void;
  /** Called in the transaction of an uninstall; a failure is told and undoes nothing. */
  readonly onUninstall?: (context: LifecycleContext) => Promise<void> | void;
  /** Called in the transaction of an upgrade or rollback; what it throws undoes it. */
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
  /** Who asks. */
  readonly caller: Caller;
  /** UUIDv7 of the event. */
  readonly id: string;
  /** Position in the log. */
  readonly sequence: number;
  /** Name of the event. */
  readonly name: string;
  /** What came with it. */
  readonly payload: Json;
  /** RFC 3339. */
  readonly createdAt: string;
}

/** The compiled addons of this kernel. */
export interface CompiledAddons {
  /** Finds one by addon key. */
  find(addonKey: string): CompiledAddon | undefined;
  /** Every one, each after those it requires. */
  readonly all: readonly CompiledAddon[];
}

/**
 * What one request works with: the caller, a model of the caller's organization, the permission
 * checked, and what the caller may see of referenced records.
 *
 * @module
 */

import type { AccessService } from "../access/access_service.ts";
import type { Caller } from "../base/caller.ts";
import type { Clock } from "../base/clock.ts";
import type { IdSource } from "../base/ids.ts";
import type { Database } from "../db/database.ts";
import { modelNotFound } from "../models/errors.ts";
import type { CustomValidators } from "../models/column_rules.ts";
import type { ModelRegistry, ModelSnapshot } from "../models/registry.ts";
import type { LiveModel, LiveModels } from "./live_model.ts";
import type { RecordView } from "./record_json.ts";
import { organizationSlot } from "./query/render.ts";
import type { TenantScope } from "./scope.ts";
import { Template } from "./template.ts";
import type { WriteHooks } from "./write_hooks.ts";
import type { RawBuilder } from "kysely";

/** What the record engine needs. */
export interface RecordPorts {
  readonly database: Database;
  readonly registry: ModelRegistry;
  readonly access: AccessService;
  readonly clock: Clock;
  readonly ids: IdSource;
  readonly scope: TenantScope;
  readonly models: LiveModels;
  /** What `validation.custom` of columns may name. */
  readonly validators: CustomValidators;
  /** What stands before writes; absent where nothing ever does. */
  readonly hooks?: WriteHooks;
}

/** What can be done with records: the second half of a permission. */
export type RecordVerb = "read" | "create" | "update" | "delete";

/** One request on one model. */
export interface RecordContext {
  readonly ports: RecordPorts;
  readonly caller: Caller;
  readonly snapshot: ModelSnapshot;
  readonly live: LiveModel;
}

/**
 * Opens a model for a caller.
 *
 * @param ports what the engine needs.
 * @param caller who asks.
 * @param name any name of the model.
 * @param verb what is to be done.
 * @returns the request's context.
 * @throws {KernelError} model.not_found, access.denied
 */
export async function openModel(
  ports: RecordPorts,
  caller: Caller,
  name: string,
  verb: RecordVerb,
): Promise<RecordContext> {
  const snapshot = await ports.registry.snapshot(caller.organizationId);
  const model = snapshot.find(name);
  if (model === undefined) throw modelNotFound(name);
  await ports.access.check(caller, `${model.key}.${verb}`);
  return { ports, caller, snapshot, live: ports.models.of(snapshot, model) };
}

/**
 * Decides what a caller sees beside the columns: a referenced record is named only to those who may
 * read it.
 *
 * @param context the request.
 * @returns how records are composed.
 */
export async function recordView(context: RecordContext): Promise<RecordView> {
  const { ports, caller, live } = context;
  let key = "";
  for (const sibling of live.siblings) {
    const visible = await ports.access.allows(caller, `${sibling.target.model.key}.read`);
    key += visible ? "1" : "0";
  }
  return live.views.take(key, () => composeView(context, key));
}

function composeView({ ports, live }: RecordContext, key: string): RecordView {
  const { profile } = ports.database;
  const siblings = live.siblings.filter((_, index) => key[index] === "1");
  const creator = live.shape.view.showsCreator ? "named" : "id only";
  const alone = siblings.length === 0 && creator === "id only";
  return {
    key,
    source: alone ? "row" : "row and others",
    json: {
      profile,
      scope: ports.scope,
      organization: organizationSlot(profile),
      shape: live.shape,
      siblings,
      creator,
    },
  };
}

/**
 * Finds a template of a model, or composes it.
 *
 * @param context the request.
 * @param key names the template; undefined composes it for this once.
 * @param compose makes its SQL.
 * @returns the template.
 */
export function templateOf(
  context: RecordContext,
  key: string | undefined,
  compose: () => RawBuilder<unknown>,
): Template {
  const { profile } = context.ports.database;
  if (key === undefined) return new Template(profile, compose());
  return context.live.templates.take(key, () => new Template(profile, compose()));
}

/**
 * The tables of a request's model as SQL.
 *
 * @param context the request.
 * @returns the quoted table.
 */
export function tableOf(context: RecordContext): RawBuilder<unknown> {
  return context.ports.database.profile.table(context.live.shape.model.table);
}

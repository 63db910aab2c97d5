/**
 * The record engine: permission first, then one statement or a few inside the caller's organization.
 *
 * @module
 */

import type { AccessService } from "../access/access_service.ts";
import type { Caller } from "../base/caller.ts";
import { type Clock, systemClock } from "../base/clock.ts";
import { isKernelError } from "../base/error.ts";
import { type IdSource, SystemIds } from "../base/ids.ts";
import type { Database } from "../db/database.ts";
import type { CustomValidators } from "../models/column_rules.ts";
import type { ModelRegistry } from "../models/registry.ts";
import { aggregateRecords } from "./aggregate.ts";
import { listChoices } from "./choices.ts";
import { openModel, type RecordContext, type RecordPorts, type RecordVerb } from "./context.ts";
import { Counts } from "./count.ts";
import { createRecord } from "./create.ts";
import { listFacets } from "./facets.ts";
import { listRecords } from "./list.ts";
import { listOptions } from "./options.ts";
import { LiveModels } from "./live_model.ts";
import { readRecord } from "./read.ts";
import type { RecordService } from "./record_service.ts";
import { removeRecord } from "./remove.ts";
import { organizationScope, type TenantScope } from "./scope.ts";
import { updateRecord } from "./update.ts";
import type { WriteHooks } from "./write_hooks.ts";

const NO_VALIDATORS: CustomValidators = new Map();

/** What a record service is made of. */
export interface RecordServiceOptions {
  readonly database: Database;
  readonly registry: ModelRegistry;
  readonly access: AccessService;
  /** @default the system's clock */
  readonly clock?: Clock;
  /** @default UUIDv7 of the system's clock and random numbers */
  readonly ids?: IdSource;
  /**
   * The tenant predicate; tests take it away to show that the engine's own lock holds.
   *
   * @default organizationScope
   */
  readonly scope?: TenantScope;
  /**
   * Validators of the host application, which `validation.custom` of columns names.
   *
   * @default none; names that nobody knows are not enforced
   */
  readonly validators?: CustomValidators;
  /** What stands before writes. @default nothing */
  readonly hooks?: WriteHooks;
  /** Told after a write in an organization: its event is in the log. @default nobody is told */
  readonly written?: (organizationId: string) => void;
}

/**
 * Makes the record engine.
 *
 * @param options the database, the live models, the permissions.
 * @returns the service.
 */
export function createRecordService(options: RecordServiceOptions): RecordService {
  const ports: RecordPorts = {
    database: options.database,
    registry: options.registry,
    access: options.access,
    clock: options.clock ?? systemClock,
    ids: options.ids ?? new SystemIds(),
    scope: options.scope ?? organizationScope,
    models: new LiveModels(),
    validators: options.validators ?? NO_VALIDATORS,
    ...(options.hooks === undefined ? {} : { hooks: options.hooks }),
  };
  const counts = new Counts();
  const { written } = options;
  const on = <T>(
    caller: Caller,
    model: string,
    verb: RecordVerb,
    work: (context: RecordContext) => Promise<T>,
  ): Promise<T> =>
    onFreshModels(ports, caller, async () => work(await openModel(ports, caller, model, verb)));
  const change = async <T>(
    caller: Caller,
    model: string,
    verb: Exclude<RecordVerb, "read">,
    work: (context: RecordContext) => Promise<T>,
  ): Promise<T> => {
    const done = await on(caller, model, verb, work);
    written?.(caller.organizationId);
    return done;
  };
  return {
    list: (caller, model, query) =>
      on(caller, model, "read", (context) => listRecords(context, counts, query)),
    get: (caller, model, id) => on(caller, model, "read", (context) => readRecord(context, id)),
    create: (caller, model, input, claim) =>
      change(caller, model, "create", (context) => createRecord(context, input, claim)),
    update: (caller, model, id, input) =>
      change(caller, model, "update", (context) => updateRecord(context, id, input)),
    remove: (caller, model, id) =>
      change(caller, model, "delete", (context) => removeRecord(context, id)),
    facets: (caller, model, query) =>
      on(caller, model, "read", (context) => listFacets(context, query)),
    aggregate: (caller, model, query) =>
      on(caller, model, "read", (context) => aggregateRecords(context, query)),
    options: (caller, model, query) =>
      onFreshModels(ports, caller, () => listOptions(ports, caller, model, query)),
    search: (caller, model, query) =>
      on(caller, model, "read", (context) =>
        listChoices(context, {
          selection: { conditions: [] },
          query,
          columns: {},
          searchIn: "search columns",
        })),
  };
}

/** A table that changed under a snapshot: nothing took effect, so the work runs once more. */
async function onFreshModels<T>(
  ports: RecordPorts,
  caller: Caller,
  work: () => Promise<T>,
): Promise<T> {
  try {
    return await work();
  } catch (thrown) {
    if (!isKernelError(thrown, "db.schema_changed")) throw thrown;
    ports.registry.invalidate(caller.organizationId);
    return await work();
  }
}

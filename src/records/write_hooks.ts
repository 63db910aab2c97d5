/**
 * What may stand before a write of a record: checks and changes that an addon or the host application
 * brings. What happens after a write hears of it from the event log.
 *
 * @module
 */

import type { Caller } from "../base/caller.ts";
import type { JsonObject } from "../base/json.ts";
import type { Model, RecordChangeKind } from "../models/model.ts";
import type { ModelSnapshot } from "../models/registry.ts";

/** A write that is about to happen. */
export interface PendingWrite {
  readonly caller: Caller;
  /** Where the model comes from: whatever else is looked up is looked up there. */
  readonly snapshot: ModelSnapshot;
  readonly model: Model;
  readonly change: RecordChangeKind;
  /** Absent for a creation. */
  readonly recordId?: string;
  /** What the client sent; absent for a deletion. */
  readonly input?: JsonObject;
  /**
   * Reads the record as it was when first asked; absent for a creation.
   *
   * @throws {KernelError} record.not_found
   */
  readonly before?: () => Promise<JsonObject>;
}

/** Knows what stands before writes. */
export interface WriteHooks {
  /**
   * Tells, without waiting, whether a model may have hooks of a kind; it is asked at every write.
   */
  has(model: Model, change: PendingWrite["change"]): boolean;
  /**
   * Runs the hooks of a write in their order. The permission has been checked, the input not yet.
   *
   * @returns the input to go on with.
   * @throws {KernelError} whatever refuses the write.
   */
  before(write: PendingWrite): Promise<JsonObject | undefined>;
}

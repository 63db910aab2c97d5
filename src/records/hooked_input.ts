/**
 * Asks what stands before a write, with what the record engine knows of it.
 *
 * @module
 */

import { isJsonObject, type JsonObject } from "../base/json.ts";
import type { RecordChangeKind } from "../models/model.ts";
import type { RecordContext } from "./context.ts";
import { readRecord } from "./read.ts";

/** A write as the record engine has it. */
export interface WriteStart {
  readonly change: RecordChangeKind;
  /** Absent for a creation. */
  readonly recordId?: string;
  /** The parsed body, anything; absent for a deletion. */
  readonly input?: unknown;
}

/**
 * Asks what stands before a write.
 *
 * @param context the request; its permission has been checked.
 * @param write what is about to happen.
 * @returns the input to go on with; the write's own where nothing stands before it.
 * @throws {KernelError} whatever refuses the write.
 */
export async function hookedInput(context: RecordContext, write: WriteStart): Promise<unknown> {
  const { caller, live, ports, snapshot } = context;
  const { model } = live.shape;
  const { change, recordId, input } = write;
  // A body that is none is refused as such; no hook has to be made for it.
  const hasBody = change === "delete" || isJsonObject(input);
  if (ports.hooks === undefined || !hasBody || !ports.hooks.has(model, change)) return input;
  let before: Promise<JsonObject> | undefined;
  return await ports.hooks.before({
    caller,
    snapshot,
    model,
    change,
    ...(recordId === undefined ? {} : {
      recordId: recordId.toLowerCase(),
      // Each hook is shown it; it is read once.
      before: () => before ??= readRecord(context, recordId).then((record) => record.value()),
    }),
    ...(isJsonObject(input) ? { input } : {}),
  });
}

/**
 * Asks what stands before a write, with what the record engine knows of it.
 *
 * @module
 */

import { isJsonObject } from "../base/json.ts";
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
 * Asks what stands before a write. Where nothing does, nothing is waited for that costs anything.
 *
 * @param context the request; its permission has been checked.
 * @param write what is about to happen.
 * @returns the input to go on with.
 * @throws {KernelError} whatever refuses the write.
 */
export async function hookedInput(context: RecordContext, write: WriteStart): Promise<unknown> {
  const { caller, live, ports, snapshot } = context;
  const { model } = live.shape;
  const { change, recordId, input } = write;
  // A body that is none is refused as such; no hook has to be made for it.
  const hasBody = change === "delete" || isJsonObject(input);
  if (ports.hooks === undefined || !hasBody || !ports.hooks.has(model, change)) return input;
  return await ports.hooks.before({
    caller,
    snapshot,
    model,
    change,
    ...(recordId === undefined ? {} : {
      recordId: recordId.toLowerCase(),
      before: async () => (await readRecord(context, recordId)).value(),
    }),
    ...(isJsonObject(input) ? { input } : {}),
  });
}

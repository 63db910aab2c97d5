/**
 * Models for the tests of this room.
 *
 * @module
 */

import { parseManifest } from "../../src/bundle/mod.ts";
import { systemCaller } from "../../src/base/caller.ts";
import type { Clock } from "../../src/base/clock.ts";
import type { Json, JsonObject } from "../../src/base/json.ts";
import { modelsOf } from "../../src/models/from_definition.ts";
import { hostModel } from "../../src/models/host_model.ts";
import type { HostColumn, HostModelDefinition } from "../../src/models/host_model.ts";
import type { Model } from "../../src/models/model.ts";
import { createSnapshot } from "../../src/models/snapshot.ts";
import type { ModelSnapshot } from "../../src/models/registry.ts";

/** An organization. */
export const ORGANIZATION = "0190f3a0-0000-7000-8000-00000000000a";

/** The host application inside {@link ORGANIZATION}. */
export const CALLER = systemCaller(ORGANIZATION);

/** A UUID that nothing has. */
export const SOME_ID = "0190f3a0-0000-7000-8000-000000000001";

/** A clock that a test moves. */
export class TestClock implements Clock {
  /** Unix time in milliseconds. */
  ms = 1_000_000;
  nowMs(): number {
    return this.ms;
  }
}

/** Models of a manifest with the given definitions. */
export function manifestModels(
  definitions: readonly Json[],
  more: JsonObject = {},
  key = "desk",
): Model[] {
  const manifest = parseManifest({
    key,
    name: "Desk",
    version: "1.0.0",
    model_definitions: definitions,
    ...more,
  });
  return modelsOf(manifest, `addon_${key}`);
}

/** One model of addon `desk`. */
export function manifestModel(definition: JsonObject, more: JsonObject = {}): Model {
  return manifestModels([definition], more)[0]!;
}

/** A definition of table `tickets` with the given columns. */
export function definitionWith(columns: readonly Json[], more: JsonObject = {}): JsonObject {
  return { table_name: "tickets", model_key: "tickets", label: "Tickets", columns, ...more };
}

/** A host model `things` with the given columns. */
export function modelWith(
  columns: Readonly<Record<string, HostColumn>>,
  more: Partial<HostModelDefinition> = {},
): Model {
  return hostModel({ key: "things", columns, ...more });
}

/** A snapshot of models. */
export function snapshotOf(...models: readonly Model[]): ModelSnapshot {
  return createSnapshot("1", models);
}

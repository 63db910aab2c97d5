/**
 * A model in a snapshot, ready for work: its shape, what its reference columns point at, and the SQL
 * composed for it so far. Lives as long as its snapshot, so a changed model is composed anew.
 *
 * @module
 */

import { describeRef, labelColumns } from "../models/reference.ts";
import type { Model } from "../models/model.ts";
import type { ModelSnapshot } from "../models/registry.ts";
import { siblingKey } from "../models/tolerated_keys.ts";
import { schemaChanges, tableChanges } from "../events/change_scope.ts";
import { BoundedCache } from "./bounded_cache.ts";
import type { RecordView, SiblingSource } from "./record_json.ts";
import { type ModelShape, type ShapeColumn, shapeOf } from "./shape.ts";
import type { Template } from "./template.ts";

/** Shapes of statements kept per model. */
const MAX_TEMPLATES = 200;

/** Sets of references that callers may read, kept per model. */
const MAX_VIEWS = 50;

const IMAGE_NAMES = ["image", "image_url", "avatar", "avatar_url", "photo", "photo_url", "logo"];

/** A model ready for work. */
export interface LiveModel {
  readonly shape: ModelShape;
  readonly siblings: readonly SiblingSource[];
  /** Name under which changes of its rows are counted. */
  readonly changes: string;
  /** Name under which changes are counted that may reach its rows as well. */
  readonly wideChanges: string;
  readonly templates: BoundedCache<Template>;
  readonly views: BoundedCache<RecordView>;
}

/** The models that one record engine works with. */
export class LiveModels {
  readonly #ofSnapshots = new WeakMap<ModelSnapshot, Map<Model, LiveModel>>();

  /**
   * Finds a model ready for work, preparing it when it is the first time.
   *
   * @param snapshot the organization's models.
   * @param model one of them.
   * @returns the model.
   */
  of(snapshot: ModelSnapshot, model: Model): LiveModel {
    let ofSnapshot = this.#ofSnapshots.get(snapshot);
    if (ofSnapshot === undefined) this.#ofSnapshots.set(snapshot, ofSnapshot = new Map());
    let live = ofSnapshot.get(model);
    if (live === undefined) ofSnapshot.set(model, live = prepare(snapshot, model));
    return live;
  }
}

function prepare(snapshot: ModelSnapshot, model: Model): LiveModel {
  const shape = shapeOf(model);
  return {
    shape,
    siblings: siblingsOf(snapshot, shape),
    changes: tableChanges(model.table),
    wideChanges: schemaChanges(model.table.schema),
    templates: new BoundedCache(MAX_TEMPLATES),
    views: new BoundedCache(MAX_VIEWS),
  };
}

/**
 * Finds the columns that together name a model's records.
 *
 * @param shape the model.
 * @returns at least one column; `id` where the model has no text.
 */
export function labelsOf(shape: ModelShape): readonly ShapeColumn[] {
  const labels = labelColumns(shape.model).map((name) => shape.columns.get(name));
  return labels.filter((column) => column !== undefined);
}

/**
 * Finds the column with a picture of a record.
 *
 * @param shape the model.
 * @returns the column, or undefined.
 */
export function imageOf(shape: ModelShape): ShapeColumn | undefined {
  const name = IMAGE_NAMES.find((candidate) => shape.columns.get(candidate)?.type.kind === "text");
  return name === undefined ? undefined : shape.columns.get(name);
}

function siblingsOf(snapshot: ModelSnapshot, shape: ModelShape): SiblingSource[] {
  const found: SiblingSource[] = [];
  for (const column of shape.model.columns) {
    const key = siblingKey(column.name);
    if (column.type !== "uuid" || key === undefined || shape.columns.has(key)) continue;
    const model = describeRef(shape.model, column.name, snapshot);
    if (model === undefined) continue;
    const target = shapeOf(model);
    const image = imageOf(target);
    found.push({
      column: column.name,
      key,
      target,
      labels: labelsOf(target),
      ...(image === undefined ? {} : { image }),
    });
  }
  return found;
}

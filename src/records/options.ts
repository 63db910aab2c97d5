/**
 * Choices for a field: those its author fixed, or records of the model it points at
 * (contract/metacore.md §1.7, §8.5; contract/client.md §6).
 *
 * @module
 */

import type { Caller } from "../base/caller.ts";
import type { JsonObject } from "../base/json.ts";
import { modelNotFound } from "../models/errors.ts";
import type { Model } from "../models/model.ts";
import { staticOptions } from "../models/options.ts";
import { describeRef, findModel } from "../models/reference.ts";
import type { ModelSnapshot } from "../models/registry.ts";
import { objectsAt, textAt, valueAt } from "../models/ui_spec.ts";
import { isJsonObject } from "../base/json.ts";
import { type ChoiceColumns, listChoices } from "./choices.ts";
import type { RecordContext, RecordPorts } from "./context.ts";
import {
  fieldRequired,
  optionsNotConfigured,
  optionsSourceNotFound,
  unknownColumn,
} from "./errors.ts";
import { parseFilter } from "./query/filter.ts";
import { planSelection, type Selection } from "./query/plan.ts";
import type { ModelShape } from "./shape.ts";
import type { OptionList } from "./record_service.ts";

/** Where the choices of a field come from when they are records. */
interface Source {
  readonly model: Model;
  /** The author's `options_config`, or nothing. */
  readonly config: JsonObject;
}

/**
 * Lists the choices of a field.
 *
 * @param ports what the engine needs.
 * @param caller who asks.
 * @param name a model; or, with `field=id`, the model whose records are the choices.
 * @param query `field`, `q`, `filter_value`, `limit`, `offset`.
 * @returns the choices.
 * @throws {KernelError} record.field_required, model.not_found, record.options_not_configured,
 *   record.options_source_not_found, access.denied, record.invalid_filter
 */
export async function listOptions(
  ports: RecordPorts,
  caller: Caller,
  name: string,
  query: URLSearchParams,
): Promise<OptionList> {
  const field = query.get("field")?.trim() ?? "";
  if (field === "") throw fieldRequired();
  const snapshot = await ports.registry.snapshot(caller.organizationId);
  const model = snapshot.find(name);
  if (model === undefined) throw modelNotFound(name);
  const fixed = field === "id" ? [] : staticOptions(model, field);
  if (fixed.length > 0) {
    await ports.access.check(caller, `${model.key}.read`);
    return {
      type: "static",
      options: fixed.map((option) => ({
        id: option.value,
        value: option.value,
        label: option.label,
        name: option.label,
        ...(option.color === undefined ? {} : { color: option.color }),
        ...(option.icon === undefined ? {} : { icon: option.icon }),
      })),
    };
  }
  const source = sourceOf(snapshot, model, field);
  await ports.access.check(caller, `${source.model.key}.read`);
  const context: RecordContext = {
    ports,
    caller,
    snapshot,
    live: ports.models.of(snapshot, source.model),
  };
  const { shape } = context.live;
  const selection = filteredBy(shape, textAt(source.config, "filter_by"), query);
  const options = await listChoices(context, {
    selection,
    query,
    columns: configuredColumns(shape, source.config),
    searchIn: "labels",
  });
  return { type: "dynamic", options };
}

function sourceOf(snapshot: ModelSnapshot, model: Model, field: string): Source {
  if (field === "id") return { model, config: {} };
  const config = configOf(model, field);
  const named = textAt(config, "source");
  if (named !== undefined) {
    const source = findModel(snapshot, model, named);
    if (source === undefined) throw optionsSourceNotFound(named);
    return { model: source, config };
  }
  const target = describeRef(model, field, snapshot) ?? describeRef(model, `${field}_id`, snapshot);
  if (target !== undefined) return { model: target, config };
  const ref = model.columns.find((column) => column.name === field)?.ref;
  throw ref === undefined ? optionsNotConfigured(field) : optionsSourceNotFound(ref);
}

/** A field's `options_config`, wherever the author put it. */
function configOf(model: Model, field: string): JsonObject {
  const entries = [
    ...objectsAt(model.modalView, "fields"),
    ...objectsAt(model.tableView, "columns"),
  ];
  for (const entry of entries) {
    const config = textAt(entry, "key") === field ? valueAt(entry, "options_config") : undefined;
    if (isJsonObject(config)) return config;
  }
  return {};
}

function filteredBy(
  shape: ModelShape,
  column: string | undefined,
  query: URLSearchParams,
): Selection {
  const value = query.get("filter_value")?.trim() ?? "";
  if (column === undefined || value === "") return { conditions: [] };
  if (shape.resolve(column) === undefined) throw unknownColumn("filter", column, shape.names());
  const filter = parseFilter(column, `eq:${value}`);
  return planSelection(
    { page: 1, perPage: 1, filters: filter === undefined ? [] : [filter], others: [] },
    shape,
  );
}

function configuredColumns(shape: ModelShape, config: JsonObject): ChoiceColumns {
  const column = (key: string): ChoiceColumns["value"] => {
    const name = textAt(config, key);
    return name === undefined ? undefined : shape.resolve(name);
  };
  const label = column("label") ?? column("label_ref");
  return {
    value: column("value"),
    labels: label === undefined ? undefined : [label],
    description: column("description"),
    image: column("image"),
  };
}

/**
 * One organization's models at one moment, with an index of every name they answer to. It guesses no
 * singulars and plurals: a name that is not declared is not found.
 *
 * @module
 */

import type { Model } from "./model.ts";
import type { ModelSnapshot } from "./registry.ts";

/**
 * Makes a snapshot.
 *
 * @param version changes whenever one of the models changes.
 * @param models host models first, then by addon and declaration.
 * @param origin what the loader ties to them.
 * @returns the snapshot. Names are found in this order: keys as declared, keys in any letter case,
 *   tables, `addon.key`, `addon_<key>.table`, then spellings apart from underscores (`ProjectTask`
 *   for `project_task`) where exactly one model fits. Of two models with one name the first answers,
 *   the other by its `addon.key`.
 */
export function createSnapshot(
  version: string,
  models: readonly Model[],
  origin: object = {},
): ModelSnapshot {
  const names = new Map<string, Model>();
  const add = (name: string, model: Model): void => {
    if (!names.has(name)) names.set(name, model);
  };
  for (const model of models) add(model.key, model);
  for (const model of models) add(model.key.toLowerCase(), model);
  for (const model of models) add(model.table.table, model);
  for (const model of models) {
    add(`${model.addonKey}.${model.key}`.toLowerCase(), model);
    add(`${model.addonKey}.${model.table.table}`, model);
    add(`addon_${model.addonKey}.${model.table.table}`, model);
    add(`addon_${model.addonKey}.${model.key}`.toLowerCase(), model);
  }
  const loose = looseNames(names);
  return {
    version,
    models,
    origin,
    find: (name) =>
      names.get(name) ?? names.get(name.toLowerCase()) ?? loose.get(looseForm(name)) ?? undefined,
  };
}

function looseForm(name: string): string {
  return name.toLowerCase().replaceAll("_", "");
}

/** A spelling that two models share belongs to neither: null. */
function looseNames(names: ReadonlyMap<string, Model>): Map<string, Model | null> {
  const loose = new Map<string, Model | null>();
  for (const [name, model] of names) {
    const form = looseForm(name);
    const other = loose.get(form);
    loose.set(form, other === undefined || other === model ? model : null);
  }
  return loose;
}

/**
 * The parts of a plan that are read off manifests and models: models, routes, navigation, settings,
 * extensions.
 *
 * @module
 */

import { sameValue } from "../../db/schema/canonical.ts";
import type { Manifest, NavigationItem } from "../../bundle/manifest/manifest.ts";
import type { Model } from "../../models/model.ts";
import { assetBase } from "../assets/addon_assets.ts";
import type { InstallationPlan } from "./installation_plan.ts";

/**
 * Compares models by their keys.
 *
 * @param before models of the version that stands.
 * @param after models of the one that is offered.
 * @returns keys of those that come, differ and go, in declared order.
 */
export function compareModels(
  before: readonly Model[],
  after: readonly Model[],
): InstallationPlan["models"] {
  const old = new Map(before.map((model) => [model.key, model]));
  const keys = new Set(after.map((model) => model.key));
  return {
    added: after.filter(({ key }) => !old.has(key)).map(({ key }) => key),
    changed: after.filter((model) => {
      const standing = old.get(model.key);
      return standing !== undefined && !sameValue(standing, model);
    }).map(({ key }) => key),
    removed: before.filter(({ key }) => !keys.has(key)).map(({ key }) => key),
  };
}

/**
 * Lists where an addon answers.
 *
 * @param manifest the manifest.
 * @param models its models.
 * @param digest SHA-256 of its bundle, hex.
 * @returns paths; actions with the method.
 */
export function routesOf(
  manifest: Manifest,
  models: readonly Model[],
  digest: string,
): readonly string[] {
  const actions = models.flatMap((model) =>
    model.actions.map(({ key, placement = "row" }) => {
      const record = placement === "row" ? "/:id" : "";
      return `POST /api/dynamic/${model.key}${record}/action/${key}`;
    })
  );
  return [
    ...models.map((model) => `/api/dynamic/${model.key}`),
    ...actions,
    ...(manifest.frontend === undefined ? [] : [`GET ${assetBase(manifest.key, digest)}/*`]),
    ...(manifest.tools.length === 0 ? [] : ["POST /api/metacore/tools/execute"]),
  ];
}

/**
 * Lists what an addon puts into the navigation, entries below others after them.
 *
 * @param manifest the manifest.
 * @returns titles and addresses.
 */
export function navigationOf(manifest: Manifest): InstallationPlan["navigation"] {
  const flat = (items: readonly NavigationItem[]): InstallationPlan["navigation"] =>
    items.flatMap(({ title, url, items: below = [] }) => [
      { title, ...(url === undefined ? {} : { url }) },
      ...flat(below),
    ]);
  return manifest.navigation.flatMap((group) => flat(group.items));
}

/**
 * Lists settings without which the addon does not work.
 *
 * @param manifest the manifest.
 * @param given keys of those that have a value.
 * @returns what is still needed.
 */
export function settingsNeeded(
  manifest: Manifest,
  given: ReadonlySet<string>,
): InstallationPlan["settings_needed"] {
  return manifest.settings
    .filter(({ key, required, default_value: value }) =>
      required === true && (value === undefined || value === null) && !given.has(key)
    )
    .map(({ key, label }) => ({ key, label }));
}

/**
 * Lists what an addon puts on models of others.
 *
 * @param manifest the manifest.
 * @returns the models with the names of the columns.
 */
export function extensionsOf(manifest: Manifest): InstallationPlan["extends"] {
  return manifest.extensions.map(({ model, columns = [] }) => ({
    model,
    columns: columns.map((column) => column.name),
  }));
}

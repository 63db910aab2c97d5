/**
 * Columns and actions that addons put on models of others and of the host: pure. What cannot be put is
 * told and left out, so that one addon's extension never takes a model away. Tables are not its matter.
 *
 * @module
 */

import { isKernelError, type KernelError } from "../../base/error.ts";
import type {
  ActionDefinition,
  ColumnDefinition,
  ExtensionDefinition,
  Manifest,
} from "../../bundle/manifest/manifest.ts";
import { columnOf } from "../../models/from_definition.ts";
import { hostAddonKey } from "../../models/host_model.ts";
import {
  type Model,
  type ModelAction,
  type ModelColumn,
  SYSTEM_COLUMNS,
} from "../../models/model.ts";
import type { ModelSnapshot } from "../../models/registry.ts";
import { createSnapshot } from "../../models/snapshot.ts";
import { extensionConflict, extensionRefused, invalidExtension } from "./errors.ts";

const SYSTEM: ReadonlySet<string> = new Set(SYSTEM_COLUMNS);

/** What stands in the way of a part of an extension. */
export interface ExtensionProblem {
  readonly error: KernelError;
  /** Addons that it is between: the one that extends, the model's, the one that has the name. */
  readonly between: readonly string[];
  /** `missing`: the model is not there yet; the extension waits for it. */
  readonly kind: "missing" | "conflict" | "invalid" | "refused";
}

/** Models with what addons put on them. */
export interface ExtendedModels {
  /** In the order given; those that nobody extends are the same objects. */
  readonly models: Model[];
  readonly problems: readonly ExtensionProblem[];
}

/**
 * Puts extensions on models.
 *
 * @param models of the host and of addons.
 * @param manifests of the enabled addons, the longest installed first: of two that bring one name the
 *   first has it.
 * @returns the models, and what was left out.
 */
export function extendModels(
  models: readonly Model[],
  manifests: readonly Manifest[],
): ExtendedModels {
  const extending = manifests.filter(({ extensions }) => extensions.length > 0);
  if (extending.length === 0) return { models: [...models], problems: [] };
  const work = new Extending(models, manifests);
  for (const manifest of extending) {
    manifest.extensions.forEach((extension, index) =>
      work.add(manifest.key, extension, `manifest.extensions[${index}]`)
    );
  }
  return { models: work.models(), problems: work.problems };
}

interface Additions {
  readonly columns: ModelColumn[];
  readonly actions: ModelAction[];
}

/** One part of an extension, for what is told of it. */
interface Part {
  readonly addonKey: string;
  readonly model: string;
  readonly target?: Model;
  readonly name?: string;
}

class Extending {
  readonly #models: readonly Model[];
  readonly #snapshot: ModelSnapshot;
  readonly #accepted: ReadonlyMap<string, readonly string[] | undefined>;
  readonly #additions = new Map<Model, Additions>();
  readonly problems: ExtensionProblem[] = [];

  constructor(models: readonly Model[], manifests: readonly Manifest[]) {
    this.#models = models;
    this.#snapshot = createSnapshot("", models);
    this.#accepted = new Map(manifests.map((each) => [each.key, each.extensible_models]));
  }

  add(addonKey: string, extension: ExtensionDefinition, path: string): void {
    const { model } = extension;
    const target = this.#snapshot.find(`${addonKey}.${model}`) ?? this.#snapshot.find(model);
    const columns = (extension.columns ?? []).flatMap((definition, index) =>
      this.#column(
        { addonKey, model, name: definition.name },
        definition,
        `${path}.columns[${index}]`,
      )
    );
    if (target === undefined) return this.#missing({ addonKey, model });
    if (!this.#isAccepted(target, addonKey)) return this.#refused({ addonKey, model, target });
    for (const column of columns) this.#putColumn(addonKey, model, target, column);
    for (const action of extension.actions ?? []) this.#putAction(addonKey, model, target, action);
  }

  models(): Model[] {
    return this.#models.map((model) => {
      const added = this.#additions.get(model);
      if (added === undefined) return model;
      return {
        ...model,
        columns: [...model.columns, ...added.columns],
        actions: [...model.actions, ...added.actions],
      };
    });
  }

  #isAccepted(target: Model, addonKey: string): boolean {
    if (target.addonKey === addonKey) return true;
    const accepted = this.#accepted.get(target.addonKey);
    if (accepted === undefined) return true;
    const names = [target.key.toLowerCase(), target.table.table];
    return accepted.some((name) => names.includes(name.toLowerCase()));
  }

  #column(part: Part, definition: ColumnDefinition, path: string): ModelColumn[] {
    let column: ModelColumn;
    try {
      column = { ...columnOf(definition, path), extendedBy: part.addonKey };
    } catch (thrown) {
      if (!isKernelError(thrown)) throw thrown;
      this.#invalid(part, thrown.message);
      return [];
    }
    const unfit = unfitness(column);
    if (unfit === undefined) return [column];
    this.#invalid(part, `the column "${column.name}" ${unfit}`);
    return [];
  }

  #putColumn(addonKey: string, model: string, target: Model, column: ModelColumn): void {
    const { name } = column;
    const additions = this.#additionsTo(target);
    const holder = SYSTEM.has(name) || target.columns.some((each) => each.name === name)
      ? target.addonKey
      : additions.columns.find((each) => each.name === name)?.extendedBy;
    if (holder === undefined) additions.columns.push(column);
    else this.#conflict({ addonKey, model, target, name }, "column", holder);
  }

  #putAction(addonKey: string, model: string, target: Model, action: ActionDefinition): void {
    const { key } = action;
    const additions = this.#additionsTo(target);
    const standing = [...target.actions, ...additions.actions].find((each) => each.key === key);
    if (standing === undefined) additions.actions.push({ ...action, addonKey });
    else this.#conflict({ addonKey, model, target, name: key }, "action", standing.addonKey);
  }

  #additionsTo(target: Model): Additions {
    let additions = this.#additions.get(target);
    if (additions === undefined) {
      this.#additions.set(target, additions = { columns: [], actions: [] });
    }
    return additions;
  }

  #missing(part: Part): void {
    const message = `extensions: the model "${part.model}" is not installed here; what ` +
      `"${part.addonKey}" puts on it waits until it is`;
    this.#note("missing", part, extensionRefused(message, placeOf(part)));
  }

  #refused(part: Part): void {
    const message = `addon "${part.addonKey}" extends "${part.model}", which ` +
      `${ownerName(part.target?.addonKey ?? "")} does not let others extend`;
    this.#note("refused", part, extensionRefused(message, placeOf(part)));
  }

  #invalid(part: Part, reason: string): void {
    const message = `addon "${part.addonKey}" extends "${part.model}": ${reason}`;
    this.#note("invalid", part, invalidExtension(message, placeOf(part)));
  }

  #conflict(part: Part, what: "column" | "action", holder: string): void {
    const message = `addon "${part.addonKey}" puts the ${what} "${part.name}" on ` +
      `"${part.model}", where ${ownerName(holder)} has one of that name`;
    this.#note("conflict", part, extensionConflict(message, placeOf(part)), holder);
  }

  #note(kind: ExtensionProblem["kind"], part: Part, error: KernelError, holder?: string): void {
    const between = [part.addonKey, part.target?.addonKey, holder];
    this.problems.push({ kind, error, between: between.filter((key) => key !== undefined) });
  }
}

/** Why a column cannot stand in a table that others write, too. */
function unfitness(column: ModelColumn): string | undefined {
  const { required, unique } = column;
  if (required && column.default === undefined) {
    return "is required and has no default: those who write the model know nothing of it";
  }
  if (unique && column.default !== undefined && column.default.kind !== "uuid") {
    return "is unique and has a default, which only one record could hold";
  }
  return undefined;
}

function placeOf({ addonKey, model, name }: Part) {
  return { addon_key: addonKey, model, ...(name === undefined ? {} : { name }) };
}

function ownerName(addonKey: string): string {
  return addonKey === hostAddonKey ? "the host application" : `addon "${addonKey}"`;
}

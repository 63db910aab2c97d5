/**
 * Finds the models of a manifest as the rest of it names them: `Ticket`, `tickets.Ticket` or the table
 * `tickets`.
 *
 * @module
 */

import { MODEL_REFERENCE } from "../identifier.ts";
import type { ManifestNode } from "../node.ts";

/** A model that a manifest speaks of. */
export type NamedModel =
  /** One of its own. */
  | { readonly kind: "own"; readonly key: string; readonly table: string }
  /** One of another addon or of the host, under the name that was written. */
  | { readonly kind: "other"; readonly name: string };

/** Names of the models that a manifest declares. */
export class ModelNames {
  readonly #addonKey: string;
  readonly #own = new Map<string, NamedModel & { readonly kind: "own" }>();

  /**
   * Lists the models.
   *
   * @param addonKey the addon's key.
   * @param items the places of the models, of which any part may be missing.
   */
  constructor(addonKey: string, items: readonly ManifestNode[]) {
    this.#addonKey = addonKey;
    const models = items.flatMap((item) => {
      const key = item.field("key").value;
      const table = item.field("table").value;
      if (typeof key !== "string" || typeof table !== "string") return [];
      return [{ kind: "own", key, table } as const];
    });
    for (const model of models) this.#add(model.key.toLowerCase(), model);
    for (const model of models) this.#add(model.table, model);
  }

  /**
   * Reads a model's name.
   *
   * @param node the text.
   * @returns the model, or undefined where there is none or it was complained about.
   */
  read(node: ManifestNode): NamedModel | undefined {
    const name = node.matching(MODEL_REFERENCE, "model");
    if (name === undefined) return undefined;
    const isPrefixed = name.startsWith(`${this.#addonKey}.`);
    const own = this.find(isPrefixed ? name.slice(this.#addonKey.length + 1) : name);
    if (own !== undefined) return own;
    if (isPrefixed) return node.complain(`"${name}" is no model of this addon`);
    return { kind: "other", name };
  }

  /**
   * Finds a model of the addon.
   *
   * @param name its key in any letter case, or its table.
   * @returns the model, or undefined.
   */
  find(name: string): { readonly key: string; readonly table: string } & NamedModel | undefined {
    return this.#own.get(name.toLowerCase());
  }

  #add(name: string, model: NamedModel & { readonly kind: "own" }): void {
    if (!this.#own.has(name)) this.#own.set(name, model);
  }
}

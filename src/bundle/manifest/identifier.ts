/**
 * Alphabets of names in manifests (contract/metacore.md §3.2) that `base/ids.ts` does not have, and
 * the names that no author may give because every JavaScript object answers to them.
 *
 * @module
 */

import type { ManifestNode } from "./node.ts";

/** Key of a model: names it in routes, permissions and events. */
export const MODEL_KEY: RegExp = /^[A-Za-z][A-Za-z0-9_]{0,63}$/;
/** A model of this addon, of the host, or `addon.Model`. */
export const MODEL_REFERENCE: RegExp = /^([a-z][a-z0-9_]{1,63}\.)?[A-Za-z][A-Za-z0-9_]{0,63}$/;
/** A column's target: a model, a table, or `addon_x.table`. */
export const COLUMN_REFERENCE: RegExp = /^([a-z][a-z0-9_]{0,79}\.)?[A-Za-z][A-Za-z0-9_]{0,63}$/;
/** Key of an action, an action's field or a setting: safe in a path. */
export const MEMBER_KEY: RegExp = /^[A-Za-z][A-Za-z0-9_.-]{0,127}$/;
/** Export of a module that a trigger names. */
export const EXPORT_NAME: RegExp = /^[A-Za-z_][A-Za-z0-9_]{0,127}$/;
/** Name of a validator. */
export const VALIDATOR_NAME: RegExp = /^[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)+$/;
/** A value of the organization. */
export const ORGANIZATION_REFERENCE: RegExp = /^\$org\.[a-z][a-z0-9_]*$/;

/**
 * Tells whether every plain object has a member of a name, so that a lookup by it finds something
 * that nobody put there.
 *
 * @param name a name that an author gave.
 * @returns true for `constructor`, `toString` and their like.
 */
export function isObjectMember(name: string): boolean {
  return name in Object.prototype;
}

/**
 * Reads a name of an alphabet; complains about any other and about reserved ones.
 *
 * @param node where the name is.
 * @param alphabet what it must match.
 * @param what what it names, for complaints.
 * @returns the name, or undefined when it was complained about.
 */
export function readName(node: ManifestNode, alphabet: RegExp, what: string): string | undefined {
  const name = node.matching(alphabet, what);
  if (name === undefined || !isObjectMember(name)) return name;
  return node.complain(`"${name}" is reserved and cannot be a ${what}`);
}

/** Complains when a name is there twice in one list. */
export class UniqueNames {
  readonly #what: string;
  readonly #seen = new Set<string>();

  /**
   * Creates an empty set.
   *
   * @param what what the names name, for complaints.
   */
  constructor(what: string) {
    this.#what = what;
  }

  /**
   * Adds a name, in any letter case the same.
   *
   * @param node where it stands.
   * @param name the name; absent ones are not compared.
   */
  add(node: ManifestNode, name: string | undefined): void {
    if (name === undefined) return;
    const folded = name.toLowerCase();
    if (this.#seen.has(folded)) node.complain(`duplicate ${this.#what} "${name}"`);
    this.#seen.add(folded);
  }
}

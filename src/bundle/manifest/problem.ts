/**
 * Collects what is wrong with a manifest, with the place of each complaint, so that an author sees all
 * of it at once and not one mistake per upload.
 *
 * @module
 */

import { KernelError } from "../../base/error.ts";

/** One step on the way to a place: a field, an index of a list, or a key of a map. */
export type PathStep = string | number | { readonly key: string };

/** One complaint. */
export interface ManifestProblem {
  /** Place such as `actions.tickets[0].trigger.export`; empty for the document itself. */
  readonly path: string;
  /** What is wrong, and what would be right. */
  readonly message: string;
}

/** Greatest number of complaints that are kept. */
export const MAX_PROBLEMS = 100;

const PLAIN_KEY = /^[A-Za-z_$][A-Za-z0-9_$]*$/;

/** The complaints about one manifest. */
export class ProblemList {
  readonly #problems: (ManifestProblem & { readonly contractPath: string })[] = [];
  readonly #notes: string[] = [];
  #count = 0;

  /** What has no effect, a sentence each that begins with its place. */
  get notes(): readonly string[] {
    return [...this.#notes];
  }

  /**
   * Adds a complaint; beyond the first 100 they are only counted.
   *
   * @param path where.
   * @param message what is wrong.
   */
  add(path: readonly PathStep[], message: string): void {
    if (++this.#count > MAX_PROBLEMS) return;
    this.#problems.push({ path: dotted(path), message, contractPath: contractForm(path) });
  }

  /**
   * Adds a note about a part that is no mistake and has no effect; beyond the first 100 they are
   * passed over.
   *
   * @param path where.
   * @param message what has no effect.
   */
  note(path: readonly PathStep[], message: string): void {
    if (this.#notes.length < MAX_PROBLEMS) this.#notes.push(`${dotted(path)}: ${message}`);
  }

  /**
   * Ends the reading.
   *
   * @throws {KernelError} bundle.invalid_manifest — there are complaints. The message is the first one;
   *   where the contract writes its place differently, that form follows in parentheses.
   *   `details.problems` holds them all, `details.count` how many there are.
   */
  throwIfAny(): void {
    const first = this.#problems[0];
    if (first === undefined) return;
    const place = first.path === "" ? "manifest" : first.path;
    const alias = first.contractPath === first.path ? "" : ` (at ${first.contractPath})`;
    const others = this.#count === 1 ? "" : `; ${this.#count - 1} more`;
    throw new KernelError({
      code: "bundle.invalid_manifest",
      kind: "invalid",
      message: `${place}: ${first.message}${alias}${others}`,
      details: {
        problems: this.#problems.map(({ path, message }) => ({ path, message })),
        count: this.#count,
      },
    });
  }
}

/** Keys of maps as if they were fields, where they look like one: `actions.tickets[0]`. */
function dotted(path: readonly PathStep[]): string {
  return joined(path, (key) => PLAIN_KEY.test(key) ? `.${key}` : bracketed(key));
}

/** Keys of maps in brackets: `actions["tickets"][0]` (contract/metacore.md §3.1). */
function contractForm(path: readonly PathStep[]): string {
  return joined(path, bracketed);
}

function bracketed(key: string): string {
  return `[${JSON.stringify(key.length > 64 ? `${key.slice(0, 64)}…` : key)}]`;
}

function joined(path: readonly PathStep[], keyText: (key: string) => string): string {
  const text = path.map((step) => {
    if (typeof step === "number") return `[${step}]`;
    return typeof step === "string" ? `.${step}` : keyText(step.key);
  }).join("");
  return text.startsWith(".") ? text.slice(1) : text;
}

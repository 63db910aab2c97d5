/**
 * A place in a manifest that is being read: the value found there, the way to it, and where to
 * complain. Lenient as the original's decoder: `null` is the same as absent, unknown keys are not
 * looked at; strict where that one is: a value of another type is an error.
 *
 * @module
 */

import { isJsonObject, type Json, type JsonObject } from "../../base/json.ts";
import { nearest } from "../../base/nearest.ts";
import type { PathStep, ProblemList } from "./problem.ts";

/** Bounds of a number. */
export interface NumberBounds {
  readonly min: number;
  readonly max: number;
}

/** Greatest length of a text where nothing else is said, in UTF-16 units. */
export const MAX_TEXT_LENGTH = 4096;

/** A value of a manifest with its place. */
export class ManifestNode {
  /** The value; undefined where it is absent or null. */
  readonly value: Exclude<Json, null> | undefined;
  readonly #path: readonly PathStep[];
  readonly #problems: ProblemList;

  /**
   * Creates a node.
   *
   * @param value what was found.
   * @param path the way to it.
   * @param problems where complaints go.
   */
  constructor(value: Json | undefined, path: readonly PathStep[], problems: ProblemList) {
    this.value = value ?? undefined;
    this.#path = path;
    this.#problems = problems;
  }

  /** Whether something is here. */
  get present(): boolean {
    return this.value !== undefined;
  }

  /** Complains about this place. */
  complain(message: string): undefined {
    this.#problems.add(this.#path, message);
    return undefined;
  }

  /** Notes that this place has no effect: no complaint, but told to whoever installs the addon. */
  note(message: string): void {
    this.#problems.note(this.#path, message);
  }

  /** The notes of the whole document so far, a sentence each. */
  get notes(): readonly string[] {
    return this.#problems.notes;
  }

  /** The field of an object; absent where this is no object. */
  field(name: string): ManifestNode {
    const object = this.value;
    const value = isJsonObject(object) && Object.hasOwn(object, name) ? object[name] : undefined;
    return this.#child(value, name);
  }

  /** The place under a key of a map. */
  key(name: string): ManifestNode {
    return this.#child(this.field(name).value, { key: name });
  }

  /** The place of a list's entry. */
  item(index: number): ManifestNode {
    const value = Array.isArray(this.value) ? (this.value as readonly Json[])[index] : undefined;
    return this.#child(value, index);
  }

  /** The text here. */
  text(maxLength = MAX_TEXT_LENGTH): string | undefined {
    if (this.value === undefined) return undefined;
    if (typeof this.value !== "string") return this.#mustBe("a text");
    if (this.value.length <= maxLength) return this.value;
    return this.complain(`has ${this.value.length} characters; ${maxLength} are allowed`);
  }

  /** The text here, where an empty one counts as absent. */
  filledText(maxLength = MAX_TEXT_LENGTH): string | undefined {
    return this.text(maxLength) || undefined;
  }

  /** The text here; complains where there is none or only blanks. */
  requiredText(maxLength = MAX_TEXT_LENGTH): string | undefined {
    const text = this.text(maxLength);
    if (this.value === undefined || text?.trim() === "") return this.complain("is required");
    return text;
  }

  /** The text here when it matches a pattern; complains otherwise, also where there is none. */
  matching(pattern: RegExp, what: string): string | undefined {
    const text = this.requiredText();
    if (text === undefined || pattern.test(text)) return text;
    return this.complain(`${shown(text)} is not a valid ${what}: it must match ${pattern.source}`);
  }

  /** One word of a closed set; empty counts as absent. */
  word<Word extends string>(words: readonly Word[], what: string): Word | undefined {
    const text = this.filledText();
    if (text === undefined) return undefined;
    const found = words.find((word) => word === text);
    if (found !== undefined) return found;
    const near = nearest(text, words);
    const hint = near === undefined ? "" : `; did you mean "${near}"?`;
    return this.complain(`${shown(text)} is not a known ${what}: use ${words.join(", ")}${hint}`);
  }

  /** The boolean here. */
  flag(): boolean | undefined {
    if (this.value === undefined || typeof this.value === "boolean") return this.value;
    return this.#mustBe("true or false");
  }

  /** The number here. */
  number(): number | undefined {
    if (this.value === undefined || typeof this.value === "number") return this.value;
    return this.#mustBe("a number");
  }

  /** The integer here, within bounds. */
  integer(bounds: NumberBounds): number | undefined {
    const number = this.number();
    if (number === undefined) return undefined;
    if (!Number.isInteger(number)) return this.complain(`${number} is not an integer`);
    if (number >= bounds.min && number <= bounds.max) return number;
    return this.complain(`${number} is not between ${bounds.min} and ${bounds.max}`);
  }

  /** The object here. */
  object(): JsonObject | undefined {
    if (this.value === undefined || isJsonObject(this.value)) return this.value;
    return this.#mustBe("an object");
  }

  /** The places of a list; none where it is absent. At most `maxLength` of them are read. */
  items(maxLength: number): ManifestNode[] {
    if (this.value === undefined) return [];
    if (!Array.isArray(this.value)) {
      this.#mustBe("a list");
      return [];
    }
    const list = this.value as readonly Json[];
    if (list.length > maxLength) {
      this.complain(`has ${list.length} entries; ${maxLength} are allowed`);
    }
    return list.slice(0, maxLength).map((value, index) => this.#child(value, index));
  }

  /** The places of a list of objects; complains about entries that are none. */
  objects(maxLength: number): ManifestNode[] {
    return this.items(maxLength).filter((item) => {
      if (!item.present) item.complain("must be an object, not null");
      return item.object() !== undefined;
    });
  }

  /** The texts of a list; complains about entries that are none. */
  texts(maxLength: number): string[] {
    return this.items(maxLength).flatMap((item) => item.requiredText() ?? []);
  }

  /** The keys and places of a map; none where it is absent. At most `maxLength` of them are read. */
  entries(maxLength: number): [string, ManifestNode][] {
    const entries = Object.entries(this.object() ?? {});
    if (entries.length > maxLength) {
      this.complain(`has ${entries.length} entries; ${maxLength} are allowed`);
    }
    return entries.slice(0, maxLength).map(([key, value]) => [key, this.#child(value, { key })]);
  }

  #child(value: Json | undefined, step: PathStep): ManifestNode {
    return new ManifestNode(value, [...this.#path, step], this.#problems);
  }

  #mustBe(what: string): undefined {
    return this.complain(`must be ${what}, not ${kindOf(this.value)}`);
  }
}

/** Text of an author inside a complaint: quoted, and cut to 80 characters. */
export function shown(text: string): string {
  return JSON.stringify(text.length > 80 ? `${text.slice(0, 80)}…` : text);
}

function kindOf(value: unknown): string {
  if (Array.isArray(value)) return "a list";
  if (typeof value === "object") return "an object";
  if (typeof value === "string") return "a text";
  return typeof value === "number" ? "a number" : "true or false";
}

/**
 * Later versions of any bundle, made of its files: what authors change between versions, and what
 * they get wrong. Pure: files go in, files come out.
 *
 * @module
 */

import { isJsonObject, type Json, type JsonObject } from "../../src/base/json.ts";
import { openBundle, packBundle } from "../../src/bundle/mod.ts";

/** Files of a bundle by path. */
export type Files = ReadonlyMap<string, Uint8Array | string>;

/** What upgrading to a version must come to. */
export type Expectation =
  /** It succeeds by itself. */
  | { readonly kind: "upgrades" }
  /** It succeeds once the right is accepted; without that it is refused by `code`. */
  | { readonly kind: "asks"; readonly capability: string; readonly code: string }
  /** It is refused, and nothing changes. */
  | { readonly kind: "refused"; readonly code: string };

/** A later version of a bundle. */
export interface Mutation {
  readonly name: string;
  readonly version: string;
  readonly files: Files;
  readonly expected: Expectation;
}

/** Column that {@link addedColumn} brings, and {@link newIndex} indexes. */
export const ADDED_COLUMN = "mutation_note";
const ADDED_RIGHT = { kind: "event:emit", target: "mutation.happened", reason: "a mutation" };

/** Reads the files of a packed bundle. */
export async function filesOf(archive: Uint8Array): Promise<Files> {
  const { entries } = await openBundle(archive);
  return new Map([...entries].map(([path, { bytes }]) => [path, bytes]));
}

/** Packs a version. */
export async function packMutation(mutation: Mutation): Promise<Uint8Array> {
  return await packBundle(mutation.files);
}

/**
 * Makes every mutation that a bundle allows.
 *
 * @param files of a flat (v2) bundle.
 * @returns versions above it, each independent of the others; without models there are fewer.
 */
export function mutationsOf(files: Files): Mutation[] {
  const made = [
    sameContent,
    addedColumn,
    addedModel,
    newIndex,
    removedColumn,
    changedType,
    newCapability,
    badMigration,
    failingMigration,
  ];
  return made.flatMap((make) => make(files) ?? []);
}

/** Nothing but a new version. */
export function sameContent(files: Files): Mutation {
  return mutation("same content", files, {}, { kind: "upgrades" });
}

/** A column more, with a default, on the first model. */
export function addedColumn(files: Files): Mutation | undefined {
  return withFirstModel("added column", files, { kind: "upgrades" }, (model) => ({
    ...model,
    columns: [...columnsOf(model), { name: ADDED_COLUMN, type: "string", default: "'new'" }],
  }));
}

/** A model more. */
export function addedModel(files: Files): Mutation {
  const manifest = manifestOf(files);
  const name = `${manifest["key"]}_mutations`.slice(0, 60);
  const model = {
    table_name: name,
    model_key: name,
    label: "Mutations",
    columns: [{ name: "title", type: "string", required: true }],
  };
  const models = [...listOf(manifest, "model_definitions"), model];
  return mutation("added model", files, { model_definitions: models }, { kind: "upgrades" });
}

/** An index on the first column that has none and can have one. */
export function newIndex(files: Files): Mutation | undefined {
  return withFirstModel("new index", files, { kind: "upgrades" }, (model) => {
    const columns = columnsOf(model);
    const at = columns.findIndex((column) =>
      column["index"] !== true && column["unique"] !== true && isIndexable(column["type"])
    );
    if (at < 0) return undefined;
    return { ...model, columns: columns.with(at, { ...columns[at]!, index: true }) };
  });
}

/** Without the last column that may be missing; its values stay where they are. */
export function removedColumn(files: Files): Mutation | undefined {
  return withFirstModel("removed column", files, { kind: "upgrades" }, (model) => {
    const columns = columnsOf(model);
    const at = columns.findLastIndex((column) => column["required"] !== true);
    return at < 0 || columns.length < 2
      ? undefined
      : { ...model, columns: columns.toSpliced(at, 1) };
  });
}

/** The first text column as a number. */
export function changedType(files: Files): Mutation | undefined {
  const expected = { kind: "refused", code: "schema.type_conflict" } as const;
  return withFirstModel("changed type", files, expected, (model) => {
    const columns = columnsOf(model);
    const at = columns.findIndex(({ type }) => type === "string" || type === "text");
    if (at < 0) return undefined;
    const { name } = columns[at]!;
    return { ...model, columns: columns.with(at, { name: name!, type: "integer" }) };
  });
}

/** A right more. */
export function newCapability(files: Files): Mutation {
  const capabilities = [...listOf(manifestOf(files), "capabilities"), ADDED_RIGHT];
  return mutation("new capability", files, { capabilities }, {
    kind: "asks",
    capability: `${ADDED_RIGHT.kind} ${ADDED_RIGHT.target}`,
    code: "addon.capabilities_not_accepted",
  });
}

/** A migration that may not be. */
export function badMigration(files: Files): Mutation {
  const expected = { kind: "refused", code: "schema.migration_refused" } as const;
  const sql = "create role mutation superuser;";
  return mutation("bad migration", withMigration(files, sql), {}, expected);
}

/** A migration whose second statement fails: the first must not stay. */
export function failingMigration(files: Files): Mutation {
  const expected = { kind: "refused", code: "schema.migration_refused" } as const;
  const sql = "create table mutation_half (id uuid primary key);\ndrop table mutation_gone;";
  return mutation("failing migration", withMigration(files, sql), {}, expected);
}

function withMigration(files: Files, sql: string): Files {
  // Behind every migration that the bundle has.
  return new Map([...files, ["migrations/9999_mutation.sql", sql]]);
}

function withFirstModel(
  name: string,
  files: Files,
  expected: Expectation,
  change: (model: JsonObject) => JsonObject | undefined,
): Mutation | undefined {
  const models = listOf(manifestOf(files), "model_definitions");
  const first = models[0] === undefined ? undefined : change(models[0]);
  if (first === undefined) return undefined;
  return mutation(name, files, { model_definitions: models.with(0, first) }, expected);
}

function mutation(
  name: string,
  files: Files,
  changes: Readonly<Record<string, Json>>,
  expected: Expectation,
): Mutation {
  const manifest = manifestOf(files);
  const version = raised(String(manifest["version"]));
  const text = JSON.stringify({ ...manifest, ...changes, version });
  return { name, version, files: new Map([...files, ["manifest.json", text]]), expected };
}

function manifestOf(files: Files): JsonObject {
  const content = files.get("manifest.json") ?? "{}";
  const text = typeof content === "string" ? content : new TextDecoder().decode(content);
  const manifest: Json = JSON.parse(text);
  if (!isJsonObject(manifest)) throw new Error("a manifest is an object");
  return manifest;
}

function listOf(object: JsonObject, key: string): JsonObject[] {
  const list = object[key];
  return Array.isArray(list) ? (list as readonly Json[]).filter(isJsonObject) : [];
}

function columnsOf(model: JsonObject): JsonObject[] {
  return listOf(model, "columns");
}

function isIndexable(type: Json | undefined): boolean {
  return typeof type === "string" && !type.startsWith("json");
}

function raised(version: string): string {
  const [major = "1", minor = "0"] = version.replace(/^v/, "").split(".");
  return `${major}.${Number(minor) + 1}.0`;
}

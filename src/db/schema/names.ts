/**
 * Physical names: how schemas, tables and indexes are called in a database, and their quoting.
 * It does not check authors' name grammars; it makes any name safe and unambiguous.
 *
 * @module
 */

import { createHash } from "node:crypto";
import { isUuid } from "../../base/ids.ts";
import { schemaError } from "./errors.ts";
import type { TableName } from "./spec.ts";

/** Longest identifier that Postgres keeps whole, in UTF-8 bytes (NAMEDATALEN - 1). */
export const MAX_NAME_BYTES = 63;
const KEPT_BYTES = 22;
const HASH_HEX_DIGITS = 40;

/**
 * The name as a database stores it: as it is when it fits, else its first 22 bytes (cut between
 * characters), `$` and 40 hex digits of the SHA-256 of the whole name. `$` is outside the alphabet
 * of authors' names, so a shortened name never meets a given one.
 *
 * @param name any name.
 * @returns at most 63 bytes of UTF-8.
 */
export function physicalName(name: string): string {
  const bytes = new TextEncoder().encode(name);
  if (bytes.length <= MAX_NAME_BYTES) return name;
  let end = KEPT_BYTES;
  while (end > 0 && (bytes[end]! & 0xc0) === 0x80) end--;
  const hash = createHash("sha256").update(bytes).digest("hex").slice(0, HASH_HEX_DIGITS);
  return `${new TextDecoder().decode(bytes.subarray(0, end))}$${hash}`;
}

/**
 * The physical schema (Postgres) or prefix (SQLite) of an addon's tables.
 *
 * @param addonKey key of the addon; used in lower case.
 * @param isolation one schema for all organizations, or one each.
 * @param organizationId UUID of the organization; read for `schema-per-tenant` only.
 * @returns at most 63 bytes; `addon_<key>` or `addon_<key>$<32 hex digits>`, shortened if longer.
 * @throws {KernelError} schema.invalid_organization — a tenant schema for something not a UUID.
 */
export function addonSchemaName(
  addonKey: string,
  isolation: "shared" | "schema-per-tenant",
  organizationId: string,
): string {
  const shared = `addon_${addonKey.toLowerCase()}`;
  if (isolation === "shared") return physicalName(shared);
  if (!isUuid(organizationId)) {
    throw schemaError(
      "schema.invalid_organization",
      `Schema of addon ${addonKey}: the organization is not named by a UUID.`,
      {},
      "internal",
    );
  }
  return physicalName(`${shared}$${organizationId.replaceAll("-", "").toLowerCase()}`);
}

/**
 * Quotes an identifier for SQL of either engine.
 *
 * @param name the identifier as stored.
 * @returns the name in double quotes, inner ones doubled.
 * @throws {KernelError} schema.invalid_name — empty, holds NUL, or is not well-formed Unicode.
 */
export function quoteIdentifier(name: string): string {
  if (name === "" || name.includes("\0") || !name.isWellFormed()) {
    throw schemaError("schema.invalid_name", `${JSON.stringify(name)} cannot be a name.`, {});
  }
  return `"${name.replaceAll('"', '""')}"`;
}

/**
 * A table as Postgres SQL.
 *
 * @param name schema and logical name.
 * @returns `"schema"."table"`, shortened names where they are too long.
 */
export function postgresTable(name: TableName): string {
  return `${quoteIdentifier(physicalName(name.schema))}.${
    quoteIdentifier(physicalName(name.table))
  }`;
}

/**
 * A table as SQLite SQL: one quoted name, never shortened.
 *
 * @param name schema and logical name.
 * @returns schema, point and table in one pair of quotes.
 */
export function sqliteTable(name: TableName): string {
  return quoteIdentifier(`${name.schema}.${name.table}`);
}

/**
 * An index as SQLite SQL: one quoted name, never shortened.
 *
 * @param schema the schema of its table.
 * @param index logical name of the index.
 * @returns schema, point and index in one pair of quotes.
 */
export function sqliteIndex(schema: string, index: string): string {
  return quoteIdentifier(`${schema}.${index}`);
}

/**
 * Opens a database of the engine that its URL names.
 *
 * @module
 */

import type { Database } from "./database.ts";
import { urlNotAccepted } from "./errors.ts";
import type { DatabaseOptions } from "./options.ts";
import { SqliteDatabase } from "./sqlite.ts";

export type { DatabaseOptions } from "./options.ts";

/**
 * Opens a database and proves that it answers.
 *
 * @param options URL and limits.
 * @returns the open database; {@link Database.close} must follow.
 * @throws {KernelError} db.url_not_accepted — for a URL of no known engine.
 * @throws {KernelError} db.unavailable — when Postgres does not answer.
 * @throws {KernelError} db.locked — when another process holds the SQLite file.
 */
export async function openDatabase(options: DatabaseOptions): Promise<Database> {
  const database = await create(options);
  try {
    await database.ping();
  } catch (thrown) {
    await database.close();
    throw thrown;
  }
  return database;
}

async function create(options: DatabaseOptions): Promise<Database> {
  const [, scheme = "", rest = ""] = /^([a-z]*):(.*)$/is.exec(options.url) ?? [];
  switch (scheme.toLowerCase()) {
    case "sqlite": {
      const path = rest.replace(/^\/\//, "");
      if (path !== "") return new SqliteDatabase(path, options);
      break;
    }
    case "postgres":
    case "postgresql":
      if (rest.startsWith("//") && URL.canParse(options.url)) {
        // The driver takes longer to load than SQLite takes to start.
        const { PostgresDatabase } = await import("./postgres.ts");
        return new PostgresDatabase(options);
      }
      break;
  }
  throw urlNotAccepted(scheme === "" ? options.url.slice(0, 8) : `${scheme}:`);
}

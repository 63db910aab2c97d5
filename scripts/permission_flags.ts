/**
 * Prints the narrowest Deno permission flags with which a command line works under the current
 * settings: its data directory, its listening address, its database, the variables it reads.
 *
 * Usage: deno run --allow-env scripts/permission_flags.ts
 *
 * @module
 */

import { readSettings, SETTING_NAMES } from "../src/kernel/settings.ts";
import type { Settings } from "../src/kernel/settings.ts";

/** Variables that libraries look at (the Postgres driver, the help texts); without the right they fail. */
const LIBRARY_VARIABLES = [
  "PG*",
  "NODE_PG_FORCE_NATIVE",
  "USER",
  "USERNAME",
  "NO_COLOR",
  "FORCE_COLOR",
  "CLICOLOR_FORCE",
];

function postgresAddress(url: string): string {
  const { hostname, port } = new URL(url);
  return `${hostname}:${port || "5432"}`;
}

function folderOf(path: string): string {
  const at = path.lastIndexOf("/");
  return at < 0 ? "." : path.slice(0, at) || "/";
}

function networkAddresses(settings: Settings): string[] {
  const databases = [settings.databaseUrl, settings.databaseOwnerUrl ?? ""]
    .filter((url) => url.startsWith("postgres"));
  return [`${settings.host}:${settings.port}`, ...new Set(databases.map(postgresAddress))];
}

function folders(settings: Settings): string[] {
  const file = /^sqlite:(?!:memory:)(.+)$/.exec(settings.databaseUrl)?.[1];
  return [...new Set([settings.dataDir, ...(file === undefined ? [] : [folderOf(file)])])];
}

const ALWAYS = [
  "--no-prompt",
  "--cached-only",
  `--allow-env=${[...SETTING_NAMES, ...LIBRARY_VARIABLES].join(",")}`,
];

function flags(settings: Settings): string[] {
  const paths = folders(settings).join(",");
  return [
    // Where a host's name leads is known when a request is made; the worker that makes it is given
    // that one address.
    settings.egress === undefined
      ? `--allow-net=${networkAddresses(settings).join(",")}`
      : "--allow-net",
    `--allow-read=${paths}`,
    `--allow-write=${paths}`,
  ];
}

function flagsOrNone(): string[] {
  try {
    return flags(readSettings((name) => Deno.env.get(name)));
  } catch {
    // The program reads the settings again and says itself what is wrong with them.
    return [];
  }
}

const line = [...ALWAYS, ...flagsOrNone()].join(" ");
Deno.stdout.writeSync(new TextEncoder().encode(`${line}\n`));

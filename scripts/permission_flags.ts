/**
 * Prints the narrowest Deno permission flags with which a command line works under the current
 * settings: its data directory, its listening address, its database, the variables it reads, and the
 * files that the command line names.
 *
 * Usage: deno run --allow-env scripts/permission_flags.ts [arguments of the command line]
 *
 * @module
 */

import { commandFiles } from "./command_files.ts";
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

function networkFlag(settings: Settings): string {
  // Where a host's name leads is known when a request is made; the worker that makes it is given that
  // one address.
  if (settings.egress !== undefined) return "--allow-net";
  return `--allow-net=${networkAddresses(settings).join(",")}`;
}

/** Places that are read and never written: a file of keys, a folder of bundles. */
function onlyRead({ trustedKeysFile, catalogDir }: Settings): string[] {
  return [trustedKeysFile, catalogDir].filter((path) => path !== undefined);
}

function fileFlags(
  folders: readonly string[],
  args: readonly string[],
  alsoRead: readonly string[] = [],
): string[] {
  const { reads, writes } = commandFiles(args);
  const readable = [...folders, ...alsoRead, ...reads];
  const writable = [...folders, ...writes];
  return [
    ...(readable.length === 0 ? [] : [`--allow-read=${listed(readable)}`]),
    ...(writable.length === 0 ? [] : [`--allow-write=${listed(writable)}`]),
  ];
}

/** Deno takes a comma in a path when it is written twice. */
function listed(paths: readonly string[]): string {
  return [...new Set(paths)].map((path) => path.replaceAll(",", ",,")).join(",");
}

/**
 * Finds the flags of a command line.
 *
 * @param args arguments after the program's name.
 * @returns the flags; those for the files alone when the settings cannot be read.
 */
export function permissionFlags(args: readonly string[]): string[] {
  try {
    const settings = readSettings((name) => Deno.env.get(name));
    const files = fileFlags(folders(settings), args, onlyRead(settings));
    return [...ALWAYS, networkFlag(settings), ...files];
  } catch {
    // The program reads the settings again and says itself what is wrong with them.
    return [...ALWAYS, ...fileFlags([], args)];
  }
}

if (import.meta.main) {
  const line = permissionFlags(Deno.args).join(" ");
  Deno.stdout.writeSync(new TextEncoder().encode(`${line}\n`));
}

/**
 * `metacore addon settings` and `metacore addon rotate-secret`. A secret comes by standard input alone:
 * arguments are seen by every process of the machine, and stay in the shell's history.
 *
 * @module
 */

import type { SettingView } from "../addons/settings/addon_settings.ts";
import type { Json } from "../base/json.ts";
import { type Place, withOrganization } from "./in_organization.ts";
import { print } from "./output.ts";
import { UsageError } from "./usage_error.ts";

/** Options of `addon settings`. */
export interface SettingsOptions extends Place {
  /** Each `<name>=<value>`. */
  readonly set?: readonly string[];
  readonly unset?: readonly string[];
  /** Name of the secret whose value standard input holds. */
  readonly secret?: string;
  readonly json?: boolean;
}

/** Options of `addon rotate-secret`. */
export interface RotateOptions extends Place {
  /** For how many seconds the secret before holds too. */
  readonly overlap: number;
}

/** One setting that the command line changes. */
interface Wish {
  readonly name: string;
  readonly by: "--set" | "--unset" | "--secret";
  /** Absent where the value is taken away. */
  readonly text?: string;
}

/** As long as a value may be (65,536 bytes), and a line break. */
const MAX_SECRET_BYTES = 65_538;

/** Types whose values are no single text, number or flag. */
const WRITTEN_AS_JSON: ReadonlySet<string> = new Set(["json", "multi_select"]);

/**
 * Changes settings of an addon, if the options name any, and prints all of them.
 *
 * @param addonKey key of the addon.
 * @param options what changes.
 */
export async function changeSettings(addonKey: string, options: SettingsOptions): Promise<void> {
  const wishes = await readWishes(options);
  const views = await withOrganization(options, async ({ services: { settings }, caller }) => {
    const before = await settings.list(caller, addonKey);
    if (wishes.length === 0) return before;
    const changes = new Map(wishes.map((wish) => [wish.name, valueOf(wish, before)]));
    await settings.update(caller, addonKey, Object.fromEntries(changes));
    return await settings.list(caller, addonKey);
  });
  if (options.json === true) return print(JSON.stringify(views, null, 2));
  if (views.length === 0) return print("the addon has no settings");
  for (const view of views) print(settingLine(view));
}

/**
 * Gives an installation a new secret, and prints it.
 *
 * @param addonKey key of the addon.
 * @param options how long the secret before holds.
 */
export async function rotateSecret(addonKey: string, options: RotateOptions): Promise<void> {
  const { install_secret, previous_valid_until } = await withOrganization(
    options,
    ({ services, caller }) => services.settings.rotateSecret(caller, addonKey, options.overlap),
  );
  print(`secret       ${install_secret} (shown this once)`);
  print(
    `the old one  ${
      previous_valid_until === undefined ? "is void" : `holds until ${previous_valid_until}`
    }`,
  );
}

/** Read before a database is opened: wrong usage shall not wait for it. */
async function readWishes({ set = [], unset = [], secret }: SettingsOptions): Promise<Wish[]> {
  const wishes: Wish[] = [
    ...set.map(assignment),
    ...unset.map((name) => ({ name, by: "--unset" as const })),
  ];
  if (secret !== undefined) {
    wishes.push({ name: secret, by: "--secret", text: await readSecret(secret) });
  }
  const names = wishes.map(({ name }) => name);
  const twice = names.find((name, at) => names.indexOf(name) !== at);
  if (twice !== undefined) throw new UsageError(`${twice} is named twice`);
  return wishes;
}

function assignment(argument: string): Wish {
  const at = argument.indexOf("=");
  // What stands there may be a secret: it is not repeated.
  if (at <= 0) throw new UsageError("--set takes <name>=<value>");
  return { name: argument.slice(0, at), by: "--set", text: argument.slice(at + 1) };
}

async function readSecret(name: string): Promise<string> {
  if (Deno.stdin.isTerminal()) {
    throw new UsageError(`give the value of ${name} on standard input: … --secret ${name} < file`);
  }
  const bytes: number[] = [];
  for await (const chunk of Deno.stdin.readable) {
    bytes.push(...chunk);
    if (bytes.length > MAX_SECRET_BYTES) throw new UsageError(`the value of ${name} is too long`);
  }
  const text = textOf(bytes, name).replace(/\r?\n$/, "");
  if (text === "") throw new UsageError(`standard input holds no value for ${name}`);
  return text;
}

function textOf(bytes: readonly number[], name: string): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(new Uint8Array(bytes));
  } catch {
    throw new UsageError(`the value of ${name} is no text in UTF-8`);
  }
}

/** Names that the addon does not have are left to the service, which knows the nearest. */
function valueOf({ name, by, text }: Wish, views: readonly SettingView[]): Json {
  const view = views.find(({ key }) => key === name);
  if (text === undefined) return null;
  if (view === undefined) return by === "--secret" ? null : text;
  if (by === "--set" && view.secret) {
    throw new UsageError(
      `${name} is a secret: give it by --secret ${name}, its value on standard input`,
    );
  }
  if (by === "--secret" && !view.secret) {
    throw new UsageError(`${name} is no secret: its value would be shown; give it by --set`);
  }
  return WRITTEN_AS_JSON.has(view.type) ? jsonOf(text, name) : text;
}

function jsonOf(text: string, name: string): Json {
  try {
    // Border: what was parsed as JSON is JSON.
    return JSON.parse(text) as Json;
  } catch {
    throw new UsageError(`the value of ${name} is written as JSON`);
  }
}

function settingLine({ key, type, secret, required, value, is_set }: SettingView): string {
  const shown = secret
    ? is_set ? "set, never shown" : "not set"
    : value === undefined
    ? "not set"
    : JSON.stringify(value);
  return `${key}  ${type}  ${shown}${required && !is_set ? "  (required)" : ""}`;
}

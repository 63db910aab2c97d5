/**
 * Compiles the rights of an addon from its manifest, of both kinds of addons. It decides nothing:
 * `enforcer.ts` does. A kind that is not known grants nothing.
 *
 * @module
 */

import { compileHosts } from "../base/host_pattern.ts";
import type { Capability, CapabilitySet } from "./capability.ts";
import { compileNames } from "./capability_pattern.ts";

/** Target of what an addon holds in its own namespace only, such as its key-value store. */
export const OWN = "self";

const METACORE_KINDS: ReadonlySet<string> = new Set([
  "db:read",
  "db:write",
  "http:fetch",
  "event:emit",
  "event:subscribe",
]);

/** GoNext ids with the kind and the targets they stand for (contract/two_abis.md §3). */
const GONEXT_KINDS: ReadonlyMap<string, Capability> = new Map([
  ["posts.read", { kind: "posts:read", target: "*" }],
  ["posts.write", { kind: "posts:write", target: "*" }],
  ["users.read", { kind: "users:read", target: "*" }],
  ["email.send", { kind: "email:send", target: "*" }],
  ["http.serve", { kind: "http:serve", target: OWN }],
  ["media.read", { kind: "media:read", target: "*" }],
  ["kv.read", { kind: "kv:read", target: OWN }],
  ["kv.write", { kind: "kv:write", target: OWN }],
  ["db.read", { kind: "db:read", target: OWN }],
  ["db.write", { kind: "db:write", target: OWN }],
  ["cache.invalidate", { kind: "cache:invalidate", target: OWN }],
  ["hooks.subscribe", { kind: "hooks:subscribe", target: "*" }],
  ["jobs.enqueue", { kind: "jobs:enqueue", target: "*" }],
  ["secrets.read", { kind: "secrets:read", target: OWN }],
  ["audit.emit", { kind: "audit:emit", target: OWN }],
  ["cron.register", { kind: "cron:register", target: OWN }],
]);

/** What GoNext gives every plugin unasked. */
const GONEXT_UNASKED = ["secrets.read", "audit.emit", "cron.register"];

/** What beside its ids decides on a GoNext plugin's rights. */
export interface GonextRights {
  /** Hosts that `http.fetch` reaches. @default none */
  readonly allowedHosts?: readonly string[];
  /**
   * Whether secrets, audit and schedules are given unasked, as GoNext does, or only by their ids.
   *
   * @default "given"
   */
  readonly platform?: "given" | "asked";
}

/**
 * Compiles the capabilities of a manifest. The addon's own tables are granted beside them, and who
 * may write a table may read it.
 *
 * @param addonKey the addon.
 * @param capabilities as the manifest asks, and the organization has accepted.
 * @returns its rights; `targets` tells what was asked for, the implicit grants left out.
 */
export function compileCapabilities(
  addonKey: string,
  capabilities: readonly Capability[],
): CapabilitySet {
  // The manifest refuses "*" for tables; a row that came another way must not open them all.
  const known = capabilities.filter(({ kind, target }) =>
    METACORE_KINDS.has(kind) && target !== "" && !(kind.startsWith("db:") && target === "*")
  );
  const implied = known.filter(({ kind }) => kind === "db:write")
    .map(({ target }) => ({ kind: "db:read", target }));
  return compile(known, [...implied, ...ownTables(addonKey, ["db:read", "db:write"])]);
}

/**
 * Compiles the capabilities of a GoNext plugin: ids without targets.
 *
 * @param slug the plugin, which is its addon key.
 * @param ids such as `kv.write`; one that is not known grants nothing.
 * @param rights hosts it may reach, and whether the platform's own services are given unasked.
 * @returns its rights.
 */
export function compileGonextCapabilities(
  slug: string,
  ids: readonly string[],
  rights: GonextRights = {},
): CapabilitySet {
  const asked = rights.platform === "asked" ? ids : [...ids, ...GONEXT_UNASKED];
  const known = [...new Set(asked)].flatMap((id) => GONEXT_KINDS.get(id) ?? []);
  const hosts = ids.includes("http.fetch") ? rights.allowedHosts ?? [] : [];
  const fetches = hosts.map((target) => ({ kind: "http:fetch", target }));
  const tables = known.map(({ kind }) => kind).filter((kind) => kind.startsWith("db:"));
  return compile([...known, ...fetches], ownTables(slug, tables));
}

function ownTables(addonKey: string, kinds: readonly string[]): Capability[] {
  return kinds.map((kind) => ({ kind, target: `addon_${addonKey.toLowerCase()}.*` }));
}

function compile(asked: readonly Capability[], implicit: readonly Capability[]): CapabilitySet {
  const written = byKind(asked);
  const held = byKind([...asked, ...implicit]);
  const matchers = new Map([...held].map(([kind, targets]) => [
    kind,
    kind === "http:fetch" ? hostMatcher(targets) : compileNames(targets),
  ]));
  return {
    allows: (kind, target) => matchers.get(kind)?.matches(target) ?? false,
    holds: (kind) => matchers.has(kind),
    targets: (kind) => written.get(kind) ?? [],
  };
}

/** Whoever asks may not have written the host as the URL parser does. */
function hostMatcher(targets: readonly string[]): ReturnType<typeof compileNames> {
  const hosts = compileHosts(targets);
  const absolute = /\.(?=:\d+$|$)/;
  return { matches: (host) => hosts.matches(host.toLowerCase().replace(absolute, "")) };
}

function byKind(capabilities: readonly Capability[]): Map<string, string[]> {
  const found = new Map<string, string[]>();
  for (const { kind, target } of capabilities) {
    const targets = found.get(kind);
    if (targets === undefined) found.set(kind, [target]);
    else if (!targets.includes(target)) targets.push(target);
  }
  return found;
}

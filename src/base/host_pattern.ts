/**
 * Patterns of hosts: `api.example.com`, `api.example.com:8443`, `*.example.com` (contract/metacore.md
 * §6.2). Hosts are compared as the WHATWG URL parser writes them. It resolves nothing: which address
 * a host leads to is looked at in `egress/`.
 *
 * @module
 */

const URL_SHAPED = /^https?:\/\/([^/?#\\@]+)(?:\/\*?)?$/i;
const PORTED = /^(.*?)(?::(\d{1,5}))?$/s;
const IPV4 = /^\d{1,3}(?:\.\d{1,3}){3}$/;
const DEFAULT_PORTS: Readonly<Record<string, string>> = { "http:": "80", "https:": "443" };

/** Hosts that patterns name. */
export interface HostMatcher {
  /**
   * Tells whether a host is named.
   *
   * @param host as `URL.host` gives it: lower case, the port where it is not the scheme's own.
   */
  matches(host: string): boolean;
}

/**
 * Who wrote a pattern. Names of one label, such as `ops-backend`, lead into the operator's own network:
 * only the operator may name them, and only exactly.
 */
export type HostForm = "addon" | "operator";

const ONE_LABEL = /^[a-z](?:[a-z0-9_-]{0,61}[a-z0-9])?$/i;
/** What an operator who writes it means, is a setting and no machine of that name. */
const WORDS = /^(?:all|any|disabled|enabled|false|no|none|null|off|on|private|public|true|yes)$/i;

/** One pattern in its one form. */
interface HostPattern {
  readonly kind: "exact" | "suffix";
  /** Host, and port where one is written. */
  readonly host: string;
}

/**
 * Compiles patterns. One that is none, such as `*`, `*.com` or `a.*.com`, names no host.
 *
 * @param patterns hosts with or without a leading `*.` and a port; `https://host/*` stands for its
 *   host, because manifests write it and the original never matched it.
 * @param form who wrote them.
 * @returns what they name together.
 */
export function compileHosts(
  patterns: readonly string[],
  form: HostForm = "addon",
): HostMatcher {
  const exact = new Set<string>();
  const suffixes = new Set<string>();
  for (const text of patterns) {
    const pattern = readHostPattern(text, form);
    if (pattern !== undefined) (pattern.kind === "exact" ? exact : suffixes).add(pattern.host);
  }
  return { matches: (host) => exact.has(host) || endsInOneOf(host, suffixes) };
}

/**
 * Tells whether a text is a pattern that can name a host.
 *
 * @param text anything.
 * @param form who wrote it.
 * @returns false where {@link compileHosts} would ignore it.
 */
export function isHostPattern(text: string, form: HostForm = "addon"): boolean {
  return readHostPattern(text, form) !== undefined;
}

/**
 * Brings the host of a URL into the form that patterns are compared with.
 *
 * @param url a parsed URL.
 * @returns `URL.host` without the dot that makes a name absolute: it is the same name.
 */
export function hostOf(url: URL): string {
  const port = url.port === "" ? "" : `:${url.port}`;
  return `${url.hostname.replace(/\.$/, "")}${port}`;
}

/** A wildcard never names an address: `*.0.0.1` is no family of hosts. */
function endsInOneOf(host: string, suffixes: ReadonlySet<string>): boolean {
  if (suffixes.size === 0 || IPV4.test(host.replace(/:\d+$/, ""))) return false;
  for (let at = 0; at >= 0;) {
    if (suffixes.has(host.slice(at))) return true;
    const dot = host.indexOf(".", at);
    at = dot < 0 ? -1 : dot + 1;
  }
  return false;
}

function readHostPattern(text: string, form: HostForm): HostPattern | undefined {
  const trimmed = text.trim();
  const bare = trimmed.includes("/") ? hostOfUrlShaped(trimmed) : trimmed;
  if (bare === undefined) return undefined;
  const isWild = bare.startsWith("*.");
  const [, name = "", port] = PORTED.exec(isWild ? bare.slice(2) : bare) ?? [];
  const isOneLabel = form === "operator" && !isWild && ONE_LABEL.test(name);
  if (isOneLabel && port === undefined && WORDS.test(name)) return undefined;
  const hostname = isOneLabel ? name.toLowerCase() : normalizedName(name);
  if (hostname === undefined || (isWild && IPV4.test(hostname))) return undefined;
  if (port !== undefined && (Number(port) < 1 || Number(port) > 65_535)) return undefined;
  const host = port === undefined ? hostname : `${hostname}:${Number(port)}`;
  return { kind: isWild ? "suffix" : "exact", host };
}

/** Only where the path says "everything": a narrower path must not become the whole host. */
function hostOfUrlShaped(text: string): string | undefined {
  const host = URL_SHAPED.exec(text)?.[1];
  if (host === undefined) return undefined;
  const scheme = text.slice(0, text.indexOf(":") + 1).toLowerCase();
  const ownPort = `:${DEFAULT_PORTS[scheme]}`;
  return host.endsWith(ownPort) ? host.slice(0, -ownPort.length) : host;
}

/** Two labels at least, none empty, no further wildcard. */
function normalizedName(name: string): string | undefined {
  if (name === "" || /[*\s/?#@\\:[\]%]/.test(name)) return undefined;
  const hostname = URL.parse(`http://${name}/`)?.hostname.replace(/\.$/, "");
  if (hostname === undefined) return undefined;
  const labels = hostname.split(".");
  return labels.length >= 2 && labels.every((label) => label !== "") ? hostname : undefined;
}

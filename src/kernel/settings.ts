/**
 * Settings from the environment: the only reader of it. Every value belongs to a closed set or has
 * a checked form; an unknown value refuses to start with one line that says what is accepted.
 *
 * @module
 */

import { KernelError } from "../base/error.ts";
import type { LogLevel } from "../telemetry/log.ts";
import { readEgress, readOperatorToken, readSandbox } from "./code_settings.ts";
import type { EgressSettings, SandboxSettings } from "./options.ts";
import { readMarketplaceKeys } from "./trust_settings.ts";

/** What the environment says, checked. */
export interface Settings {
  readonly host: string;
  readonly port: number;
  readonly dataDir: string;
  /** `sqlite:path`, `sqlite::memory:` or `postgres://…`. */
  readonly databaseUrl: string;
  /** Postgres only: the connection that owns schemas and tables. */
  readonly databaseOwnerUrl?: string;
  /** Signs tokens; generated into the data directory when absent. */
  readonly jwtSecret?: string;
  /** 32 bytes as hex or base64; generated into the data directory when absent. */
  readonly masterKey?: string;
  readonly enforcement: "enforce" | "shadow";
  /** Outbound HTTP of addons; absent means off. */
  readonly egress?: EgressSettings;
  readonly sandbox: SandboxSettings;
  /** Opens `/metrics` and `/api/operator`. */
  readonly operatorToken?: string;
  /** Ed25519 keys trusted to sign any addon, hex. */
  readonly marketplaceKeys: readonly string[];
  /** Path of the file of trusted keys. */
  readonly trustedKeysFile?: string;
  /** Folder of bundles that can be installed without an upload. */
  readonly catalogDir?: string;
  readonly unsignedBundles: "refuse" | "allow";
  readonly adminEmail?: string;
  readonly adminPassword?: string;
  readonly organizationName: string;
  readonly registration: "open" | "closed";
  readonly corsOrigins: readonly string[];
  /** Addresses of proxies whose `X-Forwarded-For` is believed. */
  readonly trustedProxies: readonly string[];
  readonly logLevel: LogLevel;
  readonly logFormat: "json" | "text";
}

/** Names of every variable the kernel reads, for permission flags and documentation. */
export const SETTING_NAMES = [
  "HOST",
  "PORT",
  "METACORE_DATA_DIR",
  "DATABASE_URL",
  "DATABASE_OWNER_URL",
  "JWT_SECRET",
  "METACORE_MASTER_KEY",
  "METACORE_ENFORCE",
  "METACORE_EGRESS",
  "METACORE_EGRESS_PRIVATE",
  "METACORE_GUEST_WORKERS",
  "METACORE_GUEST_MEMORY_MIB",
  "METACORE_GUEST_TIMEOUT_MS",
  "METACORE_GUEST_FUEL",
  "METACORE_OPERATOR_TOKEN",
  "MARKETPLACE_PUBKEYS",
  "MARKETPLACE_PUBKEY",
  "METACORE_TRUSTED_KEYS_FILE",
  "METACORE_CATALOG_DIR",
  "ALLOW_UNSIGNED_BUNDLES",
  "METACORE_ADMIN_EMAIL",
  "METACORE_ADMIN_PASSWORD",
  "METACORE_ORGANIZATION",
  "METACORE_REGISTRATION",
  "METACORE_CORS_ORIGINS",
  "METACORE_TRUSTED_PROXIES",
  "LOG_LEVEL",
  "LOG_FORMAT",
] as const;

type SettingName = (typeof SETTING_NAMES)[number];
type Environment = (name: SettingName) => string | undefined;

const YES = ["true", "1", "yes", "on"];
const NO = ["false", "0", "no", "off"];

/**
 * Reads and checks every setting.
 *
 * @param get reads one variable; blank counts as absent.
 * @returns the settings.
 * @throws {KernelError} kernel.invalid_setting — naming the variable and what it accepts.
 */
export function readSettings(get: (name: string) => string | undefined): Settings {
  const env: Environment = (name) => get(name)?.trim() || undefined;
  const dataDir = env("METACORE_DATA_DIR") ?? "./data";
  const owner = readOwnerUrl(env);
  const jwtSecret = env("JWT_SECRET");
  const masterKey = env("METACORE_MASTER_KEY");
  const adminEmail = env("METACORE_ADMIN_EMAIL");
  const adminPassword = env("METACORE_ADMIN_PASSWORD");
  const egress = readEgress(env, refuse);
  const operatorToken = readOperatorToken(env, refuse);
  const trustedKeysFile = env("METACORE_TRUSTED_KEYS_FILE");
  const catalogDir = env("METACORE_CATALOG_DIR");
  return {
    host: env("HOST") ?? "127.0.0.1",
    port: readPort(env),
    dataDir,
    databaseUrl: readDatabaseUrl(env, dataDir),
    ...(owner === undefined ? {} : { databaseOwnerUrl: owner }),
    ...(jwtSecret === undefined ? {} : { jwtSecret }),
    ...(masterKey === undefined ? {} : { masterKey }),
    enforcement: readEnforcement(env),
    ...(egress === undefined ? {} : { egress }),
    sandbox: readSandbox(env, refuse),
    ...(operatorToken === undefined ? {} : { operatorToken }),
    marketplaceKeys: readMarketplaceKeys(env, refuse),
    ...(trustedKeysFile === undefined ? {} : { trustedKeysFile }),
    ...(catalogDir === undefined ? {} : { catalogDir }),
    unsignedBundles: readChoice(env, "ALLOW_UNSIGNED_BUNDLES", {
      allow: YES,
      refuse: NO,
    }, "refuse"),
    ...(adminEmail === undefined ? {} : { adminEmail }),
    ...(adminPassword === undefined ? {} : { adminPassword }),
    organizationName: env("METACORE_ORGANIZATION") ?? "My organization",
    registration: readChoice(env, "METACORE_REGISTRATION", {
      open: ["open"],
      closed: ["closed"],
    }, "closed"),
    corsOrigins: readOrigins(env),
    trustedProxies: readProxies(env),
    logLevel: readChoice(env, "LOG_LEVEL", {
      debug: ["debug"],
      info: ["info"],
      warn: ["warn", "warning"],
      error: ["error"],
    }, "info"),
    logFormat: readChoice(env, "LOG_FORMAT", { json: ["json"], text: ["text"] }, "text"),
  };
}

function refuse(name: SettingName, value: string, accepted: string): KernelError {
  return new KernelError({
    code: "kernel.invalid_setting",
    kind: "precondition",
    message: `${name}="${value}" is not understood: set it to ${accepted}, or leave it unset`,
    details: { setting: name },
  });
}

function readChoice<T extends string>(
  env: Environment,
  name: SettingName,
  words: Readonly<Record<T, readonly string[]>>,
  fallback: NoInfer<T>,
): T {
  const value = env(name);
  if (value === undefined) return fallback;
  for (const [choice, accepted] of Object.entries(words) as [T, readonly string[]][]) {
    if (accepted.includes(value.toLowerCase())) return choice;
  }
  const accepted = Object.values<readonly string[]>(words).map((list) => list[0]).join(" or ");
  throw refuse(name, value, accepted);
}

// Off-words such as "false" are refused: turning the enforcer down must be said as "shadow".
function readEnforcement(env: Environment): "enforce" | "shadow" {
  const words = { enforce: ["enforce", ...YES], shadow: ["shadow"] };
  return readChoice(env, "METACORE_ENFORCE", words, "enforce");
}

function readPort(env: Environment): number {
  const value = env("PORT");
  if (value === undefined) return 8080;
  const port = Number(value);
  if (/^\d{1,5}$/.test(value) && port <= 65535) return port;
  throw refuse("PORT", value, "a port number from 0 to 65535");
}

function readDatabaseUrl(env: Environment, dataDir: string): string {
  const value = env("DATABASE_URL") ?? `sqlite:${dataDir}/metacore.db`;
  if (/^(sqlite:.+|postgres(ql)?:\/\/.+)$/.test(value)) return value;
  // The value may hold a password, so the message does not repeat it.
  throw refuse(
    "DATABASE_URL",
    "…",
    "sqlite:path, sqlite::memory: or postgres://user@host/database",
  );
}

function readOwnerUrl(env: Environment): string | undefined {
  const value = env("DATABASE_OWNER_URL");
  if (value === undefined || /^postgres(ql)?:\/\/.+$/.test(value)) return value;
  throw refuse("DATABASE_OWNER_URL", "…", "postgres://user@host/database");
}

function readOrigins(env: Environment): string[] {
  const origins = (env("METACORE_CORS_ORIGINS") ?? "").split(",").map((part) => part.trim());
  return origins.filter(Boolean).map((origin) => {
    if (URL.canParse(origin) && new URL(origin).origin === origin) return origin;
    throw refuse("METACORE_CORS_ORIGINS", origin, "origins such as https://app.example.com");
  });
}

function readProxies(env: Environment): string[] {
  const proxies = (env("METACORE_TRUSTED_PROXIES") ?? "").split(",").map((part) => part.trim());
  return proxies.filter(Boolean).map((proxy) => {
    if (/^(\d{1,3}(\.\d{1,3}){3}|[0-9a-f:]*:[0-9a-f:.]+)$/i.test(proxy)) return proxy.toLowerCase();
    throw refuse(
      "METACORE_TRUSTED_PROXIES",
      proxy,
      "addresses such as 10.0.0.5, separated by commas",
    );
  });
}

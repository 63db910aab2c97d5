/**
 * From the environment to a kernel's options: settings, the two secrets, a logger.
 *
 * @module
 */

import type { KernelOptions } from "../kernel/options.ts";
import { obtainSecretTexts } from "../kernel/secrets.ts";
import { readSettings } from "../kernel/settings.ts";
import type { Settings } from "../kernel/settings.ts";
import { readTrustedKeys, trustPolicyOf } from "../kernel/trust_settings.ts";
import { KernelError } from "../base/error.ts";
import type { TrustPolicy } from "../bundle/trust/trust.ts";
import { createLogger } from "../telemetry/log.ts";
import { printError } from "./output.ts";

/** What a command works with. */
export interface Environment {
  readonly settings: Settings;
  /** Whom the operator trusts; part of the options as well. */
  readonly trust: TrustPolicy;
  readonly options: KernelOptions;
}

/**
 * Reads the environment.
 *
 * @returns settings and options for a kernel.
 * @throws {KernelError} kernel.invalid_setting, kernel.weak_key
 */
export async function readEnvironment(): Promise<Environment> {
  const settings = readSettings((name) => Deno.env.get(name));
  const trust = await readTrust(settings);
  const logger = createLogger({
    level: settings.logLevel,
    format: settings.logFormat,
    sink: printError,
    nowMs: () => Date.now(),
  });
  const secrets = await obtainSecretTexts({
    ...(settings.jwtSecret === undefined ? {} : { jwtSecret: settings.jwtSecret }),
    ...(settings.masterKey === undefined ? {} : { masterKey: settings.masterKey }),
    dataDir: settings.dataDir,
    logger,
  });
  return {
    settings,
    trust,
    options: {
      databaseUrl: settings.databaseUrl,
      ...(settings.databaseOwnerUrl === undefined
        ? {}
        : { databaseOwnerUrl: settings.databaseOwnerUrl }),
      ...secrets,
      trust,
      registration: settings.registration,
      corsOrigins: settings.corsOrigins,
      enforcement: settings.enforcement,
      ...(settings.egress === undefined ? {} : { egress: settings.egress }),
      sandbox: settings.sandbox,
      ...(settings.catalogDir === undefined ? {} : { catalogDir: settings.catalogDir }),
      ...(settings.operatorToken === undefined ? {} : { operatorToken: settings.operatorToken }),
      logger,
    },
  };
}

/**
 * Puts together whom the environment trusts, reading the file of keys where one is named.
 *
 * @param settings the settings.
 * @returns the policy.
 * @throws {KernelError} kernel.invalid_setting — the file cannot be read, or holds what it must not.
 */
export async function readTrust(settings: Settings): Promise<TrustPolicy> {
  const { marketplaceKeys, trustedKeysFile: path, unsignedBundles } = settings;
  if (path === undefined) return trustPolicyOf(marketplaceKeys, [], unsignedBundles);
  const keys = readTrustedKeys(await readKeysFile(path), path);
  return trustPolicyOf(marketplaceKeys, keys, unsignedBundles);
}

async function readKeysFile(path: string): Promise<string> {
  try {
    return await Deno.readTextFile(path);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new KernelError({
      code: "kernel.invalid_setting",
      kind: "precondition",
      message: `METACORE_TRUSTED_KEYS_FILE ${path} cannot be read: ${reason}`,
      details: { setting: "METACORE_TRUSTED_KEYS_FILE" },
      cause,
    });
  }
}

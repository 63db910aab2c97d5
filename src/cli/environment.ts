/**
 * From the environment to a kernel's options: settings, the two secrets, a logger.
 *
 * @module
 */

import type { KernelOptions } from "../kernel/options.ts";
import { obtainSecretTexts } from "../kernel/secrets.ts";
import { readSettings } from "../kernel/settings.ts";
import type { Settings } from "../kernel/settings.ts";
import { createLogger } from "../telemetry/log.ts";
import { printError } from "./output.ts";

/** What a command works with. */
export interface Environment {
  readonly settings: Settings;
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
    options: {
      databaseUrl: settings.databaseUrl,
      ...(settings.databaseOwnerUrl === undefined
        ? {}
        : { databaseOwnerUrl: settings.databaseOwnerUrl }),
      ...secrets,
      // Keys are configured: then nothing unsigned may enter, whatever the other setting says.
      unsignedBundles: settings.marketplaceKeys.length > 0 ? "refuse" : settings.unsignedBundles,
      registration: settings.registration,
      corsOrigins: settings.corsOrigins,
      enforcement: settings.enforcement,
      ...(settings.egress === undefined ? {} : { egress: settings.egress }),
      sandbox: settings.sandbox,
      ...(settings.operatorToken === undefined ? {} : { operatorToken: settings.operatorToken }),
      logger,
    },
  };
}

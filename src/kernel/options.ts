/**
 * What an embedding application gives the kernel. Presence of an option enables what it describes;
 * everything that widens access has a default that refuses.
 *
 * @module
 */

import type { Clock } from "../base/clock.ts";
import type { IdSource } from "../base/ids.ts";
import type { FaultPort } from "../db/database.ts";
import type { Logger } from "../telemetry/log.ts";
import type { NavigationGroup } from "../bundle/manifest/manifest.ts";
import type { HostModelDefinition } from "../models/host_model.ts";

/** Options of {@link createKernel}. */
export interface KernelOptions {
  /** `sqlite:path`, `sqlite::memory:` or `postgres://user@host/database`. */
  readonly databaseUrl: string;
  /**
   * Postgres only: a connection whose role owns schemas and tables, used for migrations and
   * installs alone. The role of `databaseUrl` then owns nothing.
   *
   * @default the connection of `databaseUrl`
   */
  readonly databaseOwnerUrl?: string;
  /** Signs tokens: at least 32 bytes of UTF-8 text. */
  readonly jwtSecret: string;
  /** Encrypts secrets at rest: 32 bytes as 64 hex digits or base64. */
  readonly masterKey: string;
  /** Models of the host application itself. @default none */
  readonly models?: readonly HostModelDefinition[];
  /** Navigation groups into which addons put their entries. @default none */
  readonly navigation?: readonly NavigationGroup[];
  /** Whether bundles without a verified signature may be installed. @default "refuse" */
  readonly unsignedBundles?: "refuse" | "allow";
  /** Whether strangers may open an organization through `/api/auth/register`. @default "closed" */
  readonly registration?: "open" | "closed";
  /** How long a token is valid, in seconds, 60 to 2,592,000. @default 86,400 */
  readonly tokenLifetimeSeconds?: number;
  /** Origins whose pages may call the API. @default none */
  readonly corsOrigins?: readonly string[];
  /** Takes log lines. @default nothing is logged */
  readonly logger?: Logger;
  /** Tells the time. @default the system's clock */
  readonly clock?: Clock;
  /** Makes identifiers. @default UUIDv7 of the system's clock and random numbers */
  readonly ids?: IdSource;
  /**
   * Stands at every statement boundary of the database; tests crash there.
   *
   * @internal
   */
  readonly fault?: FaultPort;
}

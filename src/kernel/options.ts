/**
 * What an embedding application gives the kernel. Presence of an option enables what it describes;
 * everything that widens access has a default that refuses.
 *
 * @module
 */

import type { CompiledAddon } from "../addons/compiled/compiled_addon.ts";
import type { Clock } from "../base/clock.ts";
import type { IdSource } from "../base/ids.ts";
import type { FaultPort } from "../db/database.ts";
import type { EnforcementMode } from "../access/capability.ts";
import type { Logger } from "../telemetry/log.ts";
import type { NavigationGroup } from "../bundle/manifest/manifest.ts";
import type { TrustPolicy } from "../bundle/trust/trust.ts";
import type { HostValidator } from "../models/custom_validators.ts";
import type { HostModelDefinition } from "../models/host_model.ts";

/** Which outbound HTTP requests addons may make at all, beside their own capabilities. */
export interface EgressSettings {
  /** `any` public host, or these: `api.example.com`, `*.example.com`, `example.com:8443`. */
  readonly hosts: "any" | readonly string[];
  /**
   * Addresses that are not public and may be reached all the same: `10.0.0.5`, `10.1.0.0/16`,
   * `127.0.0.1:9000`. @default none
   */
  readonly privateAddresses?: readonly string[];
}

/** Bounds on addon code. */
export interface SandboxSettings {
  /** Most workers, 1 to 1,024; each is a thread of about 8 MiB. @default 2 per core, 4 or more */
  readonly maxWorkers?: number;
  /** Most workers of one addon. @default half of `maxWorkers` */
  readonly maxWorkersPerAddon?: number;
  /** Most memory of one instance, in MiB, 1 to 4,096. @default 256 */
  readonly memoryLimitMiB?: number;
  /** Longest an invocation may take, in milliseconds, 10 to 30,000. @default 30,000 */
  readonly timeoutMs?: number;
  /** CPU budget of an invocation in checks (loop turns and calls), 1,000 or more. @default none */
  readonly fuel?: number;
}

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
  /**
   * Validators that columns name in `validation.custom`, by dotted name such as `fiscal.rfc`: what they
   * return is the complaint about a value, nothing is none. @default none
   */
  readonly validators?: Readonly<Record<string, HostValidator>>;
  /** Navigation groups into which addons put their entries. @default none */
  readonly navigation?: readonly NavigationGroup[];
  /** Addons that the host application brings as code. @default none */
  readonly addons?: readonly CompiledAddon[];
  /**
   * Whose signatures bundles must carry. With it `unsignedBundles` says nothing.
   *
   * @default no keys, and unsigned bundles as `unsignedBundles` says
   */
  readonly trust?: TrustPolicy;
  /** Whether bundles without a verified signature may be installed. @default "refuse" */
  readonly unsignedBundles?: "refuse" | "allow";
  /** Whether strangers may open an organization through `/api/auth/register`. @default "closed" */
  readonly registration?: "open" | "closed";
  /**
   * Whether capabilities that an addon lacks refuse, or are only recorded (`shadow`): for trying a
   * manifest out. Tenant isolation, SQL checks, address checks and limits have no shadow.
   *
   * @default "enforce"
   */
  readonly enforcement?: EnforcementMode;
  /** Outbound HTTP of addons. @default none: every request of an addon is refused */
  readonly egress?: EgressSettings;
  /** Bounds on addon code. */
  readonly sandbox?: SandboxSettings;
  /**
   * Folder with bundles (`*.tgz`, `*.tar.gz`, `<file>.sig` beside them) that can be installed without
   * an upload. @default none
   */
  readonly catalogDir?: string;
  /**
   * What operators present as bearer token for `/metrics` and `/api/operator`, 32 characters or
   * more. @default those routes refuse everybody
   */
  readonly operatorToken?: string;
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

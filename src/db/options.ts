/**
 * How a database is opened. Only values: reading them from the environment belongs to the kernel.
 *
 * @module
 */

import type { Logger } from "../telemetry/log.ts";
import type { FaultPort } from "./database.ts";

/** How a database is opened. */
export interface DatabaseOptions {
  /**
   * `sqlite:<path>`, `sqlite::memory:` or `postgres://user:password@host:port/database`. With
   * `?prepared_statements=off` statements stay unnamed, for proxies that share server sessions.
   */
  readonly url: string;
  /**
   * Postgres only: the same database under the role that owns schemas and tables. Schema changes
   * go through it, so that the role of {@link url} may own nothing.
   *
   * @default the role of `url` changes schemas itself
   */
  readonly ownerUrl?: string;
  /** Takes notes about connections that were lost. */
  readonly logger: Logger;
  /** Postgres connections held at most, 1 to 100. @default 10 */
  readonly maxConnections?: number;
  /** How long a free connection or the writer's turn is waited for. @default 2000 on Postgres, 10000 on SQLite */
  readonly acquireTimeoutMs?: number;
  /** After this a single statement is cancelled (Postgres). @default 15000 */
  readonly statementTimeoutMs?: number;
  /** After this a statement of a schema change is cancelled (Postgres). @default 300000 */
  readonly schemaTimeoutMs?: number;
  /**
   * SQLite only, what a committed write survives: `process` the end of the process in any way (not
   * a power cut, which may take the last commits but never damages the file); `power` both, at
   * many times the cost of a commit (a wait for the disk each).
   *
   * @default "process"
   */
  readonly durability?: "process" | "power";
  /** Stands at every statement boundary; tests crash there. */
  readonly fault?: FaultPort;
}

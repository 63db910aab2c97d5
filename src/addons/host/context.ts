/**
 * What host functions are given: who is calling for whom, and the services that do the work. Both
 * interfaces bind to the same services.
 *
 * @module
 */

import type { Clock } from "../../base/clock.ts";
import type { IdSource } from "../../base/ids.ts";
import type { Json } from "../../base/json.ts";
import type { CapabilitySubject, Enforcer } from "../../access/capability.ts";
import type { Database, Transaction } from "../../db/database.ts";
import type { GuestSql } from "../../db/guest_sql/guest_sql.ts";
import type { Egress } from "../../egress/egress.ts";
import type { Abi } from "../../sandbox/abi.ts";
import type { AuditRecord, AuditSink } from "../../telemetry/audit.ts";
import type { AuditLimit } from "../../telemetry/audit_limit.ts";
import type { Logger } from "../../telemetry/log.ts";
import type { AuditRate } from "./audit_rate.ts";
import type { HostFigures } from "./figures.ts";
import type { HostLimits } from "./limits.ts";
import type { MetricDam } from "./metric_dam.ts";
import type { HostRates } from "./rate.ts";
import type { ScheduleStore } from "./schedule_store.ts";
import type { SecretStore } from "./secret_store.ts";
import type { ValueQuota, ValueStore } from "./value_store.ts";

/** One invocation, as its host functions see it. */
export interface HostContext {
  /** Addon, installation, organization, request and rights: never the guest's own word. */
  readonly subject: CapabilitySubject;
  /** User who caused the invocation. @default the system */
  readonly actorId?: string;
  readonly abi: Abi;
  /** Level of the interface, see `LoadedModule.level`. */
  readonly level: string;
  /** What `env_get` answers. */
  readonly settings: ReadonlyMap<string, string>;
  /** Physical schema (or prefix) of the addon's own tables. */
  readonly schemaName: string;
  /**
   * Finds the tables of another addon.
   *
   * @param addonKey the other addon.
   * @returns their physical schema, or undefined when it is not installed in this organization.
   */
  readonly findSchema: (addonKey: string) => string | undefined;
  /** The running transaction of the action that is served. */
  readonly transaction?: Transaction;
  /** Whether the action asked to run in a transaction: then statements never open their own. */
  readonly transactionMode: "none" | "action";
  /** Name of a GoNext plugin in audit names and schedules. @default the addon key */
  readonly slug?: string;
  /** Bounds of its key-value store. @default see `value_store.ts` */
  readonly valueQuota?: ValueQuota;
}

/** A user as guests may see one. */
export interface HostUser {
  readonly id: string;
  readonly displayName: string;
  readonly roles: readonly string[];
}

/** What only some hosts have. */
export interface OptionalHostServices {
  /** Finds a user of an organization. */
  readonly findUser?: (organizationId: string, id: string) => Promise<HostUser | undefined>;
  /** Finds a medium of an organization; the answer goes to the guest as it is. */
  readonly findMedium?: (
    organizationId: string,
    id: string,
  ) => Promise<Readonly<Record<string, Json>> | undefined>;
  /** Translates a key; undefined where there is no translation. */
  readonly translate?: (
    organizationId: string,
    addonKey: string,
    key: string,
    locale: string,
  ) => string | undefined;
  /** Tells how many subscribers an event has. @default none are counted */
  readonly countSubscribers?: (organizationId: string, eventName: string) => number;
}

/** The kernel's services behind host functions, one set for all invocations. */
export interface HostServices extends OptionalHostServices {
  readonly database: Database;
  readonly guestSql: GuestSql;
  readonly egress: Egress;
  readonly enforcer: Enforcer;
  readonly audit: AuditSink;
  /** Stands before the audit; to be flushed before that is closed. */
  readonly auditLimit: AuditLimit<AuditRecord>;
  readonly logger: Logger;
  readonly clock: Clock;
  readonly ids: IdSource;
  readonly limits: HostLimits;
  readonly figures: HostFigures;
  readonly rates: HostRates;
  readonly auditRate: AuditRate;
  readonly metricDam: MetricDam;
  readonly values: ValueStore;
  readonly secrets: SecretStore;
  readonly schedules: ScheduleStore;
}

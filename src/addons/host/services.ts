/**
 * Makes the services behind host functions: one set for the whole kernel, because rates, buckets and
 * the dam hold across invocations.
 *
 * @module
 */

import type { Metrics } from "../../telemetry/metrics.ts";
import { createHostAuditLimit } from "./audit.ts";
import { AuditRate } from "./audit_rate.ts";
import type { HostServices, OptionalHostServices } from "./context.ts";
import { createHostFigures } from "./figures.ts";
import { DEFAULT_HOST_LIMITS, type HostLimits } from "./limits.ts";
import { MetricDam } from "./metric_dam.ts";
import { HostRates } from "./rate.ts";
import { createScheduleStore } from "./schedule_store.ts";
import { createSecretStore } from "./secret_store.ts";
import { createValueStore } from "./value_store.ts";

/** What the services are made of. */
export interface HostServicesOptions extends OptionalHostServices {
  readonly database: HostServices["database"];
  readonly guestSql: HostServices["guestSql"];
  readonly egress: HostServices["egress"];
  readonly enforcer: HostServices["enforcer"];
  readonly audit: HostServices["audit"];
  readonly metrics: Metrics;
  readonly logger: HostServices["logger"];
  readonly clock: HostServices["clock"];
  readonly ids: HostServices["ids"];
  /** 32 bytes that secrets are sealed under. */
  readonly masterKey: Uint8Array;
  /** Bounds that differ from {@link DEFAULT_HOST_LIMITS}, by kind. */
  readonly limits?: Partial<HostLimits>;
}

/**
 * Makes the services.
 *
 * @param options the rooms below, and bounds.
 * @returns the services.
 */
export function createHostServices(options: HostServicesOptions): HostServices {
  const { metrics, masterKey, limits, ...rest } = options;
  const { database, clock } = options;
  return {
    ...rest,
    limits: { ...DEFAULT_HOST_LIMITS, ...limits },
    figures: createHostFigures(metrics),
    rates: new HostRates(clock),
    auditLimit: createHostAuditLimit(options.audit, clock),
    auditRate: new AuditRate(clock),
    metricDam: new MetricDam(),
    values: createValueStore(database, clock),
    secrets: createSecretStore(database, masterKey, clock),
    schedules: createScheduleStore(database, clock),
  };
}

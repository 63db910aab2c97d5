/**
 * Audit records of what addon code does through host functions, with the ids that only the kernel
 * knows. What repeats is told now and then with its number: a guest must not be able to push the
 * records of others, or of its own violations, out of the audit.
 *
 * @module
 */

import type { AuditRecord, AuditSink } from "../../telemetry/audit.ts";
import { AuditLimit } from "../../telemetry/audit_limit.ts";
import type { Clock } from "../../base/clock.ts";
import type { HostInvocation } from "./host_function.ts";

/** What a record says. */
export interface HostRecord {
  readonly name: string;
  readonly details: NonNullable<AuditRecord["details"]>;
  /** @default "info" */
  readonly severity?: AuditRecord["severity"];
  /** Tells it from others of its name, which are counted as one. @default "" */
  readonly variant?: string;
}

/**
 * Makes the limit before the audit.
 *
 * @param audit where records go.
 * @param clock the time.
 * @returns the limit; to be flushed before the audit is closed.
 */
export function createHostAuditLimit(audit: AuditSink, clock: Clock): AuditLimit<AuditRecord> {
  const counted = (record: AuditRecord, count: number, more: AuditRecord["details"] = {}) =>
    audit.record(
      count === 1 ? record : { ...record, details: { ...record.details, ...more, count } },
    );
  return new AuditLimit<AuditRecord>(
    clock,
    (record, count) => counted(record, count),
    (record, count) => counted(record, count, { differing: true }),
  );
}

/**
 * Records what a host function did or refused.
 *
 * @param invocation who asked for it.
 * @param record what happened.
 */
export function recordCall(invocation: HostInvocation, record: HostRecord): void {
  const { organizationId, addonKey } = invocation.context.subject;
  const source = `${organizationId}\n${addonKey}`;
  const key = `${record.name}\n${record.variant ?? ""}`;
  invocation.services.auditLimit.take(source, key, recordOf(invocation, record));
}

/**
 * Records what the addon itself has to say: each record is kept. Whoever calls it has taken a token
 * of the addon's bucket.
 *
 * @param invocation who says it.
 * @param record what it says, under a name that shows whose it is.
 */
export function recordOwn(invocation: HostInvocation, record: HostRecord): void {
  invocation.services.audit.record(recordOf(invocation, record));
}

function recordOf({ context }: HostInvocation, record: HostRecord): AuditRecord {
  const { addonKey, installationId, organizationId, requestId } = context.subject;
  return {
    name: record.name,
    severity: record.severity ?? "info",
    organizationId,
    addonKey,
    installationId,
    requestId,
    ...context.actorId !== undefined && { actorId: context.actorId },
    details: record.details,
  };
}

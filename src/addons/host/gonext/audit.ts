/**
 * Audit records of what plugins do, with the ids that only the kernel knows.
 *
 * @module
 */

import type { AuditRecord } from "../../../telemetry/audit.ts";
import type { HostInvocation } from "../host_function.ts";

/**
 * Records something.
 *
 * @param invocation who did it.
 * @param name what happened.
 * @param details facts about it.
 * @param severity how bad it is. @default "info"
 */
export function recordAudit(
  { context, services }: HostInvocation,
  name: string,
  details: NonNullable<AuditRecord["details"]>,
  severity: AuditRecord["severity"] = "info",
): void {
  const { addonKey, installationId, organizationId, requestId } = context.subject;
  services.audit.record({
    name,
    severity,
    organizationId,
    addonKey,
    installationId,
    requestId,
    ...context.actorId !== undefined && { actorId: context.actorId },
    details,
  });
}

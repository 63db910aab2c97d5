/**
 * Figures, log lines and audit records of outbound requests. It never holds a path, a query, a header
 * or a body: those carry secrets.
 *
 * @module
 */

import type { Clock } from "../base/clock.ts";
import { KernelError } from "../base/error.ts";
import type { AuditSink } from "../telemetry/audit.ts";
import { AuditLimit } from "../telemetry/audit_limit.ts";
import { printable } from "../telemetry/audit_text.ts";
import type { Logger } from "../telemetry/log.ts";
import type { Counter, Gauge, Histogram, Metrics } from "../telemetry/metrics.ts";
import type { EgressRequest } from "./egress.ts";

const DURATION_BUCKETS_S = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];
const MAX_HOST_LENGTH = 256;

interface Refused {
  readonly addonKey: string;
  readonly organizationId: string;
  readonly host: string;
  readonly reason: string;
}

/** Records requests. */
export class EgressRecorder {
  readonly #options: RecorderOptions;
  readonly #requests: Counter;
  readonly #seconds: Histogram;
  readonly #workers: Gauge;
  readonly #refusals: AuditLimit<Refused>;

  /**
   * Creates a recorder.
   *
   * @param options where figures, lines and records go.
   */
  constructor(options: RecorderOptions) {
    const { metrics } = options;
    this.#options = options;
    this.#requests = metrics.counter(
      "metacore_egress_requests_total",
      "Outbound requests of addons by how they ended",
    );
    this.#seconds = metrics.histogram(
      "metacore_egress_duration_seconds",
      "Time of outbound requests, redirects included",
      DURATION_BUCKETS_S,
    );
    this.#workers = metrics.gauge("metacore_egress_workers", "Workers for outbound requests");
    this.#refusals = new AuditLimit(
      options.clock,
      (refused, count) => this.#tell(refused, { count }),
      (refused, count) => this.#tell(refused, { count, differing: true }),
    );
  }

  /** Takes the number of workers. */
  workers(count: number): void {
    this.#workers.set(count);
  }

  /**
   * Takes the end of a request.
   *
   * @param request the request.
   * @param durationMs how long it took.
   * @param error what it ended with, unless it succeeded.
   */
  ended(request: EgressRequest, durationMs: number, error?: unknown): void {
    const outcome = error === undefined ? "ok" : outcomeOf(error);
    this.#requests.add({ addon: request.addonKey, outcome });
    this.#seconds.observe(durationMs / 1000);
    if (outcome !== "forbidden" || !(error instanceof KernelError)) return;
    const reason = String(error.details?.["reason"]);
    // The enforcer records what capabilities refuse.
    if (reason !== "capability") this.#refused(request, reason);
  }

  /** Tells what has been counted only. */
  close(): void {
    this.#refusals.flush();
  }

  #refused({ addonKey, organizationId, url }: EgressRequest, reason: string): void {
    const host = printable(URL.parse(url)?.host ?? "", MAX_HOST_LENGTH);
    const source = `${addonKey}\n${organizationId}`;
    const refused = { addonKey, organizationId, host, reason };
    this.#refusals.take(source, `${reason}\n${host}`, refused);
  }

  #tell({ addonKey, organizationId, host, reason }: Refused, facts: {
    readonly count: number;
    readonly differing?: true;
  }): void {
    const { audit, logger } = this.#options;
    audit.record({
      name: "outbound.refused",
      severity: "warning",
      addonKey,
      organizationId,
      details: { host, reason, ...facts },
    });
    logger.warn("metacore.egress.refused", {
      addon: addonKey,
      organization_id: organizationId,
      host,
      reason,
      ...facts,
    });
  }
}

/** What a recorder is made of. */
export interface RecorderOptions {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly audit: AuditSink;
}

function outcomeOf(error: unknown): string {
  if (!(error instanceof KernelError)) return "internal";
  return error.code.replace(/^egress\./, "");
}

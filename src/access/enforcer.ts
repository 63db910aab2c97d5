/**
 * Decides on the capabilities of addons, counts every decision and records every violation
 * (decision D7). Shadow relaxes this decision alone: isolation, SQL shape, addresses and limits are
 * decided elsewhere and have no shadow.
 *
 * @module
 */

import type { Clock } from "../base/clock.ts";
import type { AuditSink } from "../telemetry/audit.ts";
import { AuditLimit } from "../telemetry/audit_limit.ts";
import { printable } from "../telemetry/audit_text.ts";
import type { Logger } from "../telemetry/log.ts";
import type { Counter, Labels, Metrics } from "../telemetry/metrics.ts";
import type { CapabilitySubject, EnforcementMode, Enforcer } from "./capability.ts";
import { invalidMode } from "./errors.ts";

/** How an enforcer is made. */
export interface EnforcerOptions {
  /** @default "enforce" */
  readonly mode?: EnforcementMode;
  readonly audit: AuditSink;
  readonly metrics: Metrics;
  readonly logger: Logger;
  readonly clock: Clock;
}

/** An enforcer whose records can be brought up to date. */
export interface CountingEnforcer extends Enforcer {
  /** Records violations that have been counted only; called before the audit is flushed at the end. */
  flush(): void;
}

/** A right that was not held. */
interface Violation {
  readonly subject: Omit<CapabilitySubject, "capabilities">;
  readonly kind: string;
  readonly target: string;
  readonly mode: EnforcementMode;
}

type Decision = "allowed" | "denied" | "shadowed";

const MAX_KIND_LENGTH = 64;
const MAX_TARGET_LENGTH = 256;
/** Kinds come from the kernel's own tables of host functions; more than these are one. */
const MAX_KINDS = 64;
const MODES: ReadonlySet<string> = new Set<EnforcementMode>(["enforce", "shadow"]);

/**
 * Makes an enforcer.
 *
 * @param options mode, and where decisions are recorded.
 * @returns the enforcer.
 * @throws {KernelError} access.invalid_mode — the mode is neither `enforce` nor `shadow`.
 */
export function createEnforcer(options: EnforcerOptions): CountingEnforcer {
  return new RecordingEnforcer(options);
}

class RecordingEnforcer implements CountingEnforcer {
  readonly #options: EnforcerOptions;
  readonly #decisions: DecisionCounter;
  readonly #violations: AuditLimit<Violation>;
  #mode: EnforcementMode;
  #changes = 0;

  constructor(options: EnforcerOptions) {
    this.#options = options;
    this.#mode = knownMode(options.mode ?? "enforce");
    this.#decisions = new DecisionCounter(options.metrics);
    this.#violations = new AuditLimit(
      options.clock,
      (violation, count) => this.#record(violation, { count }),
      (violation, count) => this.#record(violation, { count, differing: true }),
    );
    this.#showMode();
    if (this.#mode === "shadow") this.#announceShadow();
  }

  get mode(): EnforcementMode {
    return this.#mode;
  }

  async setMode(mode: EnforcementMode, by: string): Promise<void> {
    const { audit, logger } = this.#options;
    const from = this.#mode;
    const to = knownMode(mode);
    const actor = printable(by, MAX_TARGET_LENGTH);
    this.flush();
    audit.record({
      name: "enforcement.changed",
      severity: "warning",
      actorId: actor,
      details: { from, to },
    });
    // What narrows holds at once; what widens waits until the record is written or could not be (the
    // log has it then), and for nobody who has asked for something else meanwhile.
    const change = ++this.#changes;
    if (to === "enforce") this.#mode = to;
    await audit.flush();
    if (change === this.#changes) this.#mode = to;
    this.#showMode();
    logger.warn("metacore.enforcement.changed", { from, to, by: actor });
    if (to === "shadow") this.#announceShadow();
  }

  check(subject: CapabilitySubject, kind: string, target: string): boolean {
    const mode = this.#mode;
    if (subject.capabilities.allows(kind, target)) {
      this.#decisions.count(kind, "allowed", mode);
      return true;
    }
    const isShadow = mode === "shadow";
    this.#decisions.count(kind, isShadow ? "shadowed" : "denied", mode);
    this.#take(subject, kind, target, mode);
    return isShadow;
  }

  flush(): void {
    this.#violations.flush();
  }

  #take(subject: CapabilitySubject, kind: string, target: string, mode: EnforcementMode): void {
    const { addonKey, installationId, organizationId, requestId } = subject;
    const shown = printable(target, MAX_TARGET_LENGTH);
    const key = `${kind}\n${shown}`;
    this.#violations.take(installationId, key, {
      subject: { addonKey, installationId, organizationId, requestId },
      kind: printable(kind, MAX_KIND_LENGTH),
      target: shown,
      mode,
    });
  }

  #record({ subject, kind, target, mode }: Violation, facts: {
    readonly count: number;
    readonly differing?: true;
  }): void {
    const { audit, logger } = this.#options;
    audit.record({
      name: "capability.violation",
      severity: "warning",
      addonKey: subject.addonKey,
      installationId: subject.installationId,
      organizationId: subject.organizationId,
      requestId: subject.requestId,
      details: { kind, target, mode, ...facts },
    });
    logger.warn("metacore.capability.violation", {
      mode,
      addon: subject.addonKey,
      kind,
      target,
      installation_id: subject.installationId,
      organization_id: subject.organizationId,
      request_id: subject.requestId,
      ...facts,
    });
  }

  #showMode(): void {
    this.#options.metrics.gauge(
      "metacore_enforcement_shadow",
      "1 while capabilities that addons lack are only recorded, 0 while they are refused",
    ).set(this.#mode === "shadow" ? 1 : 0);
  }

  #announceShadow(): void {
    this.#options.logger.warn(
      "capabilities are not enforced: what addons may not do is recorded and goes on",
      { mode: "shadow" },
    );
  }
}

/** Counts decisions; the labels of each are made once. */
class DecisionCounter {
  readonly #counter: Counter;
  readonly #labels = new Map<string, Readonly<Record<Decision, Labels>>>();

  constructor(metrics: Metrics) {
    this.#counter = metrics.counter(
      "metacore_capability_decisions_total",
      "Decisions on capabilities of addons",
    );
  }

  count(kind: string, decision: Decision, mode: EnforcementMode): void {
    const key = mode === "enforce" ? kind : `shadow ${kind}`;
    this.#counter.add((this.#labels.get(key) ?? this.#make(key, kind, mode))[decision]);
  }

  #make(key: string, kind: string, mode: EnforcementMode): Readonly<Record<Decision, Labels>> {
    const isKnown = this.#labels.size < MAX_KINDS;
    const shown = isKnown ? printable(kind, MAX_KIND_LENGTH) : "_overflow";
    const made = {
      allowed: Object.freeze({ kind: shown, decision: "allowed", mode }),
      denied: Object.freeze({ kind: shown, decision: "denied", mode }),
      shadowed: Object.freeze({ kind: shown, decision: "shadowed", mode }),
    };
    if (isKnown) this.#labels.set(key, made);
    return made;
  }
}

/** Types do not hold what comes from a request: an unknown word must not become either mode. */
function knownMode(mode: EnforcementMode): EnforcementMode {
  if (MODES.has(mode)) return mode;
  throw invalidMode(String(mode));
}

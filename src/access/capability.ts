/**
 * What an addon may do: rights named by kind and target, compiled once at install
 * (contract/metacore.md §6.2). Deciding is `enforcer.ts`.
 *
 * @module
 */

/** A right as a manifest asks for it. */
export interface Capability {
  /** Such as `db:read`, `http:fetch`, `event:emit`. */
  readonly kind: string;
  /** A table, host or event, or a pattern of them. */
  readonly target: string;
}

/** The rights of one installation, compiled. */
export interface CapabilitySet {
  /**
   * Tells whether a right is held.
   *
   * @param kind such as `db:read`.
   * @param target what it is about to be used on.
   */
  allows(kind: string, target: string): boolean;
  /** Tells whether any right of a kind is held, whatever its target. */
  holds(kind: string): boolean;
  /** Targets held of a kind, as written. */
  targets(kind: string): readonly string[];
}

/** Who is asking, for decisions and records. */
export interface CapabilitySubject {
  readonly addonKey: string;
  readonly installationId: string;
  readonly organizationId: string;
  readonly requestId: string;
  readonly capabilities: CapabilitySet;
}

/** Whether a missing right refuses (`enforce`) or is only recorded (`shadow`): decision D7. */
export type EnforcementMode = "enforce" | "shadow";

/** Decides on capabilities. */
export interface Enforcer {
  readonly mode: EnforcementMode;
  /**
   * Changes the mode while the kernel runs; recorded in the audit.
   *
   * @param mode the new mode.
   * @param by who asked, for the record.
   */
  setMode(mode: EnforcementMode, by: string): Promise<void>;
  /**
   * Decides, counts the decision and records a violation.
   *
   * @returns true when the call may go on: the right is held, or the mode is `shadow`.
   */
  check(subject: CapabilitySubject, kind: string, target: string): boolean;
}

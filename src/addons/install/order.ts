/**
 * What a change of an installation is made from, gathered before its transaction begins: a bundle
 * that was opened and admitted, and the installation as it was looked at.
 *
 * @module
 */

import type { Caller } from "../../base/caller.ts";
import type { Bundle } from "../../bundle/bundle.ts";
import type { VerifiedSignature } from "../../bundle/trust/trust.ts";
import type { GuestCode } from "../../sandbox/sandbox.ts";
import type { InstallTerms } from "../addon_service.ts";
import type { InstallationRow } from "../installation_store.ts";
import type { LiveInstallation } from "../live_installations.ts";
import type { SealedModule } from "../code/prepared_store.ts";
import type { PlanOperation } from "../plan/installation_plan.ts";
import type { InstallSecret } from "./secret.ts";

/** A bundle that has passed every station before the plan. */
export interface Candidate {
  readonly bundle: Bundle;
  readonly archive: Uint8Array;
  /** Absent for an unsigned bundle. */
  readonly signature?: VerifiedSignature;
  /** `compiled`: the bundle stands for code of the host application. */
  readonly source: "bundle" | "compiled";
  /** The bundle's module as it will run, with the name it is kept under; absent without code. */
  readonly code?: CandidateCode;
}

/** The module of a candidate. */
export interface CandidateCode {
  readonly id: string;
  readonly module: SealedModule;
  readonly guest: GuestCode;
}

/** One bundle for one organization. */
export interface ChangeOrder {
  readonly caller: Caller;
  readonly candidate: Candidate;
  readonly operation: PlanOperation;
  /** The row as it was looked at; absent where there was none. */
  readonly before?: InstallationRow;
  /** The installation as it will be. */
  readonly after: LiveInstallation;
  /** The new secret; absent where the old one stays. */
  readonly secret?: InstallSecret;
  readonly terms: InstallTerms;
  /** RFC 3339 time. */
  readonly at: string;
  /** Identifier of the event. */
  readonly eventId: string;
}

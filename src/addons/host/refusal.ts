/**
 * Why a host function gave nothing: one set of words inside the kernel, which each interface's
 * encoder turns into its own (contract/two_abis.md §4). It never travels beyond the host port.
 *
 * @module
 */

import type { HostReply } from "../../sandbox/sandbox.ts";

/** The kernel's own word for a refusal. */
export type RefusalKind =
  | "bad_request"
  /** The addon lacks the capability. */
  | "denied"
  /** The addon may do such things, but not to this target. */
  | "blocked"
  | "rate_limited"
  /** A budget or quota is used up. */
  | "quota"
  | "not_found"
  /** What stands behind the function failed: a remote server, a constraint. */
  | "upstream"
  /** The service is not there. */
  | "unavailable"
  | "internal";

/** Ends a host function; the guest sees its kind or its code, never a kernel error's own text. */
export class Refusal extends Error {
  /** The kernel's word. */
  readonly kind: RefusalKind;
  /** The word that metacore guests see. */
  readonly code: string;

  /**
   * Makes a refusal.
   *
   * @param kind the kernel's word.
   * @param message one sentence for the addon's author; goes to the guest, so it holds no secrets.
   * @param code word of the metacore interface. @default the one that stands for the kind
   */
  constructor(kind: RefusalKind, message: string, code: string = METACORE_CODES[kind]) {
    super(message);
    this.name = "Refusal";
    this.kind = kind;
    this.code = code;
  }
}

/** Answers a refusal in the words of an interface. */
export type RefusalEncoder = (refusal: Refusal, durationMs: number) => HostReply;

const METACORE_CODES: Readonly<Record<RefusalKind, string>> = {
  bad_request: "bad_request",
  denied: "forbidden",
  blocked: "forbidden",
  rate_limited: "rate_limited",
  quota: "rate_limited",
  not_found: "not_found",
  upstream: "transport",
  unavailable: "unavailable",
  internal: "runtime_error",
};

/**
 * The one error of the kernel. A failure carries a stable `code` and a transport-free `kind`;
 * HTTP statuses live in `http/` only, and nothing subclasses this.
 *
 * @module
 */

/** What sort of failure it is, free of any transport. */
export type ErrorKind =
  | "invalid"
  | "unauthenticated"
  | "forbidden"
  | "not_found"
  | "conflict"
  | "precondition"
  | "too_large"
  | "rate_limited"
  | "unavailable"
  | "timeout"
  | "unsupported"
  | "internal";

/** One complaint about one field: a code that clients translate, and its parameters. */
export interface FieldError {
  /** Stable word such as `required`, `invalid_type`, `max`. */
  readonly code: string;
  /** Values the text of the code mentions, such as `{ max: 50 }`. */
  readonly params?: Readonly<Record<string, unknown>>;
  /** The complaint in English. */
  readonly message: string;
}

/** What a {@link KernelError} is made of. */
export interface KernelErrorInit {
  /** `room.snake_case`, never reused for another meaning. */
  readonly code: string;
  /** What sort of failure it is; decides the status of an HTTP answer. */
  readonly kind: ErrorKind;
  /** One sentence for people: what failed, and what to do where that is not plain. */
  readonly message: string;
  /** Complaints by field name, where the failure is about input. */
  readonly fields?: Readonly<Record<string, readonly FieldError[]>>;
  /** Machine-readable facts. Never secrets, never SQL. */
  readonly details?: Readonly<Record<string, unknown>>;
  /** What caused it: logged, never sent. */
  readonly cause?: unknown;
}

/** A failure with a stable code. */
export class KernelError extends Error {
  /** `room.snake_case`. */
  readonly code: string;
  /** What sort of failure it is. */
  readonly kind: ErrorKind;
  /** Complaints by field name. */
  readonly fields?: Readonly<Record<string, readonly FieldError[]>>;
  /** Machine-readable facts. */
  readonly details?: Readonly<Record<string, unknown>>;

  /**
   * Creates an error.
   *
   * @param init code, kind, message and what belongs to them.
   */
  constructor(init: KernelErrorInit) {
    super(init.message, init.cause === undefined ? undefined : { cause: init.cause });
    this.name = "KernelError";
    this.code = init.code;
    this.kind = init.kind;
    if (init.fields !== undefined) this.fields = init.fields;
    if (init.details !== undefined) this.details = init.details;
  }
}

/**
 * Tells whether something thrown is a {@link KernelError}, optionally of one code.
 *
 * @param thrown anything caught.
 * @param code the code it must have.
 * @returns true when it is.
 */
export function isKernelError(thrown: unknown, code?: string): thrown is KernelError {
  return thrown instanceof KernelError && (code === undefined || thrown.code === code);
}

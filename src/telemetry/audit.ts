/**
 * Audit: a structured record of decisions and changes that somebody may have to answer for. Where
 * records go is the sink's matter; they never hold payloads or secrets.
 *
 * @module
 */

/** One record. */
export interface AuditRecord {
  /** Dotted name of what happened, such as `capability.violation` or `enforcement.changed`. */
  readonly name: string;
  /** `warning`: somebody should look at it. */
  readonly severity: "info" | "warning";
  /** The organization it is about; absent where it is about all of them. */
  readonly organizationId?: string;
  /** The addon it is about. */
  readonly addonKey?: string;
  /** The addon's installation. */
  readonly installationId?: string;
  /** The user for whom it happened; absent for the application itself. */
  readonly actorId?: string;
  /** The request in which it happened, as in the log. */
  readonly requestId?: string;
  /** Facts: texts, numbers and booleans; cut to 4 KiB. */
  readonly details?: Readonly<Record<string, string | number | boolean | null>>;
}

/** Takes records. */
export interface AuditSink {
  /** Takes a record; never throws and never blocks. Over its bound it counts instead of keeping. */
  record(record: AuditRecord): void;
  /** Settles when everything taken so far is kept, or could not be kept now; it does not fail. */
  flush(): Promise<void>;
}

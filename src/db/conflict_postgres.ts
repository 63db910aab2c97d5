/**
 * Errors of Postgres by SQLSTATE (PostgreSQL documentation, appendix A) and of its connections.
 *
 * @module
 */

import type { KernelError } from "../base/error.ts";
import {
  busy,
  checkFailed,
  type ConflictSource,
  duplicate,
  invalidValue,
  loginRefused,
  missingValue,
  notPermitted,
  notWritable,
  reference,
  schemaChanged,
  serialization,
  statementRefused,
  statementTimeout,
  tenantRefused,
  unavailable,
} from "./conflict_errors.ts";

/** What an error of the server carries. */
interface ServerError extends Error {
  readonly code: string;
  readonly severity: string;
  readonly detail?: string;
  readonly table?: string;
  readonly column?: string;
  readonly constraint?: string;
  readonly routine?: string;
}

const BY_STATE: Readonly<
  Record<string, (source: ConflictSource, error: ServerError) => KernelError>
> = {
  "23505": duplicate,
  "23503": ({ table, constraint, cause }) => referenceOf(table, constraint, cause),
  "23001": ({ table, constraint, cause }) => referenceOf(table, constraint, cause),
  "23502": missingValue,
  "23514": checkFailed,
  "40001": ({ cause }) => serialization(cause),
  "40P01": ({ cause }) => serialization(cause),
  // A text beyond what a row of an index takes.
  "54000": ({ cause }) => invalidValue("A value is too large for an index of its table", cause),
  "55P03": ({ cause }) => busy(0, cause),
  "57014": ({ cause }) => statementTimeout(cause),
  "25006": ({ cause }) => notWritable(cause),
  "42P01": ({ cause }) => schemaChanged(cause),
  "42703": ({ cause }) => schemaChanged(cause),
  "3F000": ({ cause }) => schemaChanged(cause),
  "0A000": ({ cause }, error) =>
    error.routine === "RevalidateCachedQuery" ? schemaChanged(cause) : statementRefused(cause),
  // Row-level security and missing grants share a state; the routine tells them apart.
  "42501": (source, error) =>
    error.routine === "ExecWithCheckOptions" ? tenantRefused(source) : notPermitted(source.cause),
};

const BY_CLASS: Readonly<Record<string, (cause: unknown) => KernelError>> = {
  "08": unavailable,
  "22": (cause) => invalidValue("A value does not fit its column", cause),
  "28": loginRefused,
  "3D": loginRefused,
  "53": (cause) =>
    (cause as ServerError).code === "53100" ? notWritable(cause) : unavailable(cause),
  "57": unavailable,
  "58": notWritable,
};

const NETWORK =
  /^(ECONN|EPIPE|EHOST|ENET|ENOTFOUND|EAI_|ETIMEDOUT|EADDR)|^(Connection terminated|Client has encountered a connection error|Client was closed|timeout expired|timeout exceeded when trying to connect)/;

/**
 * Maps an error of `pg`.
 *
 * @param thrown an error.
 * @returns the kernel's error, or undefined when it is none of Postgres.
 */
export function postgresConflict(thrown: Error): KernelError | undefined {
  const error = thrown as ServerError;
  if (typeof error.severity === "string" && /^[0-9A-Z]{5}$/.test(error.code ?? "")) {
    const map = BY_STATE[error.code];
    if (map !== undefined) return map(sourceOf(error), error);
    return (BY_CLASS[error.code.slice(0, 2)] ?? statementRefused)(error);
  }
  if (NETWORK.test(error.code ?? "") || NETWORK.test(error.message)) return unavailable(error);
  return undefined;
}

/** The same error for a child that points at nothing and a parent still pointed at: no columns. */
function referenceOf(
  table: string | undefined,
  constraint: string | undefined,
  cause: unknown,
): KernelError {
  return reference({
    ...(table !== undefined && { table }),
    ...(constraint !== undefined && { constraint }),
    cause,
  });
}

function sourceOf(error: ServerError): ConflictSource {
  // `Key (organization_id, lower(code))=(…) already exists.`: only plain columns are named.
  const named = /^Key \((.*?)\)=\(/.exec(error.detail ?? "")?.[1]?.split(", ") ?? [];
  const columns = error.column === undefined ? named : [error.column];
  return {
    columns: columns
      .map((column) => column.replace(/^"(.*)"$/, "$1"))
      .filter((column) => /^\w+$/.test(column) && column !== "organization_id"),
    ...(error.table !== undefined && { table: error.table }),
    ...(error.constraint !== undefined && { constraint: error.constraint }),
    cause: error,
  };
}

/**
 * Guests' SQL on Postgres: the checked text runs under a role that owns nothing, for one
 * organization, in the schemas that were named for it. Afterwards the session is proven to be as it
 * was, or given up.
 *
 * @module
 */

import { isKernelError } from "../../base/error.ts";
import type { Logger } from "../../telemetry/log.ts";
import { toKernelError } from "../conflict.ts";
import type { Transaction } from "../transaction.ts";
import { invalidStatement } from "../errors.ts";
import { wireStatement } from "../postgres_exchange.ts";
import type { PostgresSession } from "../postgres_session.ts";
import { PostgresTransaction } from "../postgres_transaction.ts";
import { GUEST_ROLE } from "../roles.ts";
import { checkGuestSql, refuseOutsize } from "./check.ts";
import { ConnectionQuota } from "./connection_quota.ts";
import { rowLimit, sqlTimeout, sqlUnavailable } from "./errors.ts";
import type { GuestSql, GuestSqlRequest, GuestSqlResult } from "./guest_sql.ts";
import { guestArgument, guestColumns, guestRows } from "./guest_value.ts";
import { GUEST_ROLE_QUERY, guestRoleProblem } from "./postgres_guest_audit.ts";
import { GuestExchange, type GuestOutcome, type GuestScript } from "./postgres_guest_exchange.ts";
import { guestFailure } from "./postgres_guest_failure.ts";
import {
  type GuestFrame,
  guestSettings,
  joiningFrame,
  standaloneFrame,
} from "./postgres_guest_frame.ts";
import { untilGone } from "./postgres_stuck.ts";
import { renderGuestSql } from "./render.ts";

/** What runs, after the first wall. */
export interface AdmittedSql {
  readonly text: string;
  /** Tables that are written. */
  readonly written: readonly { readonly schema: string; readonly table: string }[];
}

/** The first wall: makes the text that runs out of the guest's. */
export type GuestWall = (request: GuestSqlRequest) => Promise<AdmittedSql>;

/** What it needs of the database. */
export interface GuestSqlSource {
  /** Lends a session of the pool. */
  lend<T>(work: (session: PostgresSession) => Promise<T>): Promise<T>;
  /** Of the pool; guests take a quarter of them at most. */
  readonly maxConnections: number;
  readonly logger: Logger;
}

const GUESTS_SHARE = 1 / 4;
/** How long it is believed that the role of guests is as it was. */
const AUDIT_MS = 5_000;
/** The server's own timeout comes first; this one helps where it cannot. */
const GRACE_MS = 250;
/** Between two requests to interrupt the same statement. */
const CANCEL_MS = 50;
/** A cancellation that came late may hit the first attempt to put the session back. */
const ATTEMPTS = 2;
/** Longest form of a character in JSON, `\u0000`. */
const MAX_GROWTH = 6;

const ALL_LOST = "Statements of addons that the database does not interrupt hold all connections";

const encoder = new TextEncoder();

/** Guests' SQL on Postgres. */
export class PostgresGuestSql implements GuestSql {
  readonly #source: GuestSqlSource;
  readonly #quota: ConnectionQuota;
  readonly #wall: GuestWall;
  /** By the role that asked: what one may take on another may not. */
  readonly #audits = new Map<string, Audit>();

  /**
   * Prepares running; nothing is asked of the server.
   *
   * @param source the pool.
   * @param wall the first wall; tests take it away to see the second one hold.
   */
  constructor(source: GuestSqlSource, wall: GuestWall = admit) {
    this.#source = source;
    this.#wall = wall;
    this.#quota = new ConnectionQuota(
      Math.max(1, Math.floor(source.maxConnections * GUESTS_SHARE)),
    );
  }

  async unavailableBecause(): Promise<string | undefined> {
    return await this.#source.lend(async (session) =>
      this.#known(session.role)?.problem ?? await this.#ask(session)
    );
  }

  async run(request: GuestSqlRequest): Promise<GuestSqlResult> {
    const endMs = performance.now() + request.limits.timeoutMs;
    const admitted = await this.#wall(request);
    await this.#quota.take(endMs - performance.now(), request.signal);
    try {
      return await this.#source.lend((session) => this.#alone(session, request, admitted, endMs));
    } catch (thrown) {
      throw isKernelError(thrown, "db.unavailable") || isKernelError(thrown, "db.busy")
        ? sqlUnavailable("The database does not answer", thrown)
        : thrown;
    } finally {
      this.#quota.release();
    }
  }

  async runIn(tx: Transaction, request: GuestSqlRequest): Promise<GuestSqlResult> {
    if (!(tx instanceof PostgresTransaction)) {
      throw invalidStatement("The transaction is none of this database");
    }
    if (tx.organizationId?.toLowerCase() !== request.organizationId.toLowerCase()) {
      throw invalidStatement("The transaction runs for another organization than the guest");
    }
    const endMs = performance.now() + request.limits.timeoutMs;
    const admitted = await this.#wall(request);
    const { session } = tx;
    if (this.#quota.isLost) throw sqlUnavailable(ALL_LOST);
    await this.#refuseUnavailable(session);
    const frame = joiningFrame(guestSettings(request, endMs), tx.timeoutMs);
    const { outcome, isProven } = await this.#framed(session, request, admitted, endMs, frame);
    // Under the guest's role nothing of the kernel may run: the transaction ends here.
    if (!isProven) session.cut();
    return result(outcome, request);
  }

  async #alone(
    session: PostgresSession,
    request: GuestSqlRequest,
    admitted: AdmittedSql,
    endMs: number,
  ): Promise<GuestSqlResult> {
    await this.#refuseUnavailable(session);
    const frame = standaloneFrame(guestSettings(request, endMs));
    const ran = await this.#framed(session, request, admitted, endMs, frame);
    if (!ran.isProven) {
      session.abandon();
      this.#source.logger.warn("a session was not as it was after SQL of an addon: closed");
    }
    // A late cancellation would hit whatever the session runs next.
    if (ran.isCancelled) session.abandon();
    return result(ran.outcome, request);
  }

  /** Runs the statement in its frame; after a failure the frame is undone. */
  async #framed(
    session: PostgresSession,
    request: GuestSqlRequest,
    admitted: AdmittedSql,
    endMs: number,
    frame: GuestFrame,
  ): Promise<{ outcome: GuestOutcome; isProven: boolean; isCancelled: boolean }> {
    if (request.signal?.aborted) throw sqlTimeout("aborted");
    if (endMs <= performance.now()) throw sqlTimeout("waiting");
    const script = guestScript(request, admitted, frame);
    const timeoutMs = endMs - performance.now() + GRACE_MS;
    const { outcome, isCancelled } = await interruptible(
      session,
      script,
      timeoutMs,
      request.signal,
    );
    if (isCancelled && isConnectionLost(outcome)) this.#loseUntilGone(session);
    let { proof } = outcome;
    for (let i = 0; outcome.failure !== undefined && proof.length === 0 && i < ATTEMPTS; i++) {
      const undo = { opening: [], closing: () => frame.undo };
      proof = (await session.send(new GuestExchange(undo), GRACE_MS)).proof;
    }
    return { outcome, isCancelled, isProven: proof[0]?.[0] === "t" };
  }

  #loseUntilGone({ processId }: PostgresSession): void {
    if (processId === null) return;
    this.#quota.lose();
    this.#source.logger.warn("a statement of an addon runs on, its server does not interrupt it");
    // It does not fail.
    void untilGone(processId, (work) => this.#source.lend(work)).then(() => this.#quota.regain());
  }

  async #refuseUnavailable(session: PostgresSession): Promise<void> {
    const known = this.#known(session.role);
    const problem = known === undefined ? await this.#ask(session) : known.problem;
    if (problem !== undefined) throw sqlUnavailable(problem);
  }

  #known(role: string): Audit | undefined {
    const audit = this.#audits.get(role);
    return audit === undefined || audit.untilMs < performance.now() ? undefined : audit;
  }

  async #ask(session: PostgresSession): Promise<string | undefined> {
    const query = wireStatement({ sql: GUEST_ROLE_QUERY, parameters: [GUEST_ROLE] });
    const [answer] = await session.exchange([query], "values only");
    const problem = guestRoleProblem(answer!.rows[0]!);
    this.#audits.set(session.role, { untilMs: performance.now() + AUDIT_MS, problem });
    return problem;
  }
}

interface Audit {
  readonly untilMs: number;
  readonly problem: string | undefined;
}

/** The first wall as it stands: check, and render from the checked tree. */
async function admit(request: GuestSqlRequest): Promise<AdmittedSql> {
  const checked = await checkGuestSql(request);
  return {
    text: await renderGuestSql(checked),
    written: checked.relations.filter(({ access }) => access === "write")
      .map(({ schema, table }) => ({ schema, table })),
  };
}

function guestScript(
  request: GuestSqlRequest,
  { text, written }: AdmittedSql,
  frame: GuestFrame,
): GuestScript {
  refuseOutsize(request);
  const { rows, responseBytes } = request.limits;
  return {
    opening: frame.opening,
    guest: {
      text,
      values: request.arguments.map(guestArgument),
      maxRows: rows,
      maxBytes: responseBytes,
    },
    closing: (outcome) => {
      if (request.access === "read" || outcome.overflow !== undefined) return frame.undo;
      const { changes } = outcome;
      try {
        const after = changes > 0 ? request.epilogue?.(written, changes) ?? [] : [];
        return frame.keep(after.map(wireStatement));
      } catch (error) {
        outcome.failure = { stage: "closing", error: toKernelError(error) };
        return frame.undo;
      }
    },
  };
}

async function interruptible(
  session: PostgresSession,
  script: GuestScript,
  timeoutMs: number,
  signal: AbortSignal | undefined,
): Promise<{ outcome: GuestOutcome; isCancelled: boolean }> {
  let isRunning = true;
  let cancelling: Promise<void> | undefined;
  const cancel = () => {
    cancelling ??= (async () => {
      // A server that is between two messages takes no note: it is asked until it has.
      while (isRunning) {
        await session.cancel();
        await new Promise((resolve) => setTimeout(resolve, isRunning ? CANCEL_MS : 0));
      }
    })();
  };
  const timer = setTimeout(cancel, timeoutMs);
  signal?.addEventListener("abort", cancel, { once: true });
  try {
    const exchange = new GuestExchange(script, session.beforeStatement);
    const outcome = await session.send(exchange, timeoutMs);
    return { outcome, isCancelled: cancelling !== undefined };
  } finally {
    isRunning = false;
    clearTimeout(timer);
    signal?.removeEventListener("abort", cancel);
    await cancelling;
  }
}

function result(outcome: GuestOutcome, request: GuestSqlRequest): GuestSqlResult {
  const { failure, overflow, fields, changes } = outcome;
  const { rows: maxRows, responseBytes } = request.limits;
  if (failure !== undefined) {
    // What a commit finds is the guest's doing, except where statements of the kernel came before.
    throw failure.stage === "opening"
      ? sqlUnavailable("The database refused to take on the role of addons' SQL", failure.error)
      : failure.stage === "closing" && request.epilogue !== undefined
      ? toKernelError(failure.error)
      : guestFailure(failure.error, request.signal?.aborted ? "aborted" : "deadline");
  }
  if (overflow === "rows") throw rowLimit(`The result has more than ${maxRows} rows`);
  const columns = guestColumns(fields);
  const rows = guestRows(outcome.rows, columns);
  if (overflow === "bytes" || isTooLarge(outcome.rows, rows, responseBytes)) {
    throw rowLimit(`The result has more than ${responseBytes} bytes`);
  }
  return { columns, rows, changes };
}

/** Errors of the server have a severity; this one is of the connection, which was cut. */
function isConnectionLost({ failure }: GuestOutcome): boolean {
  const error = failure?.error;
  return error instanceof Error && !("severity" in error);
}

/** Written out as JSON only where the texts are long enough that it could be too long. */
function isTooLarge(
  texts: readonly (readonly (string | null)[])[],
  rows: GuestSqlResult["rows"],
  maxBytes: number,
): boolean {
  let characters = 0;
  for (const row of texts) for (const text of row) characters += (text?.length ?? 4) + 3;
  if (characters * MAX_GROWTH <= maxBytes) return false;
  return encoder.encode(JSON.stringify(rows)).length > maxBytes;
}

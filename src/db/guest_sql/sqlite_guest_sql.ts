/**
 * Guests' SQL on SQLite. The author's Postgres SQL is rendered anew from the checked tree and runs
 * behind the engine's own wall: reads on a connection that cannot write, writes as statements of the
 * kernel. A statement holds the thread, so it may run for {@link MAX_SQLITE_STATEMENT_MS} at most.
 *
 * @module
 */

import type { SQLInputValue } from "node:sqlite";
import { toKernelError } from "../conflict.ts";
import type { Transaction } from "../database.ts";
import { invalidStatement } from "../errors.ts";
import type { SqliteConnection } from "../sqlite_connection.ts";
import { SqliteTransaction } from "../sqlite_transaction.ts";
import { checkGuestSql } from "./check.ts";
import type { CheckedSql } from "./checked.ts";
import { sqlUnavailable } from "./errors.ts";
import type { GuestSql, GuestSqlRequest, GuestSqlResult } from "./guest_sql.ts";
import { applyWrite, guestColumn } from "./sqlite_apply.ts";
import { StatementBudget } from "./sqlite_budget.ts";
import { ResultRows, sqliteArgument } from "./sqlite_encode.ts";
import { guestSqlError } from "./sqlite_failure.ts";
import type { RenderContext } from "./sqlite_render_context.ts";
import { Scope } from "./sqlite_scope.ts";
import { renderQuery } from "./sqlite_select.ts";
import { SqliteTables, type TableShape } from "./sqlite_tables.ts";
import { canGuard, type GuestRun, SqliteWall } from "./sqlite_wall.ts";
import { planWrite, shapeColumns } from "./sqlite_write.ts";

/** What it needs of the database. */
export interface SqliteGuestSource {
  readonly writer: SqliteConnection;
  /** A connection of its own that only reads; undefined for a database in memory. */
  reader(): SqliteConnection | undefined;
  /** Waits for the writer's turn and gives it back after the work. */
  inTurn<T>(work: () => T): Promise<T>;
}

/** A connection with its wall. */
interface Lane {
  readonly connection: SqliteConnection;
  readonly wall: SqliteWall;
  readonly tables: SqliteTables;
}

const NEEDS_NEWER = "SQL of addons needs a newer Deno: node:sqlite has no setAuthorizer here";

/** Guests' SQL on SQLite. */
export class SqliteGuestSql implements GuestSql {
  readonly #source: SqliteGuestSource;
  readonly #check: (request: GuestSqlRequest) => Promise<CheckedSql>;
  readonly #lanes = new Map<SqliteConnection, Lane>();

  /**
   * Prepares running; nothing is opened.
   *
   * @param source the connections.
   * @param check the first wall.
   */
  constructor(source: SqliteGuestSource, check = checkGuestSql) {
    this.#source = source;
    this.#check = check;
  }

  unavailableBecause(): Promise<string | undefined> {
    return Promise.resolve(canGuard(this.#source.writer.driver) ? undefined : NEEDS_NEWER);
  }

  async run(request: GuestSqlRequest): Promise<GuestSqlResult> {
    const checked = await this.#admit(request);
    if (request.access === "write") {
      return await this.#source.inTurn(() => this.#writeAlone(checked, request));
    }
    const reader = this.#source.reader();
    if (reader !== undefined) return read(this.#lane(reader), checked, request);
    return await this.#source.inTurn(() => read(this.#lane(this.#source.writer), checked, request));
  }

  async runIn(tx: Transaction, request: GuestSqlRequest): Promise<GuestSqlResult> {
    if (!(tx instanceof SqliteTransaction)) {
      throw invalidStatement("The transaction is none of this database");
    }
    if (tx.organizationId?.toLowerCase() !== request.organizationId.toLowerCase()) {
      throw invalidStatement("The transaction runs for another organization than the guest");
    }
    const checked = await this.#admit(request);
    return tx.behindSavepoint((connection) => {
      const lane = this.#lane(connection);
      return request.access === "read"
        ? read(lane, checked, request)
        : writeWithEpilogue(lane, checked, request);
    });
  }

  async #admit(request: GuestSqlRequest): Promise<CheckedSql> {
    if (!canGuard(this.#source.writer.driver)) throw sqlUnavailable(NEEDS_NEWER);
    return await this.#check(request);
  }

  #lane(connection: SqliteConnection): Lane {
    const known = this.#lanes.get(connection);
    if (known !== undefined) return known;
    const { driver } = connection;
    // An index that the engine makes for one statement is filled without asking anybody.
    connection.pragma("automatic_index = off");
    const lane = { connection, wall: new SqliteWall(driver), tables: new SqliteTables(driver) };
    this.#lanes.set(connection, lane);
    return lane;
  }

  #writeAlone(checked: CheckedSql, request: GuestSqlRequest): GuestSqlResult {
    const { writer } = this.#source;
    const lane = this.#lane(writer);
    try {
      writer.run({ sql: "begin immediate", parameters: [] });
      const result = writeWithEpilogue(lane, checked, request);
      writer.run({ sql: "commit", parameters: [] });
      return result;
    } catch (thrown) {
      if (writer.inTransaction) writer.run({ sql: "rollback", parameters: [] });
      throw guestSqlError(thrown);
    }
  }
}

function runOf(request: GuestSqlRequest, use: "sorts" | "scans"): GuestRun {
  return {
    organizationId: request.organizationId.toLowerCase(),
    budget: new StatementBudget({
      limitMs: request.limits.timeoutMs,
      sorts: use === "sorts",
      ...request.signal && { signal: request.signal },
    }),
    nowMs: Date.now(),
  };
}

/** Renders, noting whether the statement sorts. */
class Rendering implements RenderContext {
  readonly arguments: GuestSqlRequest["arguments"];
  readonly #lane: Lane;
  use: "sorts" | "scans" = "scans";

  constructor(lane: Lane, request: GuestSqlRequest) {
    this.#lane = lane;
    this.arguments = request.arguments;
  }

  shape(node: { readonly schemaname?: string; readonly relname?: string }): TableShape {
    return this.#lane.tables.shape(node.schemaname ?? "", node.relname ?? "");
  }

  view(shape: TableShape): string {
    return this.#lane.wall.view(shape);
  }

  table(node: { readonly schemaname?: string; readonly relname?: string }) {
    const shape = this.shape(node);
    return { sql: this.view(shape), columns: shapeColumns(shape) };
  }

  query(statement: Parameters<RenderContext["query"]>[0], outer: Scope) {
    return renderQuery(statement, outer, this);
  }

  noteSort(): void {
    this.use = "sorts";
  }
}

function parametersOf(request: GuestSqlRequest): SQLInputValue[] {
  return request.arguments.map(sqliteArgument);
}

function read(lane: Lane, checked: CheckedSql, request: GuestSqlRequest): GuestSqlResult {
  const { statement } = checked;
  if (!("SelectStmt" in statement)) throw invalidStatement("A read that is no SELECT");
  const rendering = new Rendering(lane, request);
  const query = renderQuery(statement.SelectStmt, new Scope(), rendering);
  const result = new ResultRows(query.columns.map(({ type }) => type), request.limits);
  const text = { sql: query.sql, parameters: parametersOf(request) };
  lane.wall.select(text, runOf(request, rendering.use), (row) => result.add(row));
  return { columns: query.columns.map(guestColumn), rows: result.rows, changes: 0 };
}

function writeWithEpilogue(
  lane: Lane,
  checked: CheckedSql,
  request: GuestSqlRequest,
): GuestSqlResult {
  const written = checked.relations.find((relation) => relation.access === "write");
  if (written === undefined) throw invalidStatement("A write without a table");
  const rendering = new Rendering(lane, request);
  const target = lane.tables.shape(written.schema, written.table);
  const context = Object.assign(rendering, { target, targetView: lane.wall.view(target) });
  const plan = planWrite(checked, context);
  const result = applyWrite(plan, {
    connection: lane.connection,
    wall: lane.wall,
    run: runOf(request, rendering.use),
    arguments: parametersOf(request),
    limits: request.limits,
  });
  if (result.changes === 0) return result;
  const tables = [{ schema: written.schema, table: written.table }];
  for (const statement of request.epilogue?.(tables, result.changes) ?? []) {
    runEpilogue(lane.connection, statement);
  }
  return result;
}

function runEpilogue(
  connection: SqliteConnection,
  statement: { readonly sql: string; readonly parameters: readonly unknown[] },
): void {
  try {
    connection.run(statement);
  } catch (thrown) {
    throw toKernelError(thrown);
  }
}

/**
 * SQLite's own wall around guests' statements on one connection: views that hold the tenant's rows
 * only, the authorizer, the engine's limits, and the functions that count what is visited. It runs
 * any text; what the text may be is not decided here.
 *
 * @module
 */

import type { DatabaseSync, SQLInputValue, SQLOutputValue, StatementSync } from "node:sqlite";
import { quoteIdentifier } from "../schema/names.ts";
import { guestAuthorizer, type WalledTable } from "./sqlite_authorizer.ts";
import type { StatementBudget } from "./sqlite_budget.ts";
import { forbiddenSql, invalidSql, sqlFailed } from "./errors.ts";
import { castValue, type Stored, textOf } from "./sqlite_cast.ts";
import { guestSqlError } from "./sqlite_failure.ts";
import {
  type FunctionContext,
  type GuestFunction,
  TEXT_FUNCTIONS,
} from "./sqlite_text_functions.ts";
import { TIME_FUNCTIONS } from "./sqlite_time_functions.ts";
import { TYPE_FUNCTIONS } from "./sqlite_type_functions.ts";
import type { TableShape } from "./sqlite_tables.ts";

/** The authorizer's answer to statements of the kernel. */
const PERMITTED = 0;
/** Guests' statements kept prepared; the least recently used goes first. */
const MAX_CACHED_STATEMENTS = 64;
/** Greatest text or blob that a guest's statement may touch or make, in bytes. */
const MAX_VALUE_BYTES = 2_000_000;

/** SQLite takes as many arguments to a function. */
const MAX_COLUMNS = 127;
const STOPPED = "The statement cannot go on: a value is too large, out of range, or no JSON";
/** Reading and writing JSON takes as long as making so many times its text. */
const JSON_EFFORT = 33;
const MAX_INT8 = "9223372036854775807";

/** Engine limits while a guest's statement runs (sqlite.org/limits.html). */
const LIMITS = {
  length: MAX_VALUE_BYTES,
  exprDepth: 500,
  compoundSelect: 50,
  vdbeOp: 100_000,
  functionArg: 127,
  attach: 0,
  likePatternLength: 100,
  variableNumber: 1000,
} as const;
type LimitName = keyof typeof LIMITS;

/** For whom a statement runs. */
export interface GuestRun {
  readonly organizationId: string;
  readonly budget: StatementBudget;
  /** Unix time in milliseconds that `now()` gives. */
  readonly nowMs: number;
}

/** A text to run with its values. */
export interface GuestText {
  readonly sql: string;
  readonly parameters: readonly SQLInputValue[];
}

/**
 * Tells whether the runtime offers what the wall is made of.
 *
 * @param database an open connection.
 * @returns true when it does.
 */
export function canGuard(database: DatabaseSync): boolean {
  return "setAuthorizer" in database && typeof database.setAuthorizer === "function" &&
    "limits" in database && typeof database.limits === "object";
}

/** The wall of one connection. */
export class SqliteWall {
  readonly #database: DatabaseSync;
  /** Before the names of the views that read tables: no statement can name what it cannot guess. */
  readonly #secret = `guest_${crypto.randomUUID().replaceAll("-", "")}.`;
  /** By the names of both views. */
  readonly #walled = new Map<string, WalledTable>();
  /** Shapes that the views were made from. */
  readonly #shapes = new WeakSet<TableShape>();
  readonly #statements = new Map<string, StatementSync>();
  #run: GuestRun | undefined;
  #each: ((row: SQLOutputValue[]) => void) | undefined;
  /** What taking a row has thrown: the driver may say in its place that the engine failed. */
  #refusal: unknown;

  /**
   * Puts the wall around a connection: from now on whatever is prepared while a guest's statement
   * runs passes the authorizer. It stays set, because setting it makes SQLite prepare every cached
   * statement again.
   *
   * @param database an open connection for which {@link canGuard} holds.
   */
  constructor(database: DatabaseSync) {
    this.#database = database;
    const rule = guestAuthorizer((view) => this.#walled.get(view));
    this.#database.setAuthorizer((...question) =>
      this.#run === undefined ? PERMITTED : rule(...question)
    );
    this.#defineFunctions();
  }

  /**
   * The view of a table, made when it is not there or the table has changed.
   *
   * @param shape the table as it is now.
   * @returns the view's name, quoted.
   */
  view(shape: TableShape): string {
    const walled: WalledTable = {
      view: `guest.${shape.physicalName}`,
      inner: this.#secret + shape.physicalName,
      base: shape.physicalName,
    };
    // A transaction that was undone has taken its views along.
    const isThere = this.#database.prepare(
      "select 1 from temp.sqlite_master where type = 'view' and name = ?",
    ).get(walled.view) !== undefined;
    if (!isThere || !this.#shapes.has(shape)) this.#makeViews(walled, shape);
    return quoteIdentifier(walled.view);
  }

  #makeViews(walled: WalledTable, shape: TableShape): void {
    const [view, inner] = [quoteIdentifier(walled.view), quoteIdentifier(walled.inner)];
    const columns = shape.columns.map((column) => quoteIdentifier(column.name)).join(", ");
    const statements = [
      `drop view if exists temp.${view}`,
      `drop view if exists temp.${inner}`,
      // The tick reads the tenant column: every index has it, so the tick is the first thing that
      // is asked about each row, whichever index the engine takes.
      `create temp view ${inner} as select ${columns} from main.${quoteIdentifier(walled.base)} ` +
      `where guest_tick(organization_id) and organization_id = guest_tenant()`,
      `create temp view ${view} as select ${columns} from temp.${inner}`,
    ];
    for (const sql of statements) this.#database.prepare(sql).run();
    this.#walled.set(walled.view, walled);
    this.#walled.set(walled.inner, walled);
    this.#shapes.add(shape);
  }

  /**
   * Runs a text that reads, row by row.
   *
   * @param text what runs, under the wall.
   * @param run for whom.
   * @param each takes a row; what it throws ends the statement.
   * @throws {KernelError} guest_sql.*
   */
  select(text: GuestText, run: GuestRun, each: (row: SQLOutputValue[]) => void): void {
    const limits = this.#enter(run);
    try {
      const statement = this.#prepare(text.sql);
      this.#each = each;
      // Its last row says that everything was read; without it the engine has met an error.
      const isComplete = [...statement.iterate(...text.parameters)].length === 1;
      if (!isComplete) throw sqlFailed(STOPPED, "22000");
    } catch (thrown) {
      // A statement that has failed says so again when it is used next.
      this.#statements.delete(text.sql);
      throw guestSqlError(this.#refusal ?? thrown, this.#secret);
    } finally {
      this.#each = undefined;
      this.#refusal = undefined;
      this.#leave(limits);
    }
  }

  #enter(run: GuestRun): Record<LimitName, number> {
    const { limits } = this.#database;
    const before = { ...LIMITS } as Record<LimitName, number>;
    for (const name of LIMIT_NAMES) {
      before[name] = limits[name];
      limits[name] = LIMITS[name];
    }
    this.#run = run;
    return before;
  }

  #leave(before: Record<LimitName, number>): void {
    this.#run = undefined;
    for (const name of LIMIT_NAMES) this.#database.limits[name] = before[name];
  }

  #prepare(sql: string): StatementSync {
    const cached = this.#statements.get(sql);
    if (cached !== undefined) {
      this.#statements.delete(sql);
      this.#statements.set(sql, cached);
      return cached;
    }
    // By itself first: what is no query, or not this connection's to run, ends here.
    const width = this.#database.prepare(sql).columns().length;
    // The authorizer is not asked about VACUUM; like all that is no query, it has no columns.
    if (width === 0) throw forbiddenSql("Only queries may run here");
    if (width > MAX_COLUMNS) throw invalidSql(`the result has more than ${MAX_COLUMNS} columns`);
    const statement = this.#database.prepare(handingOver(sql, width));
    this.#statements.set(sql, statement);
    if (this.#statements.size > MAX_CACHED_STATEMENTS) {
      const oldest = this.#statements.keys().next().value;
      if (oldest !== undefined) this.#statements.delete(oldest);
    }
    return statement;
  }

  #defineFunctions(): void {
    const running = (): GuestRun => {
      if (this.#run === undefined) throw new Error("No guest's statement is running");
      return this.#run;
    };
    // Not deterministic: the engine must neither move it out of a scan nor remember its answer.
    this.#database.function("guest_tick", (_column: SQLOutputValue) => {
      running().budget.visit();
      return 1;
    });
    this.#database.function(
      "guest_row",
      { varargs: true, useBigIntArguments: true },
      (...row: SQLOutputValue[]) => {
        try {
          running().budget.check();
          this.#each?.(row);
        } catch (thrown) {
          this.#refusal ??= thrown;
          throw thrown;
        }
        return 0;
      },
    );
    this.#database.function("guest_tenant", () => running().organizationId);
    this.#database.function("guest_uuid", () => crypto.randomUUID());
    const context: FunctionContext = {
      spend: (units) => running().budget.spend(units),
      get nowMs() {
        return running().nowMs;
      },
    };
    for (const functions of [TEXT_FUNCTIONS, TIME_FUNCTIONS, TYPE_FUNCTIONS]) {
      for (const [name, body] of Object.entries(functions)) this.#define(name, context, body);
    }
    this.#database.function(
      "guest_to",
      { deterministic: true, useBigIntArguments: true },
      (
        name: SQLOutputValue,
        size: SQLOutputValue,
        scale: SQLOutputValue,
        value: SQLOutputValue,
      ) => {
        const { budget } = running();
        budget.check();
        if (String(name).startsWith("json")) budget.spend(textOf(value).length * JSON_EFFORT);
        return castValue({
          name: String(name),
          ...size !== null && { size: Number(size) },
          ...scale !== null && { scale: Number(scale) },
        }, value);
      },
    );
  }

  #define(name: string, context: FunctionContext, body: GuestFunction): void {
    this.#database.function(
      `guest_${name}`,
      { varargs: true, deterministic: true, useBigIntArguments: true },
      (...values: Stored[]) => {
        context.spend(0);
        const given = values.filter((value) => value !== null);
        return given.length < values.length ? null : body(context, ...given);
      },
    );
  }
}

/**
 * The text with each row of its result handed to a function, and one row behind them: the driver's
 * iterator takes an error of the engine for the end of the rows, and its other ways of reading do not
 * stop when a function throws (Deno 2.9.6). A condition around a query with LIMIT is asked of its
 * rows as they come out of it, after sorting (sqlite.org/optoverview.html#flattening, 19).
 */
function handingOver(sql: string, width: number): string {
  const columns = Array.from({ length: width }, (_, i) => `"${i}"`).join(", ");
  return `with "row"(${columns}) as (select * from (${sql}) limit ${MAX_INT8}) ` +
    `select 1 from "row" where guest_row(${columns}) union all select 1`;
}

// Named border: Object.keys widens the names.
const LIMIT_NAMES = Object.keys(LIMITS) as LimitName[];

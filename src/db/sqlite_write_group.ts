/**
 * Group commit: writes that arrive in the same turn of the event loop share one transaction, each
 * behind a savepoint of its own. A commit is the dearest part of a small write (every page it touched
 * goes to the log), and writers at one moment mostly touch the same pages.
 *
 * @module
 */

import { setImmediate } from "node:timers";
import type { Statement } from "./statement.ts";
import type { RawResult, SqliteConnection } from "./sqlite_connection.ts";

/** Most writes of one transaction: bounds how long readers of the log and the event loop wait. */
const MAX_GROUP = 64;

const BEGIN: Statement = { sql: "begin immediate", parameters: [] };
const COMMIT: Statement = { sql: "commit", parameters: [] };
const ROLLBACK: Statement = { sql: "rollback", parameters: [] };
const MARK: Statement = { sql: "savepoint one_write", parameters: [] };
const KEEP: Statement = { sql: "release one_write", parameters: [] };
const UNDO: Statement = { sql: "rollback to one_write", parameters: [] };

/** How a group gets at the writer. */
export interface WriteGroupOptions {
  /** Waits for the writer's turn and gives it back after the work. */
  readonly inTurn: (work: () => void) => Promise<void>;
  /** Runs one write as a transaction of its own. */
  readonly runAlone: (statements: readonly Statement[]) => RawResult[];
  readonly connection: SqliteConnection;
  /** Turns what the engine throws into the kernel's error. */
  readonly toError: (thrown: unknown) => unknown;
}

interface Write {
  readonly statements: readonly Statement[];
  readonly resolve: (results: RawResult[]) => void;
  readonly reject: (reason: unknown) => void;
}

/** Collects writes and commits them together. */
export class WriteGroup {
  readonly #options: WriteGroupOptions;
  readonly #waiting: Write[] = [];
  #isScheduled = false;

  /**
   * Makes an empty group.
   *
   * @param options how it gets at the writer.
   */
  constructor(options: WriteGroupOptions) {
    this.#options = options;
  }

  /**
   * Runs a write, atomic by itself whatever becomes of the others.
   *
   * @param statements what it consists of.
   * @returns their results, once they are committed.
   * @throws {KernelError} the code of the conflict.
   */
  write(statements: readonly Statement[]): Promise<RawResult[]> {
    const { promise, resolve, reject } = Promise.withResolvers<RawResult[]>();
    this.#waiting.push({ statements, resolve, reject });
    this.#schedule();
    return promise;
  }

  #schedule(): void {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    setImmediate(() => void this.#flush());
  }

  async #flush(): Promise<void> {
    let group: Write[] = [];
    try {
      await this.#options.inTurn(() => {
        group = this.#waiting.splice(0, MAX_GROUP);
        this.#isScheduled = false;
        this.#commit(group);
      });
    } catch (thrown) {
      // The turn never came, or the database is closed: nothing of these was written.
      const left = group.length > 0 ? group : this.#waiting.splice(0);
      this.#isScheduled = false;
      for (const write of left) write.reject(thrown);
    }
    if (this.#waiting.length > 0) this.#schedule();
  }

  #commit(group: readonly Write[]): void {
    if (group.length === 1) return this.#alone(group[0]!);
    const outcomes = this.#together(group);
    // A group that cannot commit as one has written nothing: each write then stands for itself.
    if (outcomes === undefined) group.forEach((write) => this.#alone(write));
    else outcomes.forEach((settle) => settle());
  }

  #alone(write: Write): void {
    try {
      write.resolve(this.#options.runAlone(write.statements));
    } catch (thrown) {
      write.reject(thrown);
    }
  }

  /** What to tell each writer, or undefined when the transaction as a whole came to nothing. */
  #together(group: readonly Write[]): (() => void)[] | undefined {
    const { connection } = this.#options;
    try {
      connection.run(BEGIN);
      const outcomes = group.map((write) => this.#behindSavepoint(write));
      connection.run(COMMIT);
      return outcomes;
    } catch {
      if (connection.inTransaction) connection.run(ROLLBACK);
      return undefined;
    }
  }

  #behindSavepoint(write: Write): () => void {
    const { connection, toError } = this.#options;
    connection.run(MARK);
    try {
      const results = write.statements.map((statement) => connection.run(statement));
      connection.run(KEEP);
      return () => write.resolve(results);
    } catch (thrown) {
      // Some failures (a full disk) end the whole transaction: then nobody's write stands.
      if (!connection.inTransaction) throw thrown;
      connection.run(UNDO);
      connection.run(KEEP);
      return () => write.reject(toError(thrown));
    }
  }
}

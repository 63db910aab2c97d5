/**
 * One exchange with a Postgres server: any number of statements in the extended protocol, written
 * at once and closed by one Sync. Outside a transaction block Postgres treats them as one
 * transaction: all take effect or none (PostgreSQL documentation, "Pipelining").
 *
 * @module
 */

import { Buffer } from "node:buffer";
import type { Statement } from "./database.ts";
import { invalidStatement } from "./errors.ts";
import type { AnswerStream } from "./postgres_answer_limit.ts";
import { type ParsedNames, statementName } from "./postgres_statement_names.ts";
import { toPostgres, type WireValue } from "./postgres_values.ts";

/** What `pg` offers to a query object for writing to the server. */
export interface WireConnection {
  readonly stream: AnswerStream & {
    write(bytes: Uint8Array): unknown;
    destroy(error?: Error): void;
  };
  parse(query: { text: string; name: string }): void;
  bind(query: {
    portal: string;
    statement: string;
    values: readonly WireValue[];
    binary: boolean;
  }): void;
  describe(message: { type: "P" | "S"; name: string }): void;
  execute(query: { portal: string; rows: number }): void;
  close(message: { type: "P" | "S"; name: string }): void;
  sync(): void;
  flush(): void;
  /** Takes the bytes of each message. */
  _send(bytes: Buffer): void;
}

/** A column of a result. */
export interface WireField {
  readonly name: string;
  readonly dataTypeID: number;
}

/** What one statement gave, in text form. */
export interface WireResult {
  readonly fields: readonly WireField[];
  readonly rows: (string | null)[][];
  readonly changes: number;
  /** What the server says it did, such as `COMMIT` or `INSERT 0 1`. */
  readonly command: string;
}

/** Whether the server is asked for names and types of columns. */
export type Describe = "columns" | "values only";

/** Most parameters of a statement: the protocol counts them in 16 bits. */
const MAX_PARAMETERS = 65_535;
const UNNAMED = { parse: true, close: [] } as const;
const UNNAMED_PORTAL = { portal: "", rows: 0 };
/** The plan or the name of a prepared statement does not hold any more: parsing anew helps. */
const STALE_STATEMENT: ReadonlySet<string> = new Set(["0A000", "26000", "42P05"]);
const CHANGES = /^(?:INSERT 0|UPDATE|DELETE|MERGE) (\d+)$/;

/** A statement whose parameters are in text form. */
export interface WireStatement {
  readonly sql: string;
  /** Empty for "unnamed". */
  readonly name: string;
  readonly values: readonly WireValue[];
}

/**
 * Makes a statement ready for the protocol.
 *
 * @param statement text and parameters.
 * @returns its name and its values.
 * @throws {KernelError} db.invalid_statement — for NUL, too many parameters, or one that is an object.
 */
export function wireStatement({ sql, parameters }: Statement): WireStatement {
  // NUL ends texts in the protocol: what follows it would be read as another message.
  if (sql.includes("\0")) throw invalidStatement("A statement holds the character NUL");
  if (parameters.length > MAX_PARAMETERS) {
    throw invalidStatement(`A statement has ${parameters.length} parameters`);
  }
  return { sql, name: statementName(sql), values: parameters.map(toPostgres) };
}

/**
 * Tells whether an exchange failed only because a prepared statement had gone stale, so that the
 * same exchange may be sent again.
 *
 * @param error what the exchange threw.
 * @returns true when it is safe and useful to repeat it outside a transaction block.
 */
export function isStaleStatement(error: unknown): boolean {
  const { code, routine } = error as { code?: string; routine?: string };
  return code === "26000" || code === "42P05" ||
    (code === "0A000" && routine === "RevalidateCachedQuery");
}

/** A running exchange, in the shape `client.query` of `pg` takes. */
export class Exchange {
  /** Settles when the server has answered. */
  readonly done: Promise<WireResult[]>;
  readonly #statements: readonly WireStatement[];
  readonly #describe: Describe;
  readonly #parsed: ParsedNames | undefined;
  readonly #beforeStatement: ((sql: string) => void) | undefined;
  readonly #sent: string[] = [];
  readonly #results: WireResult[] = [];
  #fields: readonly WireField[] = [];
  #rows: (string | null)[][] = [];
  #resolve!: (results: WireResult[]) => void;
  #reject!: (error: unknown) => void;

  /**
   * Prepares an exchange; nothing is written before `submit`.
   *
   * @param statements what runs, in order.
   * @param describe whether columns are asked for.
   * @param parsed what the server session knows; undefined runs every statement unnamed.
   * @param beforeStatement called before each statement is written, and before the Sync.
   */
  constructor(
    statements: readonly WireStatement[],
    describe: Describe,
    parsed: ParsedNames | undefined,
    beforeStatement?: (sql: string) => void,
  ) {
    this.#statements = statements;
    this.#describe = describe;
    this.#parsed = parsed;
    this.#beforeStatement = beforeStatement;
    this.done = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
  }

  /** Writes everything. Called by `pg` when the connection is free. */
  submit(connection: WireConnection): null {
    const messages: Buffer[] = [];
    // One write of all messages: a vectored write of the same bytes takes twice the time.
    const collector: WireConnection = Object.create(connection);
    collector._send = (bytes) => messages.push(bytes);
    try {
      for (const statement of this.#statements) {
        this.#beforeStatement?.(statement.sql);
        this.#write(collector, statement);
      }
      // Before this point several statements are written and none takes effect.
      if (this.#statements.length > 1) this.#beforeStatement?.("sync");
      collector.sync();
      connection.stream.write(Buffer.concat(messages));
    } catch (thrown) {
      // Without its Sync what was written takes no effect; the connection is of no more use.
      this.#reject(thrown);
      connection.stream.write(Buffer.concat(messages));
      connection.stream.destroy();
    }
    return null;
  }

  /** Takes the columns of the running statement. */
  handleRowDescription(message: { readonly fields: readonly WireField[] }): void {
    this.#fields = message.fields;
  }

  /** Takes a row. */
  handleDataRow(message: { readonly fields: (string | null)[] }): void {
    this.#rows.push(message.fields);
  }

  /** Ends the running statement. */
  handleCommandComplete(message: { readonly text: string }): void {
    this.#results.push({
      fields: this.#fields,
      rows: this.#rows,
      changes: Number(CHANGES.exec(message.text)?.[1] ?? 0),
      command: message.text,
    });
    this.#fields = [];
    this.#rows = [];
  }

  /** Ends an empty statement. */
  handleEmptyQuery(): void {
    this.#results.push({ fields: [], rows: [], changes: 0, command: "" });
  }

  /** Never comes: no execution asks for a part of its rows. */
  handlePortalSuspended(): void {}

  /** Takes an error of the server or of the connection: nothing of the exchange took effect. */
  handleError(error: Error & { readonly code?: string }): void {
    const isAboutNames = STALE_STATEMENT.has(error.code ?? "");
    this.#parsed?.doubt(isAboutNames ? this.#statements.map(({ name }) => name) : this.#sent);
    this.#reject(error);
  }

  /** Ends the exchange. */
  handleReadyForQuery(): void {
    this.#resolve(this.#results);
  }

  #write(connection: WireConnection, { sql, name, values }: WireStatement): void {
    const statement = this.#parsed === undefined ? "" : name;
    const { parse, close } = this.#parsed === undefined || statement === ""
      ? UNNAMED
      : this.#parsed.use(statement);
    for (const old of close) connection.close({ type: "S", name: old });
    if (parse) {
      connection.parse({ text: sql, name: statement });
      this.#sent.push(statement, ...close);
    }
    connection.bind({ portal: "", statement, values, binary: false });
    if (this.#describe === "columns") connection.describe({ type: "P", name: "" });
    connection.execute(UNNAMED_PORTAL);
  }
}

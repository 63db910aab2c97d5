/**
 * One exchange with a Postgres server in which a guest's statement runs: settings before it, the
 * statement with bounds on rows and bytes while they arrive, settings after it. The statement is
 * sent inside `PREPARE … AS`, where the server's own grammar admits nothing but a query.
 *
 * @module
 */

import { Buffer } from "node:buffer";
import type { WireConnection, WireField, WireStatement } from "../postgres_exchange.ts";
import type { WireValue } from "../postgres_values.ts";

/** The guest's statement and its bounds. */
export interface GuestScript {
  /** Run before the statement. */
  readonly opening: readonly WireStatement[];
  /** Absent where only settings are to be put back. */
  readonly guest?: {
    readonly text: string;
    readonly values: readonly WireValue[];
    readonly maxRows: number;
    readonly maxBytes: number;
  };
  /**
   * Gives what runs after the statement.
   *
   * @param outcome what it did.
   */
  closing(outcome: GuestOutcome): readonly WireStatement[];
}

/** How far an exchange came. */
export type Stage = "opening" | "statement" | "closing";

/** What an exchange gave. */
export interface GuestOutcome {
  fields: readonly WireField[];
  readonly rows: (readonly (string | null)[])[];
  changes: number;
  /** Which bound was passed; the rows are incomplete then. */
  overflow?: "rows" | "bytes";
  /** Rows of the last statement of the closing. */
  readonly proof: (readonly (string | null)[])[];
  /** Nothing after it ran. */
  failure?: { readonly stage: Stage; readonly error: unknown };
}

/** Also the name in the server's session; there is never more than one. */
const STATEMENT = "metacore_guest";
/** What the server shows of a guest's statement begins with this. */
export const STATEMENT_TEXT_START = `prepare ${STATEMENT} as\n`;
/** Rows asked for at a time. */
const CHUNK_ROWS = 256;
/** Least that a value takes in JSON beside its characters: a comma or a bracket. */
const VALUE_BYTES = 1;
const CHANGES = /^(?:INSERT 0|UPDATE|DELETE|MERGE) (\d+)$/;

/** A running exchange, in the shape `client.query` of `pg` takes. */
export class GuestExchange {
  /** Settles when the server is ready again, or the connection is lost. It does not fail. */
  readonly done: Promise<GuestOutcome>;
  readonly #script: GuestScript;
  readonly #beforeStatement: ((sql: string) => void) | undefined;
  readonly #outcome: GuestOutcome = { fields: [], rows: [], changes: 0, proof: [] };
  #resolve!: (outcome: GuestOutcome) => void;
  #stage: Stage = "opening";
  /** Statements of the stage that are not complete yet. */
  #pending: number;
  #bytes = 0;
  #synced = false;

  /**
   * Prepares an exchange; nothing is written before `submit`.
   *
   * @param script what runs.
   * @param beforeStatement called before each statement is written.
   */
  constructor(script: GuestScript, beforeStatement?: (sql: string) => void) {
    this.#script = script;
    this.#beforeStatement = beforeStatement;
    this.#pending = script.opening.length + (script.guest === undefined ? 0 : 1);
    this.done = new Promise((resolve) => this.#resolve = resolve);
  }

  /** Writes everything up to the statement. Called by `pg` when the connection is free. */
  submit(connection: WireConnection): null {
    const { opening, guest } = this.#script;
    if (this.#pending === 0) {
      this.#close(connection);
      return null;
    }
    this.#write(connection, (collector) => {
      // What a lost turn has left; closing what is not there is no error.
      collector.close({ type: "S", name: STATEMENT });
      for (const statement of opening) this.#statement(collector, statement);
      if (guest === undefined) return;
      this.#statement(collector, { sql: STATEMENT_TEXT_START + guest.text, name: "", values: [] });
      collector.bind({ portal: "", statement: STATEMENT, values: guest.values, binary: false });
      collector.describe({ type: "P", name: "" });
      collector.execute({ portal: "", rows: this.#chunk() });
    });
    connection.flush();
    return null;
  }

  /** Takes the columns of the guest's statement. */
  handleRowDescription(message: { readonly fields: readonly WireField[] }): void {
    this.#outcome.fields = message.fields;
  }

  /** Takes a row; after a bound is passed rows are read and forgotten. */
  handleDataRow(message: { readonly fields: (string | null)[] }): void {
    if (this.#stage === "closing") this.#outcome.proof.push(message.fields);
    const { guest } = this.#script;
    if (this.#stage !== "statement" || guest === undefined || this.#outcome.overflow) return;
    for (const value of message.fields) this.#bytes += (value?.length ?? 4) + VALUE_BYTES;
    if (this.#bytes > guest.maxBytes) this.#outcome.overflow = "bytes";
    else if (this.#outcome.rows.length >= guest.maxRows) this.#outcome.overflow = "rows";
    else {
      this.#outcome.rows.push(message.fields);
      return;
    }
    this.#outcome.rows.length = 0;
  }

  /** The server waits with further rows. */
  handlePortalSuspended(connection: WireConnection): void {
    if (this.#outcome.overflow !== undefined) return this.#close(connection);
    connection.execute({ portal: "", rows: this.#chunk() });
    connection.flush();
  }

  /** Ends a statement. */
  handleCommandComplete(message: { readonly text: string }, connection: WireConnection): void {
    switch (this.#stage) {
      case "opening":
        if (--this.#pending > 0) return;
        if (this.#script.guest === undefined) this.#close(connection);
        else this.#stage = "statement";
        return;
      case "statement":
        this.#outcome.changes = Number(CHANGES.exec(message.text)?.[1] ?? 0);
        return this.#close(connection);
      case "closing":
        // The proof is the last statement: rows of those before it do not count.
        if (--this.#pending > 0) this.#outcome.proof.length = 0;
    }
  }

  /** Ends an empty statement; a guest's text is never empty to `PREPARE`. */
  handleEmptyQuery(): void {}

  /** Takes an error of the server or of the connection. */
  handleError(error: Error & { readonly severity?: string }, connection: WireConnection): void {
    // The last of the opening is the guest's own text, prepared.
    const isText = this.#stage === "opening" && this.#script.guest !== undefined &&
      this.#pending === 1;
    this.#outcome.failure ??= { stage: isText ? "statement" : this.#stage, error };
    const isOfServer = typeof error.severity === "string";
    if (!isOfServer || error.severity === "FATAL") return this.#resolve(this.#outcome);
    this.#sync(connection);
    // `pg` does not tell this object when the server is ready again, but sends nothing before.
    this.#resolve(this.#outcome);
  }

  /** Ends the exchange. */
  handleReadyForQuery(): void {
    this.#resolve(this.#outcome);
  }

  #chunk(): number {
    const { maxRows } = this.#script.guest!;
    // One more than admitted, so that passing the bound is seen; 0 would mean all rows.
    return Math.min(CHUNK_ROWS, maxRows + 1 - this.#outcome.rows.length);
  }

  #close(connection: WireConnection): void {
    this.#stage = "closing";
    this.#write(connection, (collector) => {
      collector.close({ type: "S", name: STATEMENT });
      const statements = this.#script.closing(this.#outcome);
      this.#pending = statements.length;
      for (const statement of statements) this.#statement(collector, statement);
    });
    this.#sync(connection);
  }

  #sync(connection: WireConnection): void {
    if (this.#synced) return;
    this.#synced = true;
    connection.sync();
  }

  /** One write of all messages. What throws, throws the connection away: half is not sent. */
  #write(connection: WireConnection, work: (collector: WireConnection) => void): void {
    const messages: Buffer[] = [];
    const collector: WireConnection = Object.create(connection);
    collector._send = (bytes) => messages.push(bytes);
    try {
      work(collector);
      connection.stream.write(Buffer.concat(messages));
    } catch (error) {
      this.#outcome.failure ??= { stage: this.#stage, error };
      this.#resolve(this.#outcome);
      connection.stream.destroy();
    }
  }

  #statement(connection: WireConnection, { sql, values }: WireStatement): void {
    this.#beforeStatement?.(sql);
    connection.parse({ text: sql, name: "" });
    connection.bind({ portal: "", statement: "", values, binary: false });
    connection.execute({ portal: "", rows: 0 });
  }
}

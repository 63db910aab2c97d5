/**
 * One migration on its way through the wall: the schema as it would be after the statements seen so
 * far, the changes admitted so far, and where the statement at hand stands.
 *
 * @module
 */

import { isKernelError, type KernelError } from "../../base/error.ts";
import { applyChange } from "../schema/apply.ts";
import { completeChange } from "../schema/complete.ts";
import type { SchemaChange, SchemaState, TableName, TableSpec } from "../schema/spec.ts";
import { migrationRefused } from "./errors.ts";
import { excessOf } from "./excess.ts";
import type { SourceText } from "./source_text.ts";

/** What a migration is admitted into. */
export interface MigrationContext {
  /** Physical schema of the addon's tables. */
  readonly schema: string;
  readonly addonKey: string;
  /** Path inside the bundle, for messages. */
  readonly file: string;
  /** The addon's tables before this file, as completed by `schema/complete.ts`. */
  readonly state: SchemaState;
  /** Hears of statements that were accepted but change nothing. @default nobody listens */
  readonly note?: (note: string) => void;
}

/** The statement at hand. */
export interface StatementPlace {
  /** Kind in SQL's words, such as `CREATE TABLE`. */
  readonly name: string;
  /** Bytes of UTF-8 from the start of the file. */
  readonly offset: number;
}

/** A migration being admitted. */
export class Admission {
  /** The name by which authors call the addon's schema, whatever its physical name is. */
  readonly contractSchema: string;
  readonly #context: MigrationContext;
  readonly #source: SourceText;
  readonly #changes: SchemaChange[] = [];
  #state: SchemaState;
  #statement: StatementPlace = { name: "", offset: 0 };

  /**
   * Begins with nothing admitted.
   *
   * @param context what the migration is admitted into.
   * @param source the text, for positions.
   */
  constructor(context: MigrationContext, source: SourceText) {
    this.#context = context;
    this.#source = source;
    this.#state = context.state;
    this.contractSchema = `addon_${context.addonKey.toLowerCase()}`;
  }

  /** The schema as it would be now. */
  get state(): SchemaState {
    return this.#state;
  }

  /** Changes admitted so far, as the author wrote them. */
  get changes(): SchemaChange[] {
    return [...this.#changes];
  }

  /** Kind of the statement at hand. */
  get statementName(): string {
    return this.#statement.name;
  }

  /**
   * Moves on to a statement.
   *
   * @param statement the statement.
   */
  begin(statement: StatementPlace): void {
    this.#statement = statement;
  }

  /**
   * A table of the addon by its physical schema.
   *
   * @param table logical name.
   * @returns the full name.
   */
  tableName(table: string): TableName {
    return { schema: this.#context.schema, table };
  }

  /**
   * Admits a change.
   *
   * @param change the change as the author wrote it.
   * @param offset byte where the author asks for it. @default the start of the statement
   * @throws {KernelError} schema.migration_refused — it cannot hold after what came before.
   */
  admit(change: SchemaChange, offset?: number): void {
    try {
      this.#state = applyChange(this.#state, completeChange(change));
    } catch (cause) {
      if (isKernelError(cause)) throw this.refuse(cause.message, offset);
      throw cause;
    }
    this.#changes.push(change);
    const excess = excessOf(this.#state, change, this.#changes.length);
    if (excess !== undefined) throw this.refuse(excess, offset);
  }

  /**
   * A table as it is now.
   *
   * @param table logical name.
   * @param offset where the author names it.
   * @returns the table.
   * @throws {KernelError} schema.migration_refused — the addon has no such table.
   */
  table(table: string, offset?: number): TableSpec {
    const found = this.#state.get(table);
    if (found === undefined) {
      const hint =
        `where declared models make it, which they do after migrations, write "if exists"`;
      throw this.refuse(
        `table ${table} does not exist in this addon at this point (${hint})`,
        offset,
      );
    }
    return found;
  }

  /**
   * Tells the operator of something that was accepted and left out.
   *
   * @param sentence what and why.
   */
  note(sentence: string): void {
    const { line } = this.#source.atByte(this.#statement.offset);
    this.#context.note?.(`${this.#context.file}:${line}: ${sentence}`);
  }

  /**
   * Makes the refusal of a part of the statement at hand.
   *
   * @param sentence what is not allowed and what to write instead.
   * @param offset byte where it stands. @default the start of the statement
   * @returns the error, to be thrown.
   */
  refuse(sentence: string, offset?: number): KernelError {
    const known = offset !== undefined && offset >= this.#statement.offset;
    const position = this.#source.atByte(known ? offset : this.#statement.offset);
    return migrationRefused(
      { file: this.#context.file, ...position },
      this.#statement.name,
      sentence,
    );
  }
}

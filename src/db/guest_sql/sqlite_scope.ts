/**
 * Names that a place in a guest's statement can see: the tables, sub-selects and common table
 * expressions of its SELECT and of those around it, with the types of their columns.
 *
 * @module
 */

import { quoteIdentifier } from "../schema/names.ts";
import { invalidSql, sqlFailed } from "./errors.ts";
import type { SqlType } from "./sqlite_type.ts";

/** A column of something in FROM, or of a result. */
export interface NamedColumn {
  readonly name: string;
  readonly type?: SqlType;
  /** Known never to be null. */
  readonly required?: boolean;
  /** What gives it, when it is no plain column of its item. */
  readonly sql?: string;
}

/** Something in FROM. */
export interface ScopeItem {
  readonly alias: string;
  readonly columns: readonly NamedColumn[];
}

/** A piece of SQLite's SQL that gives a value. */
export interface SqlValue {
  readonly sql: string;
  /** Undefined while Postgres would not know it either: NULL, a bare text, an argument. */
  readonly type?: SqlType;
  /** The text of a bare literal, which takes the type of where it stands. */
  readonly literal?: string;
  /** An argument, which takes the type of where it stands. */
  readonly argument?: "text" | "number" | "other";
  readonly required?: boolean;
}

/** What a SELECT's expressions may name. */
export class Scope {
  readonly items: ScopeItem[] = [];
  /** Columns that USING has made one of two. */
  readonly merged = new Set<string>();
  readonly parent: Scope | undefined;
  readonly #ctes = new Map<string, readonly NamedColumn[]>();

  /** @param parent the SELECT around this one. */
  constructor(parent?: Scope) {
    this.parent = parent;
  }

  /** The same without what stands in FROM: what a sub-select in FROM can see. */
  withoutItems(): Scope {
    const scope = new Scope(this.parent);
    for (const [name, columns] of this.#ctes) scope.addCte(name, columns);
    return scope;
  }

  /** Makes a common table expression known. */
  addCte(name: string, columns: readonly NamedColumn[]): void {
    this.#ctes.set(name, columns);
  }

  /** Columns of a common table expression. @throws {KernelError} guest_sql.failed */
  cte(name: string): readonly NamedColumn[] {
    const found = this.#ctes.get(name) ?? this.parent?.cte(name);
    if (found === undefined) {
      throw sqlFailed(`relation ${JSON.stringify(name)} does not exist`, "42P01");
    }
    return found;
  }

  /**
   * Finds a column.
   *
   * @param name of the column.
   * @param alias of its table, undefined when the text names none.
   * @returns the column as SQL.
   * @throws {KernelError} guest_sql.failed — there is none, or there are several.
   */
  column(name: string, alias?: string): SqlValue {
    const found = this.find(name, alias) ?? this.parent?.find(name, alias);
    if (found !== undefined) return found;
    let outer = this.parent?.parent;
    while (outer !== undefined) {
      const further = outer.find(name, alias);
      if (further !== undefined) return further;
      outer = outer.parent;
    }
    const shown = alias === undefined ? name : `${alias}.${name}`;
    throw sqlFailed(`column ${JSON.stringify(shown)} does not exist`, "42703");
  }

  /** Like {@link column} in this SELECT only; undefined when it is not there. */
  find(name: string, alias?: string): SqlValue | undefined {
    const items = this.items.filter((item) => alias === undefined || item.alias === alias);
    const found = items.flatMap((item) =>
      item.columns.filter((column) => column.name === name).map((column) => ({ item, column }))
    );
    const [first] = found;
    if (first === undefined) return undefined;
    if (found.length > 1 && !(alias === undefined && this.merged.has(name))) {
      throw sqlFailed(`column reference ${JSON.stringify(name)} is ambiguous`, "42702");
    }
    return columnValue(first.item, first.column);
  }

  /** The columns that `*` or `alias.*` stands for. */
  star(alias?: string): { readonly column: NamedColumn; readonly value: SqlValue }[] {
    const items = this.items.filter((item) => alias === undefined || item.alias === alias);
    if (items.length === 0) {
      if (alias !== undefined && this.parent !== undefined) return this.parent.star(alias);
      throw invalidSql("* needs a table in FROM");
    }
    const all = items.flatMap((item) =>
      item.columns.map((column) => ({ column, value: columnValue(item, column) }))
    );
    if (alias !== undefined || this.merged.size === 0) return all;
    const merged = [...this.merged].flatMap((name) =>
      all.find(({ column }) => column.name === name) ?? []
    );
    return [...merged, ...all.filter(({ column }) => !this.merged.has(column.name))];
  }
}

function columnValue(item: ScopeItem, column: NamedColumn): SqlValue {
  return {
    sql: column.sql ?? `${quoteIdentifier(item.alias)}.${quoteIdentifier(column.name)}`,
    ...column.type && { type: column.type },
    ...column.required && { required: true },
  };
}

/**
 * What tables are made of, and the closed set of changes to them, free of any engine. Admitted
 * addon migrations, declared models and what a database holds all become these values; plans are
 * differences between them. Rendering lives in `render_postgres.ts` and `render_sqlite.ts`.
 *
 * @module
 */

/** A table: the addon's (or the kernel's) schema and the table's logical name. */
export interface TableName {
  /** Physical schema on Postgres, prefix on SQLite; made by `profile.addonSchema`. */
  readonly schema: string;
  readonly table: string;
}

/** Type of a column, by what it stores. */
export type ColumnType =
  | { readonly kind: "text"; readonly maxLength?: number }
  | { readonly kind: "uuid" }
  | { readonly kind: "smallint" | "integer" | "bigint" }
  | { readonly kind: "numeric"; readonly precision?: number; readonly scale?: number }
  | { readonly kind: "real" | "double" }
  | { readonly kind: "boolean" }
  | { readonly kind: "timestamp" | "date" | "time" }
  | { readonly kind: "json" }
  | { readonly kind: "bytes" }
  | { readonly kind: "array"; readonly element: "text" | "uuid" | "integer" | "bigint" };

/** What a column holds when an insert names no value. */
export type ColumnDefault =
  | { readonly kind: "literal"; readonly value: string | number | boolean }
  /** The current instant (for `date` columns the current day in UTC). */
  | { readonly kind: "now" }
  /** A new random UUID. */
  | { readonly kind: "uuid" }
  /** The organization the connection acts for; only on `organization_id`. */
  | { readonly kind: "tenant" };

/** A column. */
export interface ColumnSpec {
  readonly name: string;
  readonly type: ColumnType;
  readonly nullable: boolean;
  readonly default?: ColumnDefault;
}

/** An expression over columns of one table: what CHECK, partial and expression indexes may hold. */
export type Expression =
  | { readonly kind: "column"; readonly name: string }
  | { readonly kind: "literal"; readonly value: string | number | boolean | null }
  | {
    readonly kind: "compare";
    readonly operator: "=" | "<>" | "<" | "<=" | ">" | ">=" | "like" | "+" | "-" | "*" | "/" | "||";
    readonly left: Expression;
    readonly right: Expression;
  }
  | { readonly kind: "and" | "or"; readonly operands: readonly Expression[] }
  | { readonly kind: "not"; readonly operand: Expression }
  | { readonly kind: "isNull" | "isNotNull"; readonly operand: Expression }
  | { readonly kind: "in"; readonly operand: Expression; readonly values: readonly Expression[] }
  | {
    readonly kind: "call";
    readonly function: "lower" | "upper" | "trim" | "length" | "coalesce" | "abs" | "now";
    readonly arguments: readonly Expression[];
  };

/** One key of an index. */
export interface IndexKey {
  readonly expression: Expression;
  readonly descending?: boolean;
}

/** An index. Unique ones of tenant tables start with `organization_id`. */
export interface IndexSpec {
  /** Logical name, unique within its schema. */
  readonly name: string;
  readonly keys: readonly IndexKey[];
  readonly unique: boolean;
  /** Only rows where this holds are indexed. */
  readonly where?: Expression;
}

/** What happens to rows that point at a row that goes. */
export type ForeignKeyAction = "no action" | "restrict" | "cascade" | "set null";

/** A foreign key to another table of the same schema. */
export interface ForeignKeySpec {
  readonly name: string;
  readonly columns: readonly string[];
  readonly target: string;
  readonly targetColumns: readonly string[];
  readonly onDelete: ForeignKeyAction;
}

/** A CHECK constraint. */
export interface CheckSpec {
  readonly name: string;
  readonly expression: Expression;
}

/** A table with everything that belongs to it. */
export interface TableSpec {
  readonly name: TableName;
  readonly columns: readonly ColumnSpec[];
  readonly primaryKey: readonly string[];
  readonly indexes: readonly IndexSpec[];
  readonly foreignKeys: readonly ForeignKeySpec[];
  readonly checks: readonly CheckSpec[];
  /** Row-level security ENABLE + FORCE and the tenant policy for all commands (Postgres). */
  readonly tenantPolicy: boolean;
}

/** Tables of one schema by logical name. */
export type SchemaState = ReadonlyMap<string, TableSpec>;

/** One change to one schema. The set is closed: nothing else ever reaches a database. */
export type SchemaChange =
  | { readonly kind: "createSchema"; readonly schema: string }
  | { readonly kind: "dropSchema"; readonly schema: string; readonly tables: readonly string[] }
  | { readonly kind: "createTable"; readonly table: TableSpec }
  | { readonly kind: "dropTable"; readonly table: TableName }
  | { readonly kind: "renameTable"; readonly table: TableName; readonly to: string }
  | { readonly kind: "addColumn"; readonly table: TableName; readonly column: ColumnSpec }
  | { readonly kind: "dropColumn"; readonly table: TableName; readonly column: string }
  | {
    readonly kind: "renameColumn";
    readonly table: TableName;
    readonly column: string;
    readonly to: string;
  }
  /** Changes type, nullability or default to what `column` says. */
  | { readonly kind: "alterColumn"; readonly table: TableName; readonly column: ColumnSpec }
  | {
    readonly kind: "setPrimaryKey";
    readonly table: TableName;
    readonly columns: readonly string[];
  }
  | { readonly kind: "createIndex"; readonly table: TableName; readonly index: IndexSpec }
  | { readonly kind: "dropIndex"; readonly table: TableName; readonly index: string }
  | { readonly kind: "addForeignKey"; readonly table: TableName; readonly key: ForeignKeySpec }
  | { readonly kind: "addCheck"; readonly table: TableName; readonly check: CheckSpec }
  | { readonly kind: "dropConstraint"; readonly table: TableName; readonly constraint: string }
  /** Turns on ENABLE + FORCE row-level security and (re)creates the tenant policy. */
  | { readonly kind: "protectTable"; readonly table: TableName };

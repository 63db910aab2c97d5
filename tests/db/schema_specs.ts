/**
 * Arbitrary schemas for property tests: hostile names, every type and default, typed
 * expressions that both engines accept.
 *
 * @module
 */

import fc from "fast-check";
import { completeTable } from "../../src/db/schema/complete.ts";
import type {
  ColumnDefault,
  ColumnSpec,
  ColumnType,
  Expression,
  ForeignKeyAction,
  IndexSpec,
  TableSpec,
} from "../../src/db/schema/spec.ts";

const HOSTILE = [
  "a",
  "B",
  "_",
  " ",
  '"',
  "'",
  "\\",
  "$",
  ".",
  ";",
  "-",
  "%",
  "(",
  "é",
  "字",
  "🦊",
  "\n",
];

/** A piece of a name: plain, or of characters that break careless quoting. */
export const namePart = fc.oneof(
  fc.constantFrom("x", "order", "select", "default", "group"),
  fc.string({ unit: fc.constantFrom(...HOSTILE), minLength: 1, maxLength: 8 }),
);
/** A text that breaks careless quoting. */
const text = fc.oneof(
  fc.constantFrom("", "x", "it's", "a\\b", '"', "');--", "$$", "%_\\", "E'"),
  fc.string({ unit: fc.constantFrom(...HOSTILE), maxLength: 6 }),
);
const number = fc.oneof(
  fc.integer({ min: -1000, max: 1000 }),
  fc.constantFrom(0.1, -0.5, 1e-7, 123456.789),
);

const type: fc.Arbitrary<ColumnType> = fc.oneof(
  fc.constantFrom<ColumnType>(
    { kind: "text" },
    { kind: "uuid" },
    { kind: "smallint" },
    { kind: "integer" },
    { kind: "bigint" },
    { kind: "numeric" },
    { kind: "real" },
    { kind: "double" },
    { kind: "boolean" },
    { kind: "timestamp" },
    { kind: "date" },
    { kind: "time" },
    { kind: "json" },
    { kind: "bytes" },
  ),
  fc.integer({ min: 1, max: 300 }).map((maxLength): ColumnType => ({ kind: "text", maxLength })),
  fc.integer({ min: 1, max: 30 }).chain((precision) =>
    fc.integer({ min: 0, max: precision }).map((scale): ColumnType => ({
      kind: "numeric",
      precision,
      scale,
    }))
  ),
  fc.constantFrom("text", "uuid", "integer", "bigint")
    .map((element): ColumnType => ({ kind: "array", element })),
);

/** A default that a type holds; undefined for none. */
function defaultOf(of: ColumnType): fc.Arbitrary<ColumnDefault | undefined> {
  const literal = (values: fc.Arbitrary<string | number | boolean>) =>
    fc.option(values.map((value): ColumnDefault => ({ kind: "literal", value })), {
      nil: undefined,
    });
  const orNow = (value: string) =>
    fc.constantFrom<ColumnDefault | undefined>(
      undefined,
      { kind: "now" },
      { kind: "literal", value },
    );
  switch (of.kind) {
    case "text":
      return literal(text.map((value) => [...value].slice(0, of.maxLength).join("")));
    case "uuid":
      return fc.constantFrom<ColumnDefault | undefined>(undefined, { kind: "uuid" });
    case "smallint":
    case "integer":
    case "bigint":
      return literal(fc.oneof(
        fc.integer({ min: -1000, max: 1000 }),
        of.kind === "bigint" ? fc.constant("9007199254740993") : fc.constant(7),
      ));
    case "numeric": {
      const { precision, scale = 0 } = of;
      const limit = precision === undefined ? 2000 : 10 ** (precision - scale);
      return literal(
        fc.oneof(number.map((value) => Math.abs(value) + 1 < limit ? value : 0), fc.constant(0)),
      );
    }
    case "real":
    case "double":
      return literal(number);
    case "boolean":
      return literal(fc.boolean());
    case "timestamp":
      return orNow("2026-01-31 10:20");
    case "date":
      return orNow("2026-01-31");
    case "time":
      return orNow("10:20:30");
    case "json":
      return literal(fc.constantFrom("{}", '{"b": 1,"a":"it\'s \\\\"}', "[]"));
    case "array":
      return literal(fc.constant("{}"));
    case "bytes":
      return fc.constant(undefined);
  }
}

/** A column without its name. */
export const column: fc.Arbitrary<Omit<ColumnSpec, "name">> = type.chain((type) =>
  fc.record({ nullable: fc.boolean(), value: defaultOf(type) }).map(({ nullable, value }) => ({
    type,
    nullable,
    ...(value === undefined ? {} : { default: value }),
  }))
);

/** The expression that reads a column. */
export const read = (name: string): Expression => ({ kind: "column", name });
const literal = (value: string | number | boolean): Expression => ({ kind: "literal", value });

/** A condition over one column that both engines type alike. */
function conditionOn(column: ColumnSpec): fc.Arbitrary<Expression> {
  const left = read(column.name);
  const isNull = fc.constantFrom<Expression>(
    { kind: "isNull", operand: left },
    { kind: "isNotNull", operand: left },
  );
  if (column.type.kind === "text") {
    return fc.oneof(
      isNull,
      text.map((value): Expression => ({
        kind: "compare",
        operator: "like",
        left,
        right: literal(value),
      })),
      fc.array(text, { minLength: 1, maxLength: 3 }).map((values): Expression => ({
        kind: "in",
        operand: { kind: "call", function: "lower", arguments: [left] },
        values: values.map(literal),
      })),
      text.map((value): Expression => ({
        kind: "compare",
        operator: "=",
        left: { kind: "compare", operator: "||", left, right: literal(value) },
        right: { kind: "call", function: "coalesce", arguments: [left, literal(value)] },
      })),
    );
  }
  if (["integer", "numeric", "double"].includes(column.type.kind)) {
    return fc.tuple(number, fc.constantFrom("<", "<=", "<>", ">=" as const)).map(
      ([value, operator]): Expression => ({
        kind: "compare",
        operator,
        left: { kind: "compare", operator: "+", left, right: literal(value) },
        right: { kind: "call", function: "abs", arguments: [left] },
      }),
    );
  }
  if (column.type.kind !== "boolean") return isNull;
  return fc.boolean().map((value): Expression => ({
    kind: "compare",
    operator: "=",
    left,
    right: literal(value),
  }));
}

/** A condition over some of the columns. */
export function condition(columns: readonly ColumnSpec[]): fc.Arbitrary<Expression> {
  const single = fc.constantFrom(...columns).chain(conditionOn);
  return fc.oneof(
    single,
    single.map((operand): Expression => ({ kind: "not", operand })),
    fc.tuple(
      fc.constantFrom("and" as const, "or" as const),
      fc.array(single, { minLength: 1, maxLength: 3 }),
    )
      .map(([kind, operands]): Expression => ({ kind, operands })),
  );
}

/** An index over some of the columns. */
export function index(name: string, columns: readonly ColumnSpec[]): fc.Arbitrary<IndexSpec> {
  const key = fc.constantFrom(...columns).chain((each) =>
    fc.record({
      expression: fc.constantFrom(
        read(each.name),
        ...(each.type.kind === "text"
          ? [{ kind: "call", function: "lower", arguments: [read(each.name)] } as const]
          : []),
      ),
      descending: fc.boolean(),
    })
  );
  return fc.record({
    keys: fc.uniqueArray(key, {
      minLength: 1,
      maxLength: 3,
      selector: (each) => JSON.stringify(each.expression),
    }),
    unique: fc.boolean(),
    where: fc.option(condition(columns), { nil: undefined }),
  }).map(({ keys, unique, where }) => ({
    name,
    keys,
    unique,
    ...(where === undefined ? {} : { where }),
  }));
}

/** Every action of foreign keys. */
export const ACTIONS: readonly ForeignKeyAction[] = [
  "no action",
  "restrict",
  "cascade",
  "set null",
];

interface TableSeed {
  readonly part: string;
  readonly long: boolean;
  readonly columns: readonly (readonly [string, Omit<ColumnSpec, "name">])[];
}

const seed: fc.Arbitrary<TableSeed> = fc.record({
  part: namePart,
  long: fc.boolean(),
  columns: fc.array(fc.tuple(namePart, column), { minLength: 1, maxLength: 5 }),
});

const ID: ColumnSpec = {
  name: "id",
  type: { kind: "uuid" },
  nullable: false,
  default: { kind: "uuid" },
};
const TARGET: ColumnSpec = { name: "target", type: { kind: "uuid" }, nullable: true };

function table(
  schema: string,
  seeds: readonly TableSeed[],
  position: number,
): fc.Arbitrary<TableSpec> {
  const { columns } = seeds[position]!;
  const name = tableName(seeds[position]!, position);
  const all: ColumnSpec[] = [
    ID,
    ...columns.map(([part, rest], i) => ({ ...rest, name: `${part}${i}` })),
    TARGET,
    { name: "created_at", type: { kind: "timestamp" }, nullable: false, default: { kind: "now" } },
  ];
  return fc.record({
    indexes: fc.array(fc.constant(null), { maxLength: 2 }).chain((slots) =>
      fc.tuple(...slots.map((_, i) => index(`${name}'i${position}${i}`, all)))
    ),
    checks: fc.option(condition(all), { nil: undefined }),
    target: fc.option(fc.integer({ min: 0, max: position }), { nil: undefined }),
    onDelete: fc.constantFrom(...ACTIONS),
  }).map(({ indexes, checks, target, onDelete }): TableSpec => ({
    name: { schema, table: name },
    columns: all,
    primaryKey: ["id"],
    indexes,
    checks: checks === undefined ? [] : [{ name: `${name} check`, expression: checks }],
    foreignKeys: target === undefined ? [] : [{
      name: `${name} key`,
      columns: ["target"],
      target: tableName(seeds[target]!, target),
      targetColumns: ["id"],
      onDelete,
    }],
    tenantPolicy: false,
  }));
}

function tableName(seed: TableSeed, position: number): string {
  return `${seed.part}${position}${seed.long ? "é".repeat(40) : ""}`;
}

/**
 * The tables of one schema: tenant tables, or tables outside any tenant.
 *
 * @param schema physical schema.
 */
export function tables(schema: string): fc.Arbitrary<readonly TableSpec[]> {
  return fc.tuple(fc.array(seed, { minLength: 1, maxLength: 3 }), fc.boolean()).chain(
    ([seeds, isTenant]) =>
      fc.tuple(...seeds.map((_, position) => table(schema, seeds, position)))
        .map((specs) => isTenant ? specs.map(completeTable) : specs),
  );
}

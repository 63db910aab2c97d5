/**
 * Takes a unique key from under foreign keys on Postgres. A foreign key hangs on one certain index;
 * where another one would carry it too, the engine still refuses to drop the first.
 *
 * @module
 */

import { physicalName, postgresTable, quoteIdentifier } from "./names.ts";
import { foreignKeySql, nameComment } from "./postgres_objects.ts";
import type { SchemaState } from "./spec.ts";

/**
 * Surrounds statements that drop a unique key by dropping and adding the foreign keys on it.
 *
 * @param after the schema afterwards, in which every foreign key has a unique target.
 * @param table logical name of the table whose key goes.
 * @param columns columns of the key.
 * @param statements what drops it.
 * @returns the statements in order.
 */
export function reattached(
  after: SchemaState,
  table: string,
  columns: readonly string[],
  statements: readonly string[],
): string[] {
  const wanted = columns.toSorted().join("\0");
  const keys = [...after.values()].flatMap((holder) =>
    holder.foreignKeys.filter((key) =>
      key.target === table && key.targetColumns.toSorted().join("\0") === wanted
    ).map((key) => ({ holder, key, alter: `alter table ${postgresTable(holder.name)}` }))
  );
  return [
    ...keys.map(({ key, alter }) =>
      `${alter} drop constraint ${quoteIdentifier(physicalName(key.name))}`
    ),
    ...statements,
    ...keys.flatMap(({ holder, key, alter }) => [
      `${alter} add ${foreignKeySql(holder, key)}`,
      ...nameComment(holder, key.name),
    ]),
  ];
}

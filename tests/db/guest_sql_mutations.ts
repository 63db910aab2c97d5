/**
 * Statements of guests, and what becomes of them when pieces are put in, taken away or swapped for
 * what an attacker would like to see there.
 *
 * @module
 */

import fc from "fast-check";

const SEEDS: readonly (readonly ["read" | "write", string])[] = [
  ["read", "select a , b from t where a = 1 and b in ( select c from u ) order by a limit 1"],
  ["read", "with x as ( select a from t ) select x . a , u . b from x join u on u . id = x . a"],
  ["read", "select g . n from generate_series ( 1 , 3 ) as g ( n ) , lateral ( select g . n ) s"],
  ["read", "select count ( * ) filter ( where a ) over ( partition by b order by c ) from t"],
  [
    "read",
    "select ( a ) [ 1 ] , a :: text , cast ( b as int ) , array [ 1 , 2 ] , row ( 1 ) from t",
  ],
  [
    "write",
    "insert into t ( a ) select b from u on conflict ( a ) do update set a = 1 returning id",
  ],
  ["write", "update t set a = 1 , b = ( select 1 ) from u where u . id = t . id returning t . *"],
  ["write", "delete from t using u where u . id = t . id"],
  [
    "write",
    "merge into t using u on t . id = u . id when matched then update set a = 1 when not matched then insert ( a ) values ( 1 )",
  ],
  ["read", "select * from ( values ( 1 , 'a' ) ) as v ( a , b ) union all select 1 , 'b'"],
];
const SPLINTERS: readonly string[] = [
  ...["pg_class", "pg_catalog . pg_class", "metacore . users", "public . x", "addon_y . shared"],
  ...["information_schema . tables", "addon_z . t", "users", "t", "u", "x", "g", "ctid", "xmin"],
  ...["set_config ( 'role' , 'none' , true )", "pg_sleep ( 1 )", "current_setting ( 'x' )"],
  ...[
    "nextval ( 's' )",
    "query_to_xml ( 'x' , true , true , '' )",
    "lo_import ( 'f' )",
    "lower ( a )",
  ],
  ...["pg_sleep", "nextval", "set_config", ". pg_sleep", ". current_setting", "current_user"],
  ...[
    ":: regclass",
    ":: oid",
    ":: text",
    "as",
    "from",
    "select",
    "with",
    "recursive",
    "union",
    "(",
  ],
  ...[")", ",", ";", "--", "/*", "*/", "'", '"', "$$", "$1", "into", "for update", "returning *"],
  ...["operator ( public . + )", "operator ( pg_catalog . + )", 'collate "C"', 'collate "x"'],
  ...["organization_id", "( delete from t returning * )", "( select * from metacore . users )"],
  ...["with pg_class as ( select 1 )", "with users as ( select 1 )", "lateral", "join", "using"],
  ...[
    "rows from ( pg_ls_dir ( '.' ) )",
    "tablesample system ( 1 )",
    "\0",
    "only",
    "table",
    "values",
  ],
];

/** A mutated statement, for the kind that its seed is of. */
export interface Mutation {
  readonly access: "read" | "write";
  readonly sql: string;
}

/** Names in the seeds, which splinters may stand for. */
const NAME = /^(?:t|u|x|g|a|b|c|n|id)$/;

function mutate(words: string[], [at, edit, what]: readonly [number, string, number]): void {
  const splinter = SPLINTERS[what % SPLINTERS.length]!;
  const place = at % (words.length + 1);
  const names = words.flatMap((word, index) => NAME.test(word) ? [index] : []);
  switch (edit) {
    case "insert":
      return void words.splice(place, 0, splinter);
    case "replace":
      return void words.splice(place, 1, splinter);
    case "delete":
      return void words.splice(place, 1);
    case "swap":
      return void words.splice(
        names[at % names.length] ?? 0,
        1,
        words[names[what % names.length] ?? 0]!,
      );
    case "rename":
      return void words.splice(names[at % names.length] ?? 0, 1, splinter);
  }
}

/** A seed with splinters put in, put instead, and pieces moved or taken away. */
export const mutations: fc.Arbitrary<Mutation> = fc.tuple(
  fc.constantFrom(...SEEDS),
  fc.array(
    fc.tuple(
      fc.nat(1_000),
      fc.constantFrom("insert", "replace", "delete", "swap", "rename", "rename"),
      fc.nat(1_000),
    ),
    { minLength: 1, maxLength: 3 },
  ),
).map(([[access, seed], edits]) => {
  const words = seed.split(" ");
  for (const edit of edits) mutate(words, edit);
  return { access, sql: words.join(" ") };
});

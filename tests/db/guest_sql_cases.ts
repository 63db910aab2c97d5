/**
 * An author's statements over the tables of `guest_tables.ts`, each with the rows it gives on both
 * engines.
 *
 * @module
 */

import type { GuestArgument } from "../../src/db/guest_sql/guest_sql.ts";
import { ORG_A, rowId } from "./guest_tables.ts";

/** A query, its rows as JSON, its arguments. */
export type Case = readonly [sql: string, rows: unknown, given?: readonly GuestArgument[]];

/** Filters, expressions and order. */
export const EXPRESSIONS: readonly Case[] = [
  ["select code from items order by code", [["ink"], ["pad"], ["pen"]]],
  ["select count(*) from items", [[3]]],
  ["select code from items where is_sold", [["ink"]]],
  ["select code from items where not is_sold order by code desc", [["pen"], ["pad"]]],
  ["select code from items where is_sold = true or is_sold = 'f' and stock > 7 order by 1", [
    ["ink"],
    ["pen"],
  ]],
  ["select code from items where title is null", [["pad"]]],
  ["select code, price from items order by price, code", [
    ["pen", "1.50"],
    ["ink", "12.00"],
    ["pad", null],
  ]],
  ["select code from items order by price desc", [["pad"], ["ink"], ["pen"]]],
  ["select code from items order by price desc nulls last limit 1", [["ink"]]],
  ["select code from items order by code limit 1 offset 1", [["pad"]]],
  ["select code from items where code in ('ink', 'pad', 'xxx') order by code", [["ink"], [
    "pad",
  ]]],
  ["select code from items where code = any($1) order by code", [["ink"], ["pen"]], [
    "{ink,pen}",
  ]],
  ["select code from items where code <> all(array['ink','pen'])", [["pad"]]],
  ["select code from items where stock between 1 and 9", [["pad"]]],
  ["select code from items where stock not between 1 and 9 order by 1", [["ink"], ["pen"]]],
  ["select code from items where code like 'p%' order by 1", [["pad"], ["pen"]]],
  ["select code from items where code like 'P%'", []],
  ["select code from items where title ilike '%GRÖSSE' or title ilike '%GRÖß%'", [["ink"]]],
  ["select code from items where code not like '_e%' order by 1", [["ink"], ["pad"]]],
  ["select code from items where title is distinct from 'Pen' order by 1", [["ink"], ["pad"]]],
  ["select code from items where title is not distinct from null", [["pad"]]],
  [
    "select code, case when stock = 0 then 'none' when stock < 6 then 'few' else 'many' end s from items order by code",
    [
      ["ink", "none"],
      ["pad", "few"],
      ["pen", "many"],
    ],
  ],
  [
    "select coalesce(title, code), nullif(stock, 0), greatest(stock, 3), least(stock, null, 4) from items order by code",
    [
      ["Ink Größe", null, 3, 0],
      ["pad", 5, 5, 4],
      ["Pen", 10, 10, 4],
    ],
  ],
  ["select 7 / 2, 7 % 3, 7.0 > 6, 2 * 3 + 1, -5 / 2, 10 - 3.5 > 6", [[3, 1, true, 7, -2, true]]],
  ["select 'a' || 1 || 'b', 'x' || null, concat('a', null, 2, true)", [["a1b", null, "a2t"]]],
  ["select 1 = 1, null::bool, not true, (1 = 2) is not true, 1 <> 2 and true", [
    [true, null, false, true, true],
  ]],
  ["select (stock, code) = (5, 'pad') from items where code = 'pad'", [[true]]],
  [
    "select exists (select 1 from orders where quantity > 3), (select max(quantity) from orders)",
    [
      [true, 4],
    ],
  ],
  ["select code from items i where exists (select from orders o where o.item_id = i.id)", [[
    "pen",
  ]]],
  ["select distinct is_sold from items order by is_sold", [[false], [true]]],
];

/** Texts, numbers and casts. */
export const TEXTS_AND_NUMBERS: readonly Case[] = [
  [
    "select upper(title), lower(title), length(title), initcap('hello wORLD') from items where code = 'ink'",
    [
      ["INK GRÖßE", "ink größe", 9, "Hello World"],
    ],
  ],
  [
    "select substr('hello', 2, 3), substring('hello' from 2), left('hello', 2), right('hello', 2), left('hello', -1)",
    [
      ["ell", "ello", "he", "lo", "hell"],
    ],
  ],
  [
    "select trim('  a '), btrim('xxaxx', 'x'), ltrim('  a'), rtrim('a  '), lpad('7', 3, '0'), rpad('ab', 4, 'xy')",
    [
      ["a", "a", "a", "a", "007", "abxy"],
    ],
  ],
  [
    "select replace('banana', 'an', 'o'), repeat('ab', 3), reverse('abc'), split_part('a,b,c', ',', 2), strpos('hello', 'l'), position('l' in 'hello')",
    [
      ["booa", "ababab", "cba", "b", 3, 3],
    ],
  ],
  [
    "select starts_with('hello', 'he'), translate('12345', '143', 'ax'), chr(65), ascii('A'), to_hex(255)",
    [
      [true, "a2x5", "A", 65, "ff"],
    ],
  ],
  [
    "select abs(-5), sign(-2), mod(7, 3), round(2.567, 1), trunc(2.567, 2), ceil(1.2::float8), floor(-1.2::float8)",
    [
      [5, -1, 1, "2.6", "2.56", 2, -2],
    ],
  ],
  ["select round(2.5), round(-2.5), power(2::float8, 10), sqrt(16::float8)", [[
    "3",
    "-3",
    1024,
    4,
  ]]],
  [
    "select '12'::int, '1.50'::numeric(10, 2), 3.7::int, 'true'::bool, 5::text, 'abcdef'::varchar(3), 1::bool",
    [
      [12, "1.50", 4, true, "5", "abc", true],
    ],
  ],
  ["select true::text, price::text, id::text, due::text from items where code = 'pen'", [
    ["true", "1.50", rowId(1), "2026-03-01"],
  ]],
  ["select $1::int + 1, $2::text || 'x', $3 > 5", [[6, "yx", true]], ["5", "y", 7]],
  ["select price * 2, price + 1, stock * price from items where code = 'pen'", [
    ["3.00", "2.50", "15.00"],
  ]],
  ["select weight * 2, weight from items where code = 'pen'", [[0.5, 0.25]]],
];

/** Aggregates, joins, sub-queries and windows. */
export const QUERIES: readonly Case[] = [
  ["select count(*), count(price), sum(stock), min(code), max(price), sum(price) from items", [
    [3, 2, 15, "ink", "12.00", "13.50"],
  ]],
  ["select is_sold, count(*) n from items group by is_sold order by n desc", [[false, 2], [
    true,
    1,
  ]]],
  ["select is_sold as sold, sum(stock) from items group by sold having sum(stock) > 1", [[
    false,
    15,
  ]]],
  ["select is_sold, sum(stock) from items group by 1 order by 2", [[true, 0], [false, 15]]],
  ["select count(*) filter (where stock > 3), bool_or(is_sold), bool_and(is_sold) from items", [
    [2, true, false],
  ]],
  ["select string_agg(code, ', ' order by code) from items", [["ink, pad, pen"]]],
  ["select count(distinct is_sold) from items", [[2]]],
  [
    "select i.code, o.quantity from items i join orders o on o.item_id = i.id order by o.quantity",
    [
      ["pen", 3],
      ["pen", 4],
    ],
  ],
  [
    "select i.code, sum(o.quantity) from items i left join orders o on o.item_id = i.id group by i.code order by i.code",
    [
      ["ink", null],
      ["pad", null],
      ["pen", 7],
    ],
  ],
  [
    "select i.code, o.quantity from orders o right join items i on o.item_id = i.id order by 1, 2",
    [
      ["ink", null],
      ["pad", null],
      ["pen", 3],
      ["pen", 4],
    ],
  ],
  ["select a.code, b.code from items a, items b where a.code < b.code order by 1, 2", [
    ["ink", "pad"],
    ["ink", "pen"],
    ["pad", "pen"],
  ]],
  ["select count(*) from items a full join orders b on a.id = b.item_id and b.quantity > 3", [[
    4,
  ]]],
  ["select code from items where id in (select item_id from orders)", [["pen"]]],
  ["select code from items where id not in (select item_id from orders) order by code", [
    ["ink"],
    ["pad"],
  ]],
  [
    "select s.code, s.n from (select i.code, count(o.id) n from items i left join orders o on o.item_id = i.id group by i.code) s where s.n > 0",
    [
      ["pen", 2],
    ],
  ],
  [
    "with t as (select code, stock from items), u (c) as (select code from t where stock > 3) select c from u order by c",
    [
      ["pad"],
      ["pen"],
    ],
  ],
  [
    "with recursive n (i) as (select 1 union all select i + 1 from n where i < 5) select sum(i), count(*) from n",
    [
      [15, 5],
    ],
  ],
  [
    "select code from items where stock = 0 union select 'zzz' union all select 'zzz' order by 1",
    [
      ["ink"],
      ["zzz"],
      ["zzz"],
    ],
  ],
  ["select code from items except select 'ink' order by 1", [["pad"], ["pen"]]],
  ["select code from items intersect (select 'ink' union select 'pad') order by 1", [["ink"], [
    "pad",
  ]]],
  ["select * from (values (1, 'a'), (2, 'b')) v (n, t) where n > 1", [[2, "b"]]],
  [
    "select code, row_number() over (order by code), sum(stock) over (order by code), lag(code) over w from items window w as (order by code) order by code",
    [
      ["ink", 1, 0, null],
      ["pad", 2, 5, "ink"],
      ["pen", 3, 15, "pad"],
    ],
  ],
  [
    "select code, rank() over (partition by is_sold order by stock desc) r from items order by code",
    [
      ["ink", 1],
      ["pad", 2],
      ["pen", 1],
    ],
  ],
  ["select g from generate_series(1, 5, 2) g", [[1], [3], [5]]],
  ["select i.* from (select code, stock from items) i order by 1 limit 1", [["ink", 0]]],
];

/** Dates, JSON, arrays and typed arguments. */
export const DATES_AND_JSON: readonly Case[] = [
  ["select created_at, due from items where code = 'pen'", [
    ["2026-01-02T03:04:05.12Z", "2026-03-01T00:00:00Z"],
  ]],
  [
    "select code from items where created_at >= '2026-02-01' and created_at < '2026-03-01T00:00:00Z' order by 1",
    [
      ["ink"],
      ["pad"],
    ],
  ],
  ["select code from items where created_at = '2026-02-03T10:00:00Z'", [["ink"]]],
  ["select code from items where created_at > $1", [["pad"]], [
    { kind: "timestamp", text: "2026-02-03T11:00:00+01:00" },
  ]],
  ["select code from items where created_at > now() - interval '1 day'", []],
  ["select count(*) from items where created_at < now() + interval '200 years'", [[3]]],
  ["select created_at + interval '1 month 2 days 03:00' from items where code = 'pen'", [
    ["2026-02-04T06:04:05.12Z"],
  ]],
  ["select timestamptz '2026-01-31 10:00:00Z' + interval '1 month'", [["2026-02-28T10:00:00Z"]]],
  [
    "select date_trunc('month', created_at), date_trunc('day', created_at), date_trunc('hour', created_at) from items where code = 'pen'",
    [
      ["2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z", "2026-01-02T03:00:00Z"],
    ],
  ],
  [
    "select date_part('year', created_at), date_part('dow', created_at), date_part('epoch', created_at) from items where code = 'ink'",
    [
      [2026, 2, 1770112800],
    ],
  ],
  [
    "select extract(month from due)::int, due + 5, due - date '2026-02-27' from items where code = 'pen'",
    [
      [3, "2026-03-06T00:00:00Z", 2],
    ],
  ],
  ["select to_char(created_at, 'YYYY-MM-DD HH24:MI') from items where code = 'ink'", [
    ["2026-02-03 10:00"],
  ]],
  [
    "select created_at - timestamptz '2026-02-01 00:00:00Z', interval '90 minutes' from items where code = 'ink'",
    [
      ["2 days 10:00:00", "01:30:00"],
    ],
  ],
  ["select created_at::date, created_at::text from items where code = 'ink'", [
    ["2026-02-03T00:00:00Z", "2026-02-03 10:00:00+00"],
  ]],
  ["select now() > timestamptz '2020-01-01 00:00:00Z', current_date >= date '2020-01-01'", [[
    true,
    true,
  ]]],
  ["select data from items where code = 'pen'", [
    ['{"ok": true, "size": {"cm": 14}, "color": "blue"}'],
  ]],
  [
    "select data->>'color', data->'size'->>'cm', data->>'ok', data->'size', data->>'none' from items where code = 'pen'",
    [
      ["blue", "14", "true", '{"cm": 14}', null],
    ],
  ],
  ["select data->'parts'->>1, jsonb_array_length(data->'parts') from items where code = 'ink'", [[
    "2",
    3,
  ]]],
  ["select code from items where data->>'color' = $1", [["ink"]], ["red"]],
  ["select e from items, jsonb_array_elements_text(data->'parts') e where code = 'ink'", [["1"], [
    "2",
  ], ["3"]]],
  ["select jsonb_build_object('a', 1, 'b', is_sold) from items where code = 'ink'", [[
    '{"a": 1, "b": true}',
  ]]],
  ["select tags from items order by code", [[null], ["{}"], ["{blue,new}"]]],
  ["select code from items where 'blue' = any(tags)", [["pen"]]],
  ["select code from items where id = $1", [["ink"]], [{
    kind: "uuid",
    text: rowId(2).toUpperCase(),
  }]],
  ["select code from items where id = $1", [["ink"]], [rowId(2)]],
  ["select $1::uuid, $2::timestamptz, $3::bytea, $4::bool, $5::int8, $6::text", [
    [ORG_A, "2026-01-01T00:00:00Z", "\\x00ff", true, 5, null],
  ], [
    { kind: "uuid", text: ORG_A },
    { kind: "timestamp", text: "2026-01-01T00:00:00Z" },
    { kind: "bytes", bytes: new Uint8Array([0, 255]) },
    true,
    5n,
    null,
  ]],
];

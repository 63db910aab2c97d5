/**
 * The query language without a database: what clients send, what it means, what is refused.
 *
 * @module
 */

import assert from "node:assert/strict";
import fc from "fast-check";
import { parseFilter } from "../../src/records/query/filter.ts";
import { parseFilterValue } from "../../src/records/query/filter_value.ts";
import { parseListRequest } from "../../src/records/query/params.ts";
import { type Condition, planList } from "../../src/records/query/plan.ts";
import { shapeOf } from "../../src/records/shape.ts";
import { isKernelError } from "../../src/base/error.ts";
import { failure, query, tickets } from "./world.ts";

const shape = shapeOf(tickets);

function plan(text: string) {
  return planList(parseListRequest(query(text)), shape);
}

/** A condition as one line. */
function line(condition: Condition): string {
  const { name } = condition.column;
  switch (condition.kind) {
    case "compare":
      return `${name} ${condition.comparison} ${condition.value}`;
    case "in":
    case "notIn":
      return `${name} ${condition.kind} ${condition.values.join("|")}`;
    case "contains":
      return `${name} contains ${condition.text}`;
    default:
      return `${name} ${condition.kind}`;
  }
}

function conditions(text: string): string[] {
  return plan(text).selection.conditions.map(line);
}

Deno.test("parseListRequest() takes every search column once", () => {
  const repeated = parseListRequest(query(`search=x&search_columns=${"title,".repeat(2_000)}id`));
  assert.deepEqual(repeated.searchColumns, ["title", "id"]);
});

Deno.test("parseListRequest() has the defaults and limits of the contract", () => {
  const cases: [string, number, number][] = [
    ["", 1, 15],
    ["page=3&per_page=50", 3, 50],
    ["page=0&per_page=0", 1, 15],
    ["page=-1&per_page=abc", 1, 15],
    ["page=1.5&per_page=1e3", 1, 15],
    ["per_page=1000", 1, 200],
    ["page=999999999999", 10_000_000, 15],
    ["page=&page=4", 4, 15],
  ];
  for (const [text, page, perPage] of cases) {
    const request = parseListRequest(query(text));
    assert.deepEqual([request.page, request.perPage], [page, perPage], text);
  }
});

Deno.test("parseListRequest() reads both spellings of a sort, descending unless asked", () => {
  assert.deepEqual(parseListRequest(query("sortBy=title")).sort, {
    name: "title",
    direction: "desc",
  });
  assert.deepEqual(parseListRequest(query("sortBy= title &order=ASC")).sort, {
    name: "title",
    direction: "asc",
  });
  assert.deepEqual(parseListRequest(query("orderBy=created_at&orderDir=asc")).sort, {
    name: "created_at",
    direction: "asc",
  });
  assert.equal(parseListRequest(query("order=asc")).sort, undefined);
});

Deno.test("parseListRequest() cuts a search to 100 characters, not bytes or code units", () => {
  const { search } = parseListRequest(query(`search=${encodeURIComponent("😀".repeat(120))}`));
  assert.equal(search, "😀".repeat(100));
  assert.equal(parseListRequest(query("search=%20%20")).search, undefined);
});

Deno.test("filters: every spelling that clients send is understood", () => {
  const cases: [string, string[]][] = [
    ["f_status=open", ["status = open"]],
    ["f_status=eq:open", ["status = open"]],
    ["f_status=EQ: open ", ["status = open"]],
    ["f_status=12:30", ["status = 12:30"]],
    ["f_status=nope:x", ["status = nope:x"]],
    ["f_status=&f_status=done", ["status = done"]],
    ["f_status=IN:open, done,,", ["status in open|done"]],
    ["f_status=in:", []],
    ["f_status=NOT_IN:open", ["status notIn open"]],
    ["f_title=ILIKE:50%25", ["title contains 50%"]],
    ["f_title=like:x", ["title contains x"]],
    ["f_priority=GT:3", ["priority > 3"]],
    ["f_priority=gte:3", ["priority >= 3"]],
    ["f_priority=LT:-3", ["priority < -3"]],
    ["f_priority=lte:3", ["priority <= 3"]],
    ["f_priority=gt:", []],
    ["f_priority=RANGE:1,5", ["priority >= 1", "priority <= 5"]],
    ["f_priority=range:1|5", ["priority >= 1", "priority <= 5"]],
    ["f_priority=RANGE:,5", ["priority <= 5"]],
    ["f_priority=RANGE:1|", ["priority >= 1"]],
    ["f_priority=RANGE:|", []],
    ["f_price=12.5", ["price = 12.5"]],
    ["f_views=9007199254740993", ["views = 9007199254740993"]],
    ["f_active=true", ["active = true"]],
    ["f_active=1", ["active = true"]],
    ["f_active=FALSE", ["active = false"]],
    ["f_body=NULL:", ["body isNull"]],
    ["f_body=not_null:", ["body isNotNull"]],
    ["f_body=NULL:false", ["body isNotNull"]],
    ["f_extra=NULL:", ["extra isNull"]],
    [
      "f_created_at=2026-01-01_2026-01-31",
      ["created_at >= 2026-01-01T00:00:00.000Z", "created_at < 2026-02-01T00:00:00.000Z"],
    ],
    ["f_created_at=_2026-12-31", ["created_at < 2027-01-01T00:00:00.000Z"]],
    ["f_created_at=2026-01-01_", ["created_at >= 2026-01-01T00:00:00.000Z"]],
    [
      "f_created_at=RANGE:2026-01-01,2026-01-02",
      ["created_at >= 2026-01-01T00:00:00.000Z", "created_at < 2026-01-03T00:00:00.000Z"],
    ],
    [
      "f_due_at=2026-02-28",
      ["due_at >= 2026-02-28T00:00:00.000Z", "due_at < 2026-03-01T00:00:00.000Z"],
    ],
    ["f_due_at=GT:2026-02-28", ["due_at >= 2026-03-01T00:00:00.000Z"]],
    ["f_due_at=LT:2026-02-28", ["due_at < 2026-02-28T00:00:00.000Z"]],
    ["f_due_at=2026-02-28T12:00:00Z", ["due_at = 2026-02-28T12:00:00.000Z"]],
    ["f_due_at=LTE:2026-02-28T12:00:00%2B02:00", ["due_at <= 2026-02-28T10:00:00.000Z"]],
    ["f_due_on=2026-02-28", ["due_on = 2026-02-28"]],
    ["f_due_on=2026-02-01_2026-02-28", ["due_on >= 2026-02-01", "due_on <= 2026-02-28"]],
    [
      "f_customer_id=eq:0190AAAA-0000-7000-8000-000000000001",
      ["customer_id = 0190aaaa-0000-7000-8000-000000000001"],
    ],
    ["f_state=open", ["status = open"]],
    ["f_created_by=NULL:", ["created_by_id isNull"]],
    ["f_customer=NULL:", ["customer_id isNull"]],
    ["f_customer.name=x", []],
    ["lang=es&branch=1&format=csv&columns=a&column_labels={}&_t=1&whatever=2", []],
  ];
  for (const [text, expected] of cases) assert.deepEqual(conditions(text), expected, text);
});

Deno.test("names: an unknown column is refused with its name and the nearest one", () => {
  const cases: [string, string, RegExp][] = [
    ["f_statsu=open", "record.unknown_column", /filter column "statsu"; did you mean "status"/],
    ["sortBy=tilte", "record.unknown_column", /sort column "tilte"; did you mean "title"/],
    ["search=x&search_columns=boby", "record.unknown_column", /search column "boby".*"body"/],
    ["f_deleted_at=NULL:", "record.unknown_column", /deleted_at/],
    ["f_title%22%20or%201=1", "record.unknown_column", /title" or 1/],
    ["status=open", "record.unknown_parameter", /did you mean "f_status"/],
  ];
  for (const [text, code, message] of cases) {
    assert.throws(() => plan(text), failure(code, "invalid", message), text);
  }
  assert.throws(() => plan("f_statsu=x"), (thrown) => {
    assert.ok(isKernelError(thrown));
    assert.deepEqual(thrown.details, { use: "filter", column: "statsu", suggestion: "status" });
    return true;
  });
});

Deno.test("values: what does not fit its column is refused with column, value and type", () => {
  const cases: [string, RegExp][] = [
    ["f_priority=abc", /"priority": "abc" is not an integer/],
    ["f_priority=1.5", /an integer/],
    ["f_priority=99999999999", /2147483647/],
    ["f_priority=IN:1,x", /"x" is not an integer/],
    ["f_priority=RANGE:a,5", /"a"/],
    ["f_views=99999999999999999999", /64 bits/],
    ["f_price=1,5", /a number/],
    ["f_active=maybe", /true or false/],
    ["f_customer_id=12", /a UUID/],
    ["f_due_on=2026-02-30", /a date/],
    ["f_due_at=tomorrow", /a date or time/],
    ["f_created_at=2026-01-01_x", /"x"/],
    ["f_extra=1", /only NULL and NOT_NULL/],
    ["f_active=ILIKE:t", /ILIKE|contain a text/],
    ["f_body=NULL:x", /true or false/],
    ["f_title=a%00b", /a text/],
    [`f_priority=IN:${"1,".repeat(501)}`, /at most 500/],
  ];
  for (const [text, message] of cases) {
    assert.throws(() => plan(text), failure("record.invalid_filter", "invalid", message), text);
  }
});

Deno.test("planList() sorts by view keys where a column stands behind them, else not at all", () => {
  const sorted = (text: string) => plan(text).sort?.column.name;
  assert.equal(sorted("sortBy=customer"), "customer_id");
  assert.equal(sorted("sortBy=state"), "status");
  assert.equal(sorted("sortBy=created_by"), "created_by_id");
  assert.equal(sorted("sortBy=customer.name"), undefined);
});

Deno.test("planList() searches the view's columns, or those the client names", () => {
  const searched = (text: string) =>
    plan(text).selection.search?.columns.map((column) => column.name);
  assert.deepEqual(searched("search=x"), ["title", "body"]);
  assert.deepEqual(searched("search=x&search_columns=code,priority,active"), ["code", "priority"]);
  assert.deepEqual(searched("search=x&search_columns=customer.name"), ["title", "body"]);
  assert.equal(searched("search_columns=code"), undefined);
});

Deno.test("any query string gives a plan or a refusal, never another failure", () => {
  const names = [...shape.columns.keys(), "state", "nope", "customer.name", ""];
  const operators = ["", "eq:", "IN:", "not_in:", "RANGE:", "gt:", "NULL:", "ilike:", "x:"];
  const value = fc.oneof(
    fc.string({ unit: "binary", maxLength: 30 }),
    fc.constantFrom("1", "-5", "true", "2026-01-31", "a_b", "1|2", ",", "1e9", "2026-01-01_"),
    fc.uuid(),
  );
  const filter = fc.tuple(fc.constantFrom(...names), fc.constantFrom(...operators), value)
    .map(([name, operator, text]): [string, string] => [`f_${name}`, operator + text]);
  const other = fc.tuple(
    fc.constantFrom("page", "per_page", "sortBy", "order", "search", "search_columns", "status"),
    value,
  );
  fc.assert(fc.property(fc.array(fc.oneof(filter, other), { maxLength: 6 }), (pairs) => {
    try {
      planList(parseListRequest(new URLSearchParams(pairs)), shape);
    } catch (thrown) {
      if (!isKernelError(thrown) || thrown.kind !== "invalid") throw thrown;
    }
  }));
});

Deno.test("parseFilter() and parseFilterValue() leave texts alone", () => {
  fc.assert(fc.property(fc.string({ unit: "grapheme" }), (text) => {
    const filter = parseFilter("title", `eq:${text}`);
    assert.equal(filter?.value ?? "", text.trim());
    if (text.includes("\0")) return;
    assert.equal(parseFilterValue(text, { kind: "text" }), text);
  }));
});

/**
 * Manifests that somebody hostile would send: JSON that readers would take for different things, and
 * names, types and rights that are none.
 *
 * @module
 */

import fc from "fast-check";
import type { Json, JsonObject } from "../../src/base/json.ts";
import { type HostileClass, rawBundle, SOUND } from "./hostile_archives.ts";

/** Every name, reference and list that a flat manifest may hold, sound. */
export const SOUND_DOCUMENT: JsonObject = {
  ...SOUND,
  navigation: [{ title: "Group", items: [{ title: "Things", model: "Thing" }] }],
  settings: [{ key: "prefix", label: "Prefix", type: "string" }],
  actions: { Thing: [{ key: "go", label: "Go", fields: [{ name: "why" }] }] },
  tools: [{ id: "find", input_schema: [{ name: "code", type: "string" }] }],
  extensions: [{ model: "crm.Customer", columns: [{ name: "vat", type: "string" }] }],
  capabilities: [{ kind: "db:read", target: "addon_crm.customers" }],
  model_definitions: [{
    table_name: "things",
    model_key: "Thing",
    label: "Things",
    columns: [{ name: "title", type: "string" }, { name: "owner_id", type: "uuid" }],
    relations: [{ name: "owner", kind: "belongs_to", through: "users", foreign_key: "owner_id" }],
  }, {
    table_name: "parts",
    model_key: "Part",
    label: "Parts",
    columns: [{ name: "code", type: "string" }],
  }],
};

/** Ways to the objects of a document. */
function objectsOf(value: Json, path: readonly string[] = []): (readonly string[])[] {
  if (typeof value !== "object" || value === null) return [];
  const inner = Object.entries(value).flatMap(([key, each]) =>
    objectsOf(each as Json, [...path, key])
  );
  return Array.isArray(value) ? inner : [path, ...inner];
}

/** A copy of a document with one value put somewhere. */
export function withValue(
  document: JsonObject,
  path: readonly string[],
  value: unknown,
): Record<string, unknown> {
  const copy: Record<string, unknown> = structuredClone(document);
  let at = copy;
  // Border: the path was made of the document's own keys.
  for (const step of path.slice(0, -1)) at = at[step] as Record<string, unknown>;
  at[path.at(-1)!] = value;
  return copy;
}

/** A text of JSON that no value could be written as, put into any object of the manifest. */
function writtenInto(texts: fc.Arbitrary<string>): fc.Arbitrary<Uint8Array> {
  const places = fc.constantFrom(...objectsOf(SOUND_DOCUMENT));
  return fc.tuple(places, texts).map(([path, text]) => {
    const marked = withValue(SOUND_DOCUMENT, [...path, "@"], 0);
    return rawBundle(JSON.stringify(marked).replace('"@":0', () => text));
  });
}

const nested = (open: string, close: string) =>
  fc.integer({ min: 65, max: 3000 }).map((depth) =>
    `"deep":${open.repeat(depth)}0${close.repeat(depth)}`
  );

/** Classes of JSON texts. */
export const jsonClasses: HostileClass[] = ([
  ["prototype keys", fc.constantFrom('"__proto__":{}', '"\\u005f_proto__":{"key":"x"}')],
  ["keys that are there twice", fc.constantFrom('"x":1,"x":2', '"x":1,"\\u0078":2')],
  ["deep lists", nested("[", "]")],
  ["deep objects", nested('{"a":', "}")],
  [
    "numbers that cannot be held",
    fc.constantFrom(
      '"n":1e400',
      '"n":-1e999',
      '"n":12345678901234567890',
      `"n":${"9".repeat(400)}`,
    ),
  ],
  ["halves of surrogate pairs", fc.constantFrom('"s":"\\ud800"', '"\\udfff":1', '"s":"\\ud83dx"')],
  ["NUL", fc.constantFrom('"s":"\\u0000"', '"a\\u0000b":1')],
  ["raw control characters", fc.constantFrom('"s":"\n"', '"s":"\u0007"')],
  ["what is no JSON", fc.constantFrom('"n":NaN', '"n":0x1', '"n":01', "'n':1", '"n":1,', "/*x*/")],
] as [string, fc.Arbitrary<string>][]).map(([what, texts]) => ({
  what: `${what} at any depth of the manifest`,
  code: "bundle.bad_json",
  archives: writtenInto(texts),
}));

/** Places of names in the document, and whether the name is a key of a map. */
const NAMES: readonly (readonly string[])[] = [
  ["key"],
  ["settings", "0", "key"],
  ["actions", "Thing", "0", "key"],
  ["actions", "Thing", "0", "fields", "0", "name"],
  ["tools", "0", "id"],
  ["tools", "0", "input_schema", "0", "name"],
  ["extensions", "0", "model"],
  ["extensions", "0", "columns", "0", "name"],
  ["model_definitions", "0", "table_name"],
  ["model_definitions", "0", "model_key"],
  ["model_definitions", "0", "columns", "0", "name"],
  ["model_definitions", "0", "relations", "0", "name"],
  ["model_definitions", "0", "relations", "0", "through"],
  ["model_definitions", "0", "relations", "0", "foreign_key"],
];
const BAD_NAMES = [
  "",
  " ",
  'x"; drop table metacore.users; --',
  "x'; drop table users; --",
  "x) cascade; --",
  "$1",
  "a b",
  "a/b",
  "../x",
  "ｔable",
  "tаble",
  "1a",
  "a\u0301",
  "constructor",
  "__proto__",
  "toString",
  "hasOwnProperty",
  "a".repeat(200),
  "a".repeat(5000),
];

const COLLISIONS: readonly [string, readonly string[], unknown][] = [
  ["two models of one table", ["model_definitions", "1", "table_name"], "things"],
  [
    "two models of one key in another letter case",
    ["model_definitions", "1", "model_key"],
    "THING",
  ],
  [
    "a model with the key of another one's table",
    ["model_definitions", "1", "model_key"],
    "Things",
  ],
  ["two columns", ["model_definitions", "0", "columns", "1", "name"], "title"],
  ["two relations", ["model_definitions", "0", "relations", "1"], {
    name: "owner",
    kind: "belongs_to",
    through: "users",
    foreign_key: "owner_id",
  }],
  ["two actions in another letter case", ["actions", "Thing", "1"], { key: "GO", label: "x" }],
  ["two fields", ["actions", "Thing", "0", "fields", "1"], { name: "WHY" }],
  ["two settings", ["settings", "1"], { key: "PREFIX", label: "x", type: "string" }],
  ["two parameters", ["tools", "0", "input_schema", "1"], { name: "CODE", type: "string" }],
  ["two columns of an extension", ["extensions", "0", "columns", "1"], {
    name: "vat",
    type: "text",
  }],
  ["a column of every table, of another type", ["model_definitions", "0", "columns", "0"], {
    name: "organization_id",
    type: "text",
  }],
];

const TYPES: readonly (readonly string[])[] = [
  ["model_definitions", "0", "columns", "0", "type"],
  ["extensions", "0", "columns", "0", "type"],
  ["model_definitions", "0", "relations", "0", "kind"],
  ["tenant_isolation"],
];

function changed(path: readonly string[], value: unknown): Uint8Array {
  return rawBundle(JSON.stringify(withValue(SOUND_DOCUMENT, path, value)));
}

/** Classes of manifests. */
export const manifestClasses: HostileClass[] = [
  {
    what: "names that are none",
    code: "bundle.invalid_manifest",
    archives: fc.tuple(fc.constantFrom(...NAMES), fc.constantFrom(...BAD_NAMES))
      .map(([path, name]) => changed(path, name)),
  },
  {
    what: "actions of models that are none",
    code: "bundle.invalid_manifest",
    archives: fc.constantFrom(...BAD_NAMES.filter((name) => name !== "__proto__"))
      .map((name) => changed(["actions", name], [])),
  },
  {
    what: "reserved keys",
    code: "bundle.invalid_manifest",
    archives: fc.constantFrom("kernel", "metacore", "host", "constructor", "valueOf")
      .map((key) => changed(["key"], key)),
  },
  ...COLLISIONS.map(([what, path, value]) => ({
    what,
    code: "bundle.invalid_manifest",
    archives: fc.constant(0).map(() => changed(path, value)),
  })),
  {
    what: "types that are none",
    code: "bundle.invalid_manifest",
    archives: fc.tuple(
      fc.constantFrom(...TYPES),
      fc.constantFrom("blob", "text; drop table x", "varchar(9)) --", "regclass", "serial", "x[]"),
    ).map(([path, type]) => changed(path, type)),
  },
  {
    what: "defaults that are SQL",
    code: "bundle.invalid_manifest",
    archives: fc.constantFrom(
      "(select 1)",
      "'a'||pg_sleep(9)",
      "'a'; drop table x; --'",
      "nextval('x')",
      "current_user",
      "E'\\x00'",
    ).map((value) => changed(["model_definitions", "0", "columns", "0", "default"], value)),
  },
  {
    what: "rights that are too wide",
    code: "bundle.invalid_manifest",
    archives: fc.constantFrom(["db:write", "*"], ["db:read", "*"], ["http:fetch", "*"], [
      "http:fetch",
      "*.com",
    ]).map(([kind, target]) => changed(["capabilities", "0"], { kind, target })),
  },
  {
    what: "patterns that would unroll",
    code: "bundle.invalid_manifest",
    archives: fc.constantFrom("((a{1000}){1000}){1000}", "(a{900}){900}", "(", "(?=x)").map((
      regex,
    ) => changed(["model_definitions", "0", "columns", "0", "validation"], { regex })),
  },
  {
    what: "addresses that browsers would run",
    code: "bundle.invalid_manifest",
    archives: fc.constantFrom("javascript:alert(1)", "java\tscript:x", "data:text/html,x")
      .map((url) => changed(["navigation", "0", "items", "0", "url"], url)),
  },
  {
    what: "generations that nobody reads",
    code: "bundle.unsupported_manifest",
    archives: fc.constantFrom("asteby.com/v9", "asteby.com/v3 ", "gonext.io/v2")
      .map((apiVersion) => changed(["apiVersion"], apiVersion)),
  },
  {
    what: "other kernels",
    code: "bundle.kernel_mismatch",
    archives: fc.constantFrom(">=3.0.0", "<2.0.0", "=1.0.0").map((range) =>
      changed(["kernel"], range)
    ),
  },
  {
    what: "manifests that are no text",
    code: "bundle.bad_text",
    archives: fc.constantFrom([0xff, 0xfe], [0x7b, 0xc3, 0x28, 0x7d], [0xed, 0xa0, 0x80])
      .map((bytes) => rawBundle(Uint8Array.from(bytes))),
  },
  {
    what: "manifests that are too large",
    code: "bundle.entry_too_large",
    archives: fc.constant(0).map(() =>
      rawBundle(JSON.stringify({ ...SOUND, readme: loose(1_200_000) }))
    ),
  },
];

/** Text that compresses little, so that its size is what is refused. */
function loose(length: number): string {
  let state = 7;
  return Array.from({ length }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return String.fromCharCode(97 + (state >>> 24) % 26);
  }).join("");
}

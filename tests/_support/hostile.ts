/**
 * Generates bundles that somebody hostile would send, each class with the code that refuses it:
 * archives that lie about their names and sizes, manifests that lie about what they are.
 *
 * @module
 */

import fc from "fast-check";
import type { Json, JsonObject } from "../../src/base/json.ts";
import {
  joinBytes,
  paxEntry,
  rawEntry,
  rawGzip,
  type RawHeader,
  rawTar,
} from "../bundle/raw_tar.ts";

/** A class of hostile bundles. */
export interface HostileClass {
  /** What is wrong with them. */
  readonly what: string;
  /** Code that refuses every one of them. */
  readonly code: string;
  /** The bundles. */
  readonly archives: fc.Arbitrary<Uint8Array>;
}

const SOUND: JsonObject = { key: "hostile", name: "Hostile", version: "1.0.0" };

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

/** Packs a manifest by hand; what is wrong with it stays wrong. */
export function rawBundle(manifest: string | Uint8Array, ...files: RawHeader[]): Uint8Array {
  const entries = [{ name: "manifest.json", body: manifest }, ...files].map(rawEntry);
  return rawGzip(rawTar(entries));
}

function withFile(...files: RawHeader[]): Uint8Array {
  return rawBundle(JSON.stringify(SOUND), ...files);
}

const word = fc.stringMatching(/^[a-z]{1,8}$/);
const folder = fc.array(word, { minLength: 1, maxLength: 4 });

/** A path with one step put in anywhere. */
function pathWith(step: string): fc.Arbitrary<string> {
  return fc.tuple(folder, fc.nat(4)).map(([steps, at]) =>
    ["frontend", ...steps.slice(0, at), step, ...steps.slice(at)].join("/")
  );
}

const badPaths: [string, fc.Arbitrary<string>][] = [
  ["climb", pathWith("..")],
  ["stand still", pathWith(".")],
  ["have an empty step", folder.map((steps) => `frontend//${steps.join("/")}`)],
  ["are absolute", folder.map((steps) => `/${steps.join("/")}`)],
  ["climb with backslashes", folder.map((steps) => `frontend\\..\\${steps.join("\\")}`)],
  ["name a drive or a stream", pathWith("c:x")],
  ["end in a dot", pathWith("con.")],
  ["end in a blank", pathWith("x ")],
  [
    "hold a control character",
    fc.constantFrom(1, 7, 10, 27, 127, 0x202e, 0x200b, 0xfeff)
      .chain((code) => pathWith(`a${String.fromCodePoint(code)}b`)),
  ],
  ["are not composed (NFD)", fc.oneof(pathWith("e\u0301"), pathWith("\u212a"))],
];

const twins: fc.Arbitrary<[string, string]> = fc.oneof(
  folder.map((steps): [string, string] => {
    const path = `frontend/${steps.join("/")}.js`;
    return [path, path];
  }),
  folder.map((steps): [string, string] => {
    const path = `frontend/${steps.join("/")}.js`;
    return [path, path.toUpperCase().replace("FRONTEND", "frontend")];
  }),
  fc.constant<[string, string]>(["frontend/É.js", "frontend/é.js"]),
  folder.map((steps): [string, string] => {
    const path = `frontend/${steps.join("/")}`;
    return [path, `${path}/x.js`];
  }),
  fc.constant<[string, string]>(["migrations/0001.sql", "migrations/sub/0001.sql"]),
);

const archiveClasses: HostileClass[] = [
  ...badPaths.map(([what, paths]) => ({
    what: `names that ${what}`,
    code: "bundle.bad_path",
    archives: paths.map((name) => withFile({ name, body: "x" })),
  })),
  {
    what: "names that climb, in a PAX header",
    code: "bundle.bad_path",
    archives: pathWith("..").map((path) =>
      rawGzip(rawTar([
        rawEntry({ name: "manifest.json", body: JSON.stringify(SOUND) }),
        paxEntry({ path }),
        rawEntry({ name: "frontend/plain.js", body: "x" }),
      ]))
    ),
  },
  {
    what: "links and devices",
    code: "bundle.entry_kind",
    archives: fc.tuple(
      fc.constantFrom("1", "2", "3", "4", "6", "7", "S", "D", "M", "V", "Z"),
      fc.constantFrom("/etc/passwd", "../../etc/passwd", "manifest.json"),
    ).map(([type, linkname]) => withFile({ name: "frontend/x", type, linkname })),
  },
  {
    what: "two entries in one place",
    code: "bundle.duplicate_entry",
    archives: twins.map(([one, other]) =>
      withFile({ name: one, body: "1" }, { name: other, body: "2" })
    ),
  },
  {
    what: "two manifests",
    code: "bundle.duplicate_entry",
    archives: fc.constantFrom("manifest.json", "MANIFEST.json", "Manifest.JSON").map((name) =>
      withFile({ name, body: "{}" })
    ),
  },
  {
    what: "bombs of one file",
    code: "bundle.ratio_too_high",
    archives: fc.integer({ min: 4, max: 12 }).map((mib) =>
      withFile({ name: "frontend/zeros.bin", body: new Uint8Array(mib << 20) })
    ),
  },
  {
    what: "bombs of many files",
    code: "bundle.too_many_entries",
    archives: fc.constant(5000).map((count) => {
      const files = Array.from({ length: count }, (_, at) => ({ name: `frontend/${at}` }));
      // Names that do not compress keep it below the ratio.
      return withFile(...files.map((file, at) => ({ ...file, body: noise(at) })));
    }),
  },
  {
    what: "gzip streams that are cut",
    code: "bundle.bad_gzip",
    archives: fc.nat(200).map((cut) => {
      const whole = withFile({ name: "frontend/x.js", body: noise(1) });
      return whole.slice(0, Math.max(1, whole.length - 1 - cut));
    }),
  },
  {
    what: "something behind the gzip stream",
    code: "bundle.bad_gzip",
    archives: fc.uint8Array({ minLength: 1, maxLength: 64 }).map((rest) =>
      joinBytes([withFile(), rest])
    ),
  },
  {
    what: "a second gzip member",
    code: "bundle.bad_gzip",
    archives: fc.constant(0).map(() => joinBytes([withFile(), withFile()])),
  },
  {
    what: "bytes that are no gzip",
    code: "bundle.bad_gzip",
    archives: fc.uint8Array({ maxLength: 200 }).map((bytes) =>
      joinBytes([new Uint8Array(1), bytes])
    ),
  },
  {
    what: "tar headers whose checksum is wrong",
    code: "bundle.bad_tar",
    archives: fc.integer({ min: 1, max: 500 }).map((checksumError) =>
      withFile({ name: "frontend/x", checksumError })
    ),
  },
  {
    what: "sizes beyond the archive",
    code: "bundle.bad_tar",
    archives: fc.integer({ min: 5000, max: 30_000_000 }).map((size) =>
      withFile({ name: "frontend/x", body: "x", size })
    ),
  },
  {
    what: "no manifest",
    code: "bundle.incomplete",
    archives: word.map((name) => rawGzip(rawTar([rawEntry({ name: `frontend/${name}` })]))),
  },
];

/** Bytes that do not compress, and are the same every time. */
function noise(seed: number): Uint8Array {
  let state = seed + 1;
  return Uint8Array.from({ length: 400 }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state >>> 24;
  });
}

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

const jsonClasses: HostileClass[] = ([
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

const manifestClasses: HostileClass[] = [
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

/** Every class of bundles that no installation needs to be looked at to refuse. */
export const HOSTILE_CLASSES: readonly HostileClass[] = [
  ...archiveClasses,
  ...jsonClasses,
  ...manifestClasses,
];

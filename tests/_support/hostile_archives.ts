/**
 * Archives that somebody hostile would send: they lie about names, kinds and sizes.
 *
 * @module
 */

import fc from "fast-check";
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

/** The least manifest that is taken. */
export const SOUND = { key: "hostile", name: "Hostile", version: "1.0.0" };

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

/** Classes of archives. */
export const archiveClasses: HostileClass[] = [
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

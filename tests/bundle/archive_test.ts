/**
 * The archive reader against archives that are sound, hostile, damaged and random.
 *
 * @module
 */

import assert from "node:assert/strict";
import { crc32 } from "node:zlib";
import fc from "fast-check";
import { isKernelError, type KernelError } from "../../src/base/error.ts";
import { readArchive } from "../../src/bundle/archive.ts";
import { pathFault } from "../../src/bundle/entry_path.ts";
import type { ArchiveLimits } from "../../src/bundle/limits.ts";
import { joinBytes, paxEntry, rawEntry, rawGzip, rawTar, sealHeader } from "./raw_tar.ts";

const encoder = new TextEncoder();
const decoder = new TextDecoder();
const FILE = rawEntry({ name: "manifest.json", body: "{}" });
const GNU = "ustar  \0";

function gz(...entries: Uint8Array[]): Uint8Array {
  return rawGzip(rawTar(entries));
}

async function paths(archive: Uint8Array, limits?: ArchiveLimits): Promise<string[]> {
  return (await readArchive(archive, limits)).map((entry) => entry.path);
}

async function refusal(archive: Uint8Array, limits?: ArchiveLimits): Promise<KernelError> {
  try {
    await readArchive(archive, limits);
  } catch (error) {
    assert.ok(isKernelError(error), `threw ${error}, which is no KernelError`);
    return error;
  }
  throw new assert.AssertionError({ message: "the archive was taken" });
}

Deno.test("readArchive() takes what real tools write", async () => {
  const long = `frontend/${"a".repeat(90)}/${"b".repeat(60)}.js`;
  const cases: [string, Uint8Array, string[]][] = [
    ["a plain file", gz(FILE), ["manifest.json"]],
    ["an empty file", gz(rawEntry({ name: "README.md" })), ["README.md"]],
    ["no file at all", gz(), []],
    ["a NUL type flag", gz(rawEntry({ name: "a", type: "\0" })), ["a"]],
    ["folders", gz(rawEntry({ name: "migrations/", type: "5" }), FILE), ["manifest.json"]],
    ["a ustar prefix", gz(rawEntry({ name: "b.js", prefix: "frontend/x" })), ["frontend/x/b.js"]],
    ["a PAX path", gz(paxEntry({ path: long, mtime: "1.5" }), rawEntry({ name: "cut" })), [long]],
    ["vendor records", gz(paxEntry({ "LIBARCHIVE.creationtime": "1" }), FILE), ["manifest.json"]],
    ["a git comment", gz(paxEntry({ comment: "0a1b" }, "g"), FILE), ["manifest.json"]],
    [
      "a GNU long name",
      gz(
        rawEntry({ name: "././@LongLink", type: "L", body: `${long}\0`, magic: GNU }),
        rawEntry({ name: "cut", magic: GNU }),
      ),
      [long],
    ],
    [
      "GNU times where POSIX has a prefix",
      gz(rawEntry({ name: "a", magic: GNU, prefix: "14751234567\0" })),
      ["a"],
    ],
    ["a tape's worth of zeros behind", rawGzip(rawTar([FILE], new Uint8Array(10240))), [
      "manifest.json",
    ]],
    ["names beyond ASCII", gz(rawEntry({ name: "frontend/é世界.js" })), ["frontend/é世界.js"]],
  ];
  for (const [what, archive, expected] of cases) {
    assert.deepEqual(await paths(archive), expected, what);
  }
});

Deno.test("readArchive() gives an extension's name to the next entry only", async () => {
  const archive = gz(paxEntry({ path: "frontend/long" }), rawEntry({ name: "cut" }), FILE);
  assert.deepEqual(await paths(archive), ["frontend/long", "manifest.json"]);
});

Deno.test("readArchive() takes every optional field of a gzip header", async () => {
  const tar = rawTar([FILE]);
  const name = encoder.encode("addon.tar\0");
  const extra = new Uint8Array([3, 0, 1, 2, 3]);
  assert.deepEqual(await paths(rawGzip(tar, { flags: 8, extra: name })), ["manifest.json"]);
  assert.deepEqual(await paths(rawGzip(tar, { flags: 16, extra: name })), ["manifest.json"]);
  assert.deepEqual(await paths(rawGzip(tar, { flags: 4, extra })), ["manifest.json"]);
  const header = new Uint8Array([0x1f, 0x8b, 8, 2, 0, 0, 0, 0, 0, 255]);
  const sum = crc32(header) & 0xffff;
  const good = new Uint8Array([sum & 255, sum >> 8]);
  assert.deepEqual(await paths(rawGzip(tar, { flags: 2, extra: good })), ["manifest.json"]);
  const bad = await refusal(rawGzip(tar, { flags: 2, extra: good.map((byte) => byte ^ 1) }));
  assert.equal(bad.code, "bundle.bad_gzip");
});

Deno.test("readArchive() gives the bytes of each file", async () => {
  const body = crypto.getRandomValues(new Uint8Array(1500));
  const [first, second] = await readArchive(gz(rawEntry({ name: "a", body }), FILE));
  assert.deepEqual(first!.bytes, body);
  assert.equal(decoder.decode(second!.bytes), "{}");
});

Deno.test("readArchive() refuses every entry that is no regular file, by its kind", async () => {
  const kinds: [string, RegExp][] = [
    ["1", /hard link/],
    ["2", /symbolic link/],
    ["3", /character device/],
    ["4", /block device/],
    ["6", /FIFO/],
    ["7", /contiguous file/],
    ["D", /GNU directory dump/],
    ["K", /link with a long target/],
    ["M", /another volume/],
    ["S", /sparse file/],
    ["V", /volume label/],
    ["Z", /unknown kind/],
    ["\x01", /unknown kind/],
  ];
  for (const [type, message] of kinds) {
    const archive = gz(FILE, rawEntry({ name: "frontend/x", type, linkname: "/etc/passwd" }));
    const error = await refusal(archive);
    assert.equal(error.code, "bundle.entry_kind", type);
    assert.match(error.message, message);
    assert.match(error.message, /"frontend\/x"/);
  }
  for (const records of [{ linkpath: "/etc/passwd" }, { "GNU.sparse.major": "1" }]) {
    assert.equal((await refusal(gz(paxEntry(records), FILE))).code, "bundle.entry_kind");
  }
});

Deno.test("readArchive() refuses every name that could mean another place", async () => {
  const names = [
    "../evil",
    "frontend/../../evil",
    "frontend/..",
    "/etc/passwd",
    "//host/share",
    "./manifest.json",
    "frontend/./x",
    "frontend//x",
    "frontend/",
    "..\\evil",
    "frontend\\x",
    "C:/x",
    "C:x",
    "file:stream",
    "frontend/x\n",
    "frontend/\x1b[2Jx",
    "frontend/x\u202egnp.js",
    "frontend/e\u0301.js",
    "frontend/x.",
    "frontend/x ",
    "frontend/ x",
    "frontend/.../x",
    "",
  ];
  for (const name of names) {
    const error = await refusal(gz(rawEntry({ name })));
    assert.equal(error.code, "bundle.bad_path", JSON.stringify(name));
    assert.doesNotMatch(error.message, /[\p{C}]/u, "a message never carries control characters");
  }
  for (const path of ["../evil", "a\0b", "/x"]) {
    assert.equal((await refusal(gz(paxEntry({ path }), FILE))).code, "bundle.bad_path", path);
  }
  const long = "a".repeat(256);
  assert.equal((await refusal(gz(paxEntry({ path: long }), FILE))).code, "bundle.bad_path");
  assert.deepEqual(await paths(gz(paxEntry({ path: long.slice(1) }), FILE)), [long.slice(1)]);
  const folder = gz(rawEntry({ name: "../evil/", type: "5" }));
  assert.equal((await refusal(folder)).code, "bundle.bad_path");
});

Deno.test("readArchive() refuses two entries that would land in one place", async () => {
  const clashes = [
    ["manifest.json", "manifest.json"],
    ["frontend/App.js", "frontend/app.js"],
    ["frontend/É.js", "frontend/é.js"],
    ["frontend", "frontend/x.js"],
    ["frontend/x.js", "Frontend"],
  ];
  for (const [first, second] of clashes) {
    const archive = gz(rawEntry({ name: first! }), rawEntry({ name: second! }));
    assert.equal((await refusal(archive)).code, "bundle.duplicate_entry", `${first} ${second}`);
  }
});

Deno.test("readArchive() refuses a tar whose headers lie or are damaged", async () => {
  const zeros = new Uint8Array(1024);
  const cases: [string, Uint8Array][] = [
    ["header checksum", gz(rawEntry({ name: "a", checksumError: 1 }))],
    ["no magic", gz(rawEntry({ name: "a", magic: "\0\0\0\0\0\0\0\0" }))],
    ["size beyond the end", gz(rawEntry({ name: "a", size: 5000 }))],
    [
      "size that swallows the next header",
      rawGzip(rawTar([
        rawEntry({ name: "a", size: 1536 }),
        FILE,
      ], zeros.subarray(512))),
    ],
    ["size not octal", gz(rawEntry({ name: "a", sizeField: "99999999999\0" }))],
    ["size negative", gz(rawEntry({ name: "a", sizeField: "-0000000001\0" }))],
    ["size empty", gz(rawEntry({ name: "a", sizeField: "\0\0\0\0\0\0\0\0\0\0\0\0" }))],
    ["padding that carries bytes", gz(rawEntry({ name: "a", body: "x", padding: 7 }))],
    ["no end", rawGzip(rawTar([FILE], new Uint8Array()))],
    ["one closing block", rawGzip(rawTar([FILE], new Uint8Array(512)))],
    ["half a block", rawGzip(rawTar([FILE], new Uint8Array(1100)))],
    ["bytes behind the end", rawGzip(rawTar([FILE, zeros, FILE]))],
    [
      "garbage behind the end",
      rawGzip(rawTar(
        [FILE],
        joinBytes([
          zeros,
          new Uint8Array(512).fill(1),
        ]),
      )),
    ],
    ["a folder with content", gz(rawEntry({ name: "a/", type: "5", body: "x" }))],
    ["an extension without entry", gz(FILE, paxEntry({ path: "x" }))],
    ["two extensions for one entry", gz(paxEntry({ path: "x" }), paxEntry({ path: "y" }), FILE)],
    ["PAX size", gz(paxEntry({ size: "1" }), FILE)],
    ["PAX key of no standard", gz(paxEntry({ hdrcharset: "BINARY" }), FILE)],
    ["PAX path for all", gz(paxEntry({ path: "x" }, "g"), FILE)],
    ["PAX record cut", gz(rawEntry({ name: "p", type: "x", body: "30 path=x\n" }), FILE)],
    ["PAX record without length", gz(rawEntry({ name: "p", type: "x", body: "path=x\n" }), FILE)],
    ["PAX record without end", gz(rawEntry({ name: "p", type: "x", body: "9 path=xx" }), FILE)],
    ["PAX record of length 0", gz(rawEntry({ name: "p", type: "x", body: "0 path=x\n" }), FILE)],
    [
      "PAX record twice",
      gz(
        rawEntry({ name: "p", type: "x", body: "9 path=x\n9 path=y\n" }),
        FILE,
      ),
    ],
    ["GNU name without end", gz(rawEntry({ name: "l", type: "L", body: "abc" }), FILE)],
    ["GNU name with two ends", gz(rawEntry({ name: "l", type: "L", body: "a\0b\0" }), FILE)],
    ["a name that is not UTF-8", gz(latin1Name())],
    ["not a tar", rawGzip(encoder.encode("x".repeat(1024)))],
    ["nothing", rawGzip(new Uint8Array())],
  ];
  for (const [what, archive] of cases) {
    assert.equal((await refusal(archive)).code, "bundle.bad_tar", what);
  }
});

function latin1Name(): Uint8Array {
  const entry = rawEntry({ name: "a" });
  entry[1] = 0xe9;
  sealHeader(entry, 0);
  return entry;
}

Deno.test("readArchive() takes one gzip member and nothing else", async () => {
  const tar = rawTar([FILE]);
  const good = rawGzip(tar);
  const cases: [string, Uint8Array, RegExp][] = [
    ["nothing", new Uint8Array(), /cut short/],
    ["not gzip", encoder.encode("PK\x03\x04".repeat(10)), /1f 8b/],
    ["another method", rawGzip(tar, { method: 7 }), /method 7/],
    ["reserved flags", rawGzip(tar, { flags: 0x20 }), /reserved/],
    [
      "a name without end",
      rawGzip(tar, { flags: 8, extra: new Uint8Array(2000).fill(65) }),
      /1024/,
    ],
    ["wrong CRC", rawGzip(tar, { crc: 1 }), /CRC-32/],
    ["a length that lies low", rawGzip(tar, { length: 1 }), /says 1 bytes/],
    ["a length that lies high", rawGzip(tar, { length: 2 ** 32 - 1 }), /says 4294967295/],
    ["one trailing byte", joinBytes([good, new Uint8Array(1)]), /1 trailing bytes/],
    ["trailing text", joinBytes([good, encoder.encode("payload")]), /7 trailing bytes/],
    ["a second member", joinBytes([good, good]), /second gzip member/],
    ["an empty second member", joinBytes([good, rawGzip(new Uint8Array())]), /second gzip/],
    ["flipped deflate bytes", good.map((byte, at) => at === 14 ? byte ^ 0xff : byte), /./],
  ];
  for (const [what, archive, message] of cases) {
    const error = await refusal(archive);
    assert.equal(error.code, "bundle.bad_gzip", what);
    assert.match(error.message, message, what);
  }
});

Deno.test("readArchive() refuses an archive cut at any byte", async () => {
  const whole = gz(FILE, rawEntry({ name: "migrations/0001.sql", body: "select 1" }));
  for (let length = 0; length < whole.length; length++) {
    const error = await refusal(whole.slice(0, length));
    assert.equal(error.code, "bundle.bad_gzip", `${length}`);
    assert.match(error.message, /cut short/);
  }
});

Deno.test("readArchive() stops at each bound and names the figure", async () => {
  const zeros = new Uint8Array(80 * 1024 * 1024);
  const bomb = rawGzip(rawTar([rawEntry({ name: "zeros", body: zeros })]));
  const started = performance.now();
  assert.equal((await refusal(bomb)).code, "bundle.ratio_too_high");
  const big = await refusal(bomb, { maxRatio: 10_000 });
  assert.equal(big.code, "bundle.unpacked_too_large");
  assert.match(big.message, /67108864 bytes/);
  const entry = await refusal(bomb, { maxRatio: 10_000, maxUnpackedBytes: 2 ** 30 });
  assert.equal(entry.code, "bundle.entry_too_large");
  assert.match(entry.message, /83886080 bytes/);
  assert.ok(performance.now() - started < 20_000, "a bomb costs no more than its bound");

  const many = gz(...Array.from({ length: 4097 }, (_, index) => rawEntry({ name: `f${index}` })));
  assert.equal((await refusal(many)).code, "bundle.too_many_entries");
  assert.equal((await paths(many, { maxEntries: 4097 })).length, 4097);
  const folders = gz(...Array.from({ length: 20 }, () => rawEntry({ name: "a/", type: "5" })));
  assert.equal((await refusal(folders, { maxEntries: 19 })).code, "bundle.too_many_entries");

  const size = gz(FILE).length;
  const large = await refusal(gz(FILE), { maxArchiveBytes: size - 1 });
  assert.equal(large.code, "bundle.archive_too_large");
  assert.deepEqual(large.details, { limit: size - 1 });
  assert.deepEqual(await paths(gz(FILE), { maxArchiveBytes: size }), ["manifest.json"]);

  const lying = gz(rawEntry({ name: "a", sizeField: "77777777777\0" }));
  assert.equal((await refusal(lying)).code, "bundle.entry_too_large");
  const extension = gz(rawEntry({ name: "p", type: "x", body: "x".repeat(65537) }), FILE);
  assert.equal((await refusal(extension)).code, "bundle.entry_too_large");
});

/** Changes bytes at random places: overwritten, removed, doubled, moved. */
const mutation = fc.record({
  at: fc.double({ min: 0, max: 1, noNaN: true }),
  length: fc.integer({ min: 1, max: 600 }),
  kind: fc.constantFrom("set", "remove", "double", "zero", "move"),
  bytes: fc.uint8Array({ minLength: 1, maxLength: 16 }),
});

type Mutation = typeof mutation extends fc.Arbitrary<infer Value> ? Value : never;

function mutate(bytes: Uint8Array, { at, length, kind, bytes: put }: Mutation): Uint8Array {
  const start = Math.floor(at * bytes.length);
  const end = Math.min(start + length, bytes.length);
  const [before, cut, after] = [
    bytes.slice(0, start),
    bytes.slice(start, end),
    bytes.slice(end),
  ];
  if (kind === "remove") return joinBytes([before, after]);
  if (kind === "double") return joinBytes([before, cut, cut, after]);
  if (kind === "zero") return joinBytes([before, new Uint8Array(cut.length), after]);
  if (kind === "move") return joinBytes([after, before, cut]);
  const changed = bytes.slice();
  changed.set(put.subarray(0, bytes.length - start), start);
  return changed;
}

async function readOrRefuse(archive: Uint8Array): Promise<void> {
  let entries;
  try {
    entries = await readArchive(archive);
  } catch (error) {
    assert.ok(isKernelError(error), `threw ${error}`);
    assert.match(error.code, /^bundle\.[a-z_]+$/);
    return;
  }
  const folded = entries.map((entry) => entry.path.toLowerCase());
  assert.equal(new Set(folded).size, folded.length);
  for (const { path } of entries) assert.equal(pathFault(path), undefined);
}

const SOUND_TAR = rawTar([
  FILE,
  rawEntry({ name: "migrations/", type: "5" }),
  paxEntry({ path: "migrations/0001_init.sql", mtime: "0" }),
  rawEntry({ name: "cut", body: "create table t (id uuid);".repeat(30) }),
  rawEntry({ name: "././@LongLink", type: "L", body: "frontend/long.js\0", magic: GNU }),
  rawEntry({ name: "cut", body: "x".repeat(700), magic: GNU }),
]);

Deno.test("readArchive() answers or refuses whatever happens to the compressed bytes", async () => {
  const sound = rawGzip(SOUND_TAR);
  const property = fc.asyncProperty(
    fc.array(mutation, { minLength: 1, maxLength: 4 }),
    (mutations) => readOrRefuse(mutations.reduce(mutate, sound)),
  );
  await fc.assert(property, { numRuns: 400, seed: 7 });
});

Deno.test("readArchive() answers or refuses whatever happens to the tar inside", async () => {
  const property = fc.asyncProperty(
    fc.array(mutation, { minLength: 1, maxLength: 4 }),
    fc.boolean(),
    async (mutations, resealed) => {
      const tar = mutations.reduce(mutate, SOUND_TAR);
      if (resealed) {
        // With sound checksums again the damage reaches the fields behind them.
        for (let at = 0; at + 512 <= tar.length; at += 512) {
          if (decoder.decode(tar.subarray(at + 257, at + 262)) === "ustar") sealHeader(tar, at);
        }
      }
      await readOrRefuse(rawGzip(tar));
    },
  );
  await fc.assert(property, { numRuns: 800, seed: 7 });
});

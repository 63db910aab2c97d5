/**
 * Modules that are written as bytes because no assembler writes them: malformed ones, GC types, and
 * bombs that are small to send and large to compile.
 *
 * @module
 */

import type { SandboxCode } from "../../../src/sandbox/errors.ts";

/** Bytes of a module that has to be refused. */
export interface ByteGuest {
  /** One line: what is wrong with it. */
  readonly about: string;
  bytes(): Uint8Array<ArrayBuffer>;
  readonly ends: readonly ("ok" | SandboxCode)[];
}

type Bytes = readonly number[];

const HEADER: Bytes = [0, 0x61, 0x73, 0x6d, 1, 0, 0, 0];
const INVALID = ["sandbox.invalid_module"] as const;
/** Which of the two walls sees it first is up to their order. */
const REFUSED = ["sandbox.module_refused", "sandbox.invalid_module"] as const;
const I32 = 0x7f;
const I64 = 0x7e;

/** Unsigned LEB128. @param value 0 to 2^53 */
export function leb(value: number): number[] {
  const bytes: number[] = [];
  do {
    const low = value % 128;
    value = Math.floor(value / 128);
    bytes.push(value > 0 ? low | 0x80 : low);
  } while (value > 0);
  return bytes;
}

/** A section with its id and size. */
export function section(id: number, content: Iterable<number>): number[] {
  const bytes = Array.from(content);
  return [id, ...leb(bytes.length)].concat(bytes);
}

/** A vector: count and elements. */
export function vector(elements: readonly Bytes[]): number[] {
  return leb(elements.length).concat(elements.flat());
}

/** A module of sections. */
export function moduleOf(...sections: readonly Bytes[]): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(sections.reduce((sum, part) => sum + part.length, HEADER.length));
  bytes.set(HEADER);
  let at = HEADER.length;
  for (const part of sections) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}

/** A function body of bytes, with its size and its end. */
function body(locals: Bytes, code: Bytes): number[] {
  const content = [...locals, ...code, 0x0b];
  return leb(content.length).concat(content);
}

const NO_LOCALS: Bytes = [0];
const TYPES = section(
  1,
  vector([[0x60, 1, I32, 1, I32], [0x60, 2, I32, I32, 1, I64], [0x60, 0, 0]]),
);
const MEMORY = section(5, vector([[0, 1]]));
const text = (name: string): number[] => [...leb(name.length), ...new TextEncoder().encode(name)];
const EXPORTS = section(
  7,
  vector([[...text("memory"), 2, 0], [...text("alloc"), 0, 0], [...text("run"), 0, 1]]),
);
const ALLOC = body(NO_LOCALS, [0x41, ...leb(1024)]);
const RUN = body(NO_LOCALS, [0x42, 0]);

/** A metacore guest that answers with nothing, and more functions of type `() -> ()`. */
function guestWith(
  bodies: readonly Bytes[],
  extra: { readonly before?: Bytes; readonly after?: Bytes } = {},
): Uint8Array<ArrayBuffer> {
  const functions = vector([[0], [1], ...bodies.map(() => [2])]);
  return moduleOf(
    TYPES,
    section(3, functions),
    extra.before ?? [],
    MEMORY,
    EXPORTS,
    section(10, vector([ALLOC, RUN, ...bodies])),
    extra.after ?? [],
  );
}

function bytesOf(about: string, bytes: () => Uint8Array<ArrayBuffer>, ends: ByteGuest["ends"]) {
  return { about, bytes, ends } satisfies ByteGuest;
}

/** Modules that are not valid. */
export const MALFORMED: Readonly<Record<string, ByteGuest>> = {
  empty: bytesOf("no bytes", () => new Uint8Array(), INVALID),
  text: bytesOf("text", () => new TextEncoder().encode("(module)"), INVALID),
  magicOnly: bytesOf("four bytes", () => Uint8Array.from(HEADER.slice(0, 4)), INVALID),
  version2: bytesOf(
    "version 2",
    () => Uint8Array.from([...HEADER.slice(0, 4), 2, 0, 0, 0]),
    INVALID,
  ),
  component: bytesOf(
    "a component",
    () => Uint8Array.from([...HEADER.slice(0, 4), 0x0d, 0, 1, 0]),
    INVALID,
  ),
  cutOff: bytesOf("cut off in a body", () => guestWith([]).slice(0, -3), INVALID),
  trailing: bytesOf(
    "bytes after the last section",
    () => Uint8Array.from([...guestWith([]), 0xff, 0xff]),
    INVALID,
  ),
  sectionTooLong: bytesOf(
    "a section that says 2^32 - 1 bytes",
    () => moduleOf([1, 0xff, 0xff, 0xff, 0xff, 0x0f]),
    INVALID,
  ),
  endlessLeb: bytesOf("a LEB of 20 bytes", () => moduleOf([1, ...Array(20).fill(0x80)]), INVALID),
  hugeCount: bytesOf(
    "2^32 - 1 types in six bytes",
    () => moduleOf(section(1, [0xff, 0xff, 0xff, 0xff, 0x0f, 0x60])),
    INVALID,
  ),
  sectionTwice: bytesOf("two type sections", () => moduleOf(TYPES, TYPES), INVALID),
  sectionOrder: bytesOf("sections out of order", () => moduleOf(MEMORY, TYPES), INVALID),
  unknownSection: bytesOf("section 42", () => moduleOf(section(42, [0])), REFUSED),
  unknownOpcode: bytesOf("opcode 0x27", () => guestWith([body(NO_LOCALS, [0x27])]), REFUSED),
  unknownPrefixed: bytesOf(
    "opcode 0xfc 0x7f",
    () => guestWith([body(NO_LOCALS, [0xfc, 0x7f])]),
    REFUSED,
  ),
  missingIndex: bytesOf(
    "calls a function that is not there",
    () => guestWith([body(NO_LOCALS, [0x10, 99])]),
    INVALID,
  ),
  /** Invalid before the rewrite, and must not become valid by what it appends. */
  nextGlobal: bytesOf(
    "sets the global that the rewriter would append",
    () => guestWith([body(NO_LOCALS, [0x41, 0, 0x24, 0])]),
    INVALID,
  ),
  nextMemory: bytesOf(
    "writes to the memory that the rewriter would append",
    () => guestWith([body(NO_LOCALS, [0x41, 0, 0x41, 0, 0x36, 0x42, 1, 0])]),
    INVALID,
  ),
  nextTable: bytesOf(
    "calls through the table that the rewriter would append",
    () => guestWith([body(NO_LOCALS, [0x41, 0, 0x11, 2, 0])]),
    INVALID,
  ),
  unbalanced: bytesOf(
    "an end too many",
    () => guestWith([body(NO_LOCALS, [0x0b, 0x0b])]),
    INVALID,
  ),
  nameNotUtf8: bytesOf(
    "an export name that is no UTF-8",
    () => moduleOf(MEMORY, section(7, vector([[2, 0xc0, 0x80, 2, 0]]))),
    INVALID,
  ),
  exportTwice: bytesOf(
    "one export name twice",
    () => moduleOf(MEMORY, section(7, vector([[1, 0x6d, 2, 0], [1, 0x6d, 2, 0]]))),
    INVALID,
  ),
};

/** GC types (decision D5): JavaScript-heap exhaustion by them would end the process. */
export const GC_TYPES: Readonly<Record<string, ByteGuest>> = {
  struct: bytesOf(
    "a struct type",
    () => moduleOf(section(1, vector([[0x5f, 1, I32, 1]]))),
    REFUSED,
  ),
  array: bytesOf("an array type", () => moduleOf(section(1, vector([[0x5e, I32, 1]]))), REFUSED),
  recursive: bytesOf(
    "a recursion group",
    () => moduleOf(section(1, vector([[0x4e, 1, 0x60, 0, 0]]))),
    REFUSED,
  ),
  allocating: bytesOf(
    "fills the JavaScript heap with arrays of a million elements",
    () =>
      moduleOf(
        section(1, vector([[0x5e, I64, 1], [0x60, 2, I32, I32, 1, I64]])),
        section(3, vector([[1]])),
        section(7, vector([[...text("run"), 0, 0]])),
        section(
          10,
          vector([
            body(NO_LOCALS, [
              ...[0x03, 0x40, 0x41, 0xc0, 0x84, 0x3d, 0xfb, 0x07, 0, 0x1a],
              ...[0x0c, 0, 0x0b, 0x42, 0],
            ]),
          ]),
        ),
      ),
    REFUSED,
  ),
  i31: bytesOf(
    "ref.i31",
    () => guestWith([body(NO_LOCALS, [0x41, 0, 0xfb, 0x1c, 0x1a])]),
    REFUSED,
  ),
  typedReference: bytesOf(
    "a parameter of a typed reference",
    () => moduleOf(section(1, vector([[0x60, 0, 0], [0x60, 1, 0x63, 0, 0]]))),
    REFUSED,
  ),
};

const nop = body(NO_LOCALS, []);
const BOMB_ENDS = ["ok", "sandbox.module_refused", "sandbox.compile_failed"] as const;

/** Modules that are small to send and large to handle: any end is right that is typed and prompt. */
export const BOMBS: Readonly<Record<string, ByteGuest>> = {
  functions: bytesOf("100,000 functions", () => guestWith(Array(100_000).fill(nop)), BOMB_ENDS),
  locals: bytesOf(
    "1,000 functions of 50,000 locals",
    () => guestWith(Array(1_000).fill(body([1, ...leb(50_000), I64], []))),
    BOMB_ENDS,
  ),
  tooManyLocals: bytesOf(
    "2^32 - 1 locals",
    () => guestWith([body([1, 0xff, 0xff, 0xff, 0xff, 0x0f, I64], [])]),
    REFUSED,
  ),
  nesting: bytesOf(
    "100,000 nested blocks",
    () =>
      guestWith([
        body(NO_LOCALS, [
          ...Array(100_000).fill([0x02, 0x40]).flat(),
          ...Array(100_000).fill(0x0b),
        ]),
      ]),
    BOMB_ENDS,
  ),
  oneBody: bytesOf(
    "one body of 8 MB, over V8's limit",
    () => guestWith([body(NO_LOCALS, Array(8_000_000).fill(0x01))]),
    REFUSED,
  ),
  branches: bytesOf(
    "a br_table of 60,000 labels",
    () =>
      guestWith([
        body(NO_LOCALS, [0x41, 0, 0x0e, ...leb(60_000), ...Array(60_001).fill(0)]),
      ]),
    BOMB_ENDS,
  ),
  types: bytesOf(
    "100,000 types",
    () => moduleOf(section(1, vector(Array(100_000).fill([0x60, 0, 0])))),
    [...BOMB_ENDS, "sandbox.missing_export"],
  ),
  data: bytesOf(
    "a data segment of 12 MB",
    () =>
      guestWith([], {
        after: section(11, [1, 1, ...leb(12_000_000), ...new Uint8Array(12_000_000)]),
      }),
    BOMB_ENDS,
  ),
  custom: bytesOf(
    "10,000 custom sections",
    () => moduleOf(...Array(10_000).fill(section(0, [1, 0x78])), [...guestWith([]).slice(8)]),
    BOMB_ENDS,
  ),
  name: bytesOf(
    "a name section that says 2^31 names",
    () =>
      guestWith([], { after: section(0, [...text("name"), 1, 5, 0x80, 0x80, 0x80, 0x80, 0x08]) }),
    BOMB_ENDS,
  ),
};

/** The frame of the modules here, valid and harmless: what a test mutates. */
export function plainBytes(): Uint8Array<ArrayBuffer> {
  return guestWith([nop]);
}

/**
 * The border of a guest's memory: whatever pointers, lengths and addresses a guest gives, the host
 * sees exactly those bytes or is told why not, writes exactly where there is room or nowhere, and a
 * result is exactly what lies there or a typed failure. Held against a model in plain arithmetic.
 *
 * @module
 */

import assert from "node:assert/strict";
import fc from "fast-check";
import { isKernelError } from "../../src/base/error.ts";
import { GuestMemory, pack, unpack } from "../../src/sandbox/guest/memory.ts";
import { MAX_OUTPUT_BYTES } from "../../src/sandbox/guest/protocol.ts";
import type { HostArgument, HostPort } from "../../src/sandbox/sandbox.ts";
import { goNextWat } from "../_support/guests/gonext.ts";
import { metacoreWat } from "../_support/guests/text.ts";
import { callOf, codeOf, realSandbox } from "../sandbox/real_sandbox.ts";

const PAGE = 65_536;
const MEMORY = 2 * PAGE;
const INPUT_AT = 4_096;
const KEPT_AT = 64;
/** contract/metacore.md §5.3: shorter SQL than this is never too large. */
const SQL_BYTES = 16_384;
/** A fixed seed: red today is red tomorrow. Change it to look elsewhere. */
const SEED = 7;
const RUNS = 300;

const EDGES = [
  ...[0, 1, KEPT_AT, INPUT_AT, PAGE - 1, PAGE, MEMORY - 8, MEMORY - 1, MEMORY, MEMORY + 1],
  ...[2 ** 20, 2 ** 20 + 1, 2 ** 31 - 1, 2 ** 31, 2 ** 31 + 1, 2 ** 32 - 8, 2 ** 32 - 1],
];
const word = fc.oneof(
  { arbitrary: fc.constantFrom(...EDGES), weight: 2 },
  fc.integer({ min: 0, max: MEMORY + 8 }),
  fc.integer({ min: 0, max: 2 ** 32 - 1 }),
);
const smallOrAny = fc.oneof(fc.integer({ min: 0, max: 9 }), fc.integer({ min: 0, max: 300 }), word);

/** Every word of memory tells where it is. */
const PATTERN = `(func $paint (local $at i32)
    (loop $next
      (i32.store (local.get $at) (i32.mul (local.get $at) (i32.const 0x9e3779b1)))
      (local.set $at (i32.add (local.get $at) (i32.const 4)))
      (br_if $next (i32.lt_u (local.get $at) (i32.const ${MEMORY})))))
  (start $paint)`;

function painted(): Uint8Array<ArrayBuffer> {
  const words = new Uint32Array(MEMORY / 4);
  for (let at = 0; at < words.length; at++) words[at] = Math.imul(at * 4, 0x9e3779b1);
  return new Uint8Array(words.buffer);
}

/** Does what eight words of its input say; see the model below. */
const SCRIPTED = {
  abi: "metacore/1",
  wat: metacoreWat({
    imports: ["db_query"],
    memory: '(memory (export "memory") 2 2)',
    alloc: `(global $room (mut i32) (i32.const ${INPUT_AT}))
  (func (export "alloc") (param i32) (result i32) (global.get $room))`,
    more: PATTERN,
    run: `(global.set $room (i32.load (local.get $ptr)))
    (i64.store (i32.const ${KEPT_AT}) (call $db_query
      (i32.load offset=4 (local.get $ptr)) (i32.load offset=8 (local.get $ptr))
      (i32.load offset=12 (local.get $ptr)) (i32.load offset=16 (local.get $ptr))))
    (call $pack (i32.load offset=20 (i32.const ${INPUT_AT}))
      (i32.load offset=24 (i32.const ${INPUT_AT})))`,
  }),
} as const;

/** Answers with the first eight bytes of its payload as the packed result. */
const ANSWERING = {
  abi: "gonext/1",
  wat: goNextWat({
    alloc: `(func $alloc (export "gn_alloc") (param $size i32) (result i32)
    (select (i32.const ${INPUT_AT}) (i32.const 1024) (i32.eq (local.get $size) (i32.const 8))))`,
    more: PATTERN,
    hook: "(i64.load (local.get $ptr))",
  }),
} as const;

function fits(pointer: number, length: number): boolean {
  return pointer + length <= MEMORY;
}

/** What the host may be given for a range. */
function checkArgument(
  got: HostArgument | undefined,
  memory: Uint8Array,
  at: number,
  size: number,
) {
  if (got === "too_large") return assert.ok(size > SQL_BYTES, `${size} bytes are not too large`);
  if (size > 0 && !fits(at, size)) return assert.equal(got, "unreadable");
  assert.deepEqual(got, memory.slice(at, at + size));
}

Deno.test("property: memory is read and written exactly, or not at all", () => {
  const memory = new GuestMemory(new WebAssembly.Memory({ initial: 2 }));
  const model = painted();
  assert.ok(memory.write(0, model));
  const signed = fc.oneof(word, word.map((value) => value | 0));
  fc.assert(
    fc.property(signed, signed, fc.uint8Array({ maxLength: 64 }), (at, size, bytes) => {
      const start = at >>> 0;
      const length = size >>> 0;
      const expected = length === 0 || fits(start, length)
        ? model.slice(start, start + length)
        : undefined;
      assert.deepEqual(memory.read(at, size), expected);
      const hasRoom = bytes.length === 0 || fits(start, bytes.length);
      assert.equal(memory.write(at, bytes), hasRoom);
      if (hasRoom && bytes.length > 0) model.set(bytes, start);
      assert.deepEqual(unpack(pack(at, size)), { pointer: start, length });
      assert.deepEqual(unpack(BigInt.asIntN(64, pack(at, size))), { pointer: start, length });
    }),
    { numRuns: 2_000, seed: SEED },
  );
  assert.deepEqual(memory.read(0, MEMORY), model);
});

Deno.test("property: a metacore guest's pointers and lengths, both ways", async () => {
  const sandbox = realSandbox({ maxWorkers: 2 });
  const code = codeOf(SCRIPTED, "scripted");
  const script = fc.tuple(word, word, smallOrAny, word, smallOrAny, word, smallOrAny);
  const reply = fc.uint8Array({ maxLength: 200 });
  try {
    await fc.assert(
      fc.asyncProperty(script, reply, async (words, bytes) => {
        const [room, sql, sqlSize, args, argsSize, result, resultSize] = words;
        const input = new Uint8Array(new Uint32Array(words).buffer);
        const memory = painted();
        memory.set(input, INPUT_AT);
        const seen: HostArgument[] = [];
        const host: HostPort = {
          call: (call) => {
            seen.push(...call.arguments);
            return Promise.resolve({ bytes });
          },
          log: () => {},
        };
        const ending = sandbox.invoke(code, callOf(SCRIPTED, { input, host, timeoutMs: 10_000 }));
        const output = await ending.then((ended) => ended.output, codeOfFailure);
        assert.equal(seen.length, 2);
        checkArgument(seen[0], memory, sql, sqlSize);
        checkArgument(seen[1], memory, args, argsSize);
        const isDelivered = bytes.length > 0 && room !== 0 && fits(room, bytes.length);
        if (isDelivered) memory.set(bytes, room);
        const packed = isDelivered ? BigInt(room) << 32n | BigInt(bytes.length) : 0n;
        new DataView(memory.buffer).setBigUint64(KEPT_AT, packed, true);
        // The answer may have been written over the rest of the script, and over that result.
        const order = new DataView(memory.buffer, INPUT_AT);
        const [at, size] = [order.getUint32(20, true), order.getUint32(24, true)];
        assert.ok(isDelivered || (at === result && size === resultSize));
        if (size === 0) assert.deepEqual(output, new Uint8Array());
        else if (fits(at, size)) assert.deepEqual(output, memory.slice(at, at + size));
        else assert.equal(output, "sandbox.bad_result");
      }),
      { numRuns: RUNS, seed: SEED },
    );
  } finally {
    await sandbox.close();
  }
});

const STATUSES: Readonly<Record<number, string>> = {
  [-2]: "sandbox.out_of_memory",
  [-3]: "sandbox.bad_payload",
  [-4]: "sandbox.unknown_target",
};

Deno.test("property: a GoNext guest's packed result", async () => {
  const sandbox = realSandbox({ maxWorkers: 2 });
  const code = codeOf(ANSWERING, "answering");
  const pointer = fc.oneof(fc.constant(0), word);
  const length = fc.oneof(smallOrAny, fc.integer({ min: -12, max: 0 }).map((value) => value >>> 0));
  try {
    await fc.assert(
      fc.asyncProperty(pointer, length, async (at, size) => {
        // Low half first: the length.
        const input = new Uint8Array(new Uint32Array([size, at]).buffer);
        const ending = sandbox.invoke(code, callOf(ANSWERING, { input, timeoutMs: 10_000 }));
        const output = await ending.then((ended) => ended.output, codeOfFailure);
        const signed = size | 0;
        const memory = painted();
        memory.set(new TextEncoder().encode("do"), 1_024);
        memory.set(input, INPUT_AT);
        if (signed === 0) assert.deepEqual(output, new Uint8Array());
        else if (signed < 0) {
          const expected = at === 0
            ? STATUSES[signed] ?? "sandbox.guest_error"
            : "sandbox.bad_result";
          assert.equal(output, expected);
        } else if (signed > MAX_OUTPUT_BYTES["gonext/1"] || !fits(at, signed)) {
          assert.equal(output, "sandbox.bad_result");
        } else assert.deepEqual(output, memory.slice(at, at + signed));
      }),
      { numRuns: RUNS, seed: SEED },
    );
  } finally {
    await sandbox.close();
  }
});

function codeOfFailure(thrown: unknown): string {
  assert.ok(isKernelError(thrown), String(thrown));
  return thrown.code;
}

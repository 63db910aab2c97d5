import assert from "node:assert/strict";
import fc from "fast-check";
import { sandboxError } from "../../src/sandbox/errors.ts";
import { MAX_SOURCE_MAP, readSourceMap } from "../../src/sandbox/source_map.ts";
import { readStackFrames, shown } from "../../src/sandbox/stack_frames.ts";
import { type TrapContext, trapReport } from "../../src/sandbox/trap_report.ts";
import { TrapRing } from "../../src/sandbox/trap_ring.ts";

const CONTEXT: TrapContext = {
  id: "trap-1",
  atMs: 0,
  target: { kind: "export", name: "run" },
  addonKey: "billing",
  installationId: "inst-1",
  organizationId: "org-a",
  requestId: "req-1",
  moduleId: "mod-1",
};

/** Base 64 VLQ of the source map revision 3 proposal, the other way round. */
function vlq(...values: readonly number[]): string {
  const digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  return values.map((value) => {
    let left = value < 0 ? -value * 2 + 1 : value * 2;
    let text = "";
    do {
      const more = left >= 32 ? 32 : 0;
      text += digits[(left % 32) + more];
      left = Math.floor(left / 32);
    } while (left > 0);
    return text;
  }).join("");
}

function sourceMap(segments: readonly (readonly number[])[], more: object = {}): string {
  return JSON.stringify({
    version: 3,
    sources: ["assembly/index.ts", "assembly/tax.ts"],
    names: [],
    mappings: segments.map((segment) => vlq(...segment)).join(","),
    ...more,
  });
}

Deno.test("traps: frames are read from a real stack of the engine", () => {
  const bytes = new Uint8Array([
    ...[0, 97, 115, 109, 1, 0, 0, 0, 1, 4, 1, 96, 0, 0, 3, 2, 1, 0, 7, 5, 1, 1, 102, 0, 0],
    ...[10, 5, 1, 3, 0, 0, 11, 0, 14, 4, 110, 97, 109, 101, 1, 7, 1, 0, 4, 98, 111, 40, 58],
  ]);
  const run = new WebAssembly.Instance(new WebAssembly.Module(bytes)).exports["f"];
  assert.ok(typeof run === "function");
  try {
    run();
    assert.fail("it has to trap");
  } catch (thrown) {
    assert.ok(thrown instanceof WebAssembly.RuntimeError);
    const [frame, ...others] = readStackFrames(thrown.stack ?? "");
    assert.deepEqual(frame, { offset: 0x1e, printedIndex: 0, name: "bo(:" });
    assert.deepEqual(others, [], "frames of the host are not shown");
  }
});

Deno.test("traps: frames are read in both forms, hostile names are escaped and cut", () => {
  const forged = "evil\u001b[31m\u202e (wasm://wasm/00:wasm-function[9]:0x9)";
  const frames = readStackFrames(
    [
      "RuntimeError: unreachable",
      "    at wasm://wasm/5b2987ba:wasm-function[12]:0x3f",
      `    at ${forged} (wasm://wasm/5b2987ba:wasm-function[3]:0x10)`,
      `    at ${"n".repeat(500)} (wasm://wasm/5b2987ba:wasm-function[4]:0x11)`,
      "    at wasm-function[999999999999]:0x3f",
      "    at run (file:///srv/kernel/guest.ts:1:1)",
    ].join("\n"),
  );
  assert.deepEqual(frames[0], { offset: 0x3f, printedIndex: 12 });
  assert.equal(frames[1]?.offset, 0x10, "the engine's position is the last of the line");
  assert.ok(frames[1]?.name?.startsWith("evil\\u001b[31m\\u202e"), String(frames[1]?.name));
  assert.equal(frames[2]?.name?.length, 201);
  assert.equal(frames.length, 3);
  const endless = "    at wasm://wasm/5b2987ba:wasm-function[1]:0x1\n".repeat(10_000);
  assert.equal(readStackFrames(endless).length, 64);
  fc.assert(fc.property(fc.string({ unit: "binary", maxLength: 200 }), (text) => {
    // deno-lint-ignore no-control-regex
    return !/[\u0000-\u001f\u007f-\u009f\u202a-\u202e]/.test(shown(text, 100));
  }));
});

Deno.test("traps: a source map gives the place of the entry at or before a byte", () => {
  const map = readSourceMap(sourceMap([[10, 0, 4, 2], [5, 1, 3, -2, 0], [7], [3, -1, 1, 8]]));
  assert.equal(map?.lookup(9), undefined);
  const first = { file: "assembly/index.ts", line: 5, column: 3 };
  assert.deepEqual([map?.lookup(10), map?.lookup(14)], [first, first]);
  assert.deepEqual(map?.lookup(15), { file: "assembly/tax.ts", line: 8, column: 1 });
  assert.equal(map?.lookup(22), undefined, "from there on nothing is mapped");
  assert.deepEqual(map?.lookup(1_000_000), { file: "assembly/index.ts", line: 9, column: 9 });
  const rooted = readSourceMap(sourceMap([[0, 0, 0, 0]], { sourceRoot: "src" }));
  assert.equal(rooted?.lookup(0)?.file, "src/assembly/index.ts");
});

Deno.test("traps: what is no source map is none, whatever it holds", () => {
  const wrong = [
    "",
    "[]",
    "null",
    "{",
    sourceMap([[0, 0, 0, 0]], { version: 2 }),
    sourceMap([[0, 0, 0, 0]], { sources: "x" }),
    sourceMap([[0, 0, 0, 0]], { sources: Array(10_001).fill("x") }),
    sourceMap([[0, 0]]),
    sourceMap([[0, 0, 0, 0, 0, 0]]),
    sourceMap([[0, 2, 0, 0]]),
    sourceMap([[0, -1, 0, 0]]),
    sourceMap([[0, 0, -1, 0]]),
    sourceMap([[5, 0, 0, 0], [-1, 0, 0, 0]]),
    sourceMap([], { mappings: "!!!!" }),
    sourceMap([], { mappings: "gggggggggB" }),
    sourceMap([], { mappings: "g" }),
    `{"version":3,"sources":[],"mappings":"${"A,".repeat(MAX_SOURCE_MAP / 2)}"}`,
  ];
  for (const text of wrong) assert.equal(readSourceMap(text), undefined, text.slice(0, 80));
  fc.assert(fc.property(fc.string(), fc.nat(), (mappings, offset) => {
    const place = readSourceMap(sourceMap([], { mappings }))?.lookup(offset);
    return place === undefined || (place.line > 0 && place.column > 0);
  }));
});

Deno.test("traps: a report names function, file and line, and holds no host's frame", () => {
  const failure = sandboxError("sandbox.trap", "The guest stopped.", {
    details: { reason: "unreachable", message: "total < 0\u0007" },
    cause: {
      stack: "RuntimeError: unreachable\n" +
        "    at printed (wasm://wasm/5b2987ba:wasm-function[0]:0x40)\n" +
        "    at wasm://wasm/5b2987ba:wasm-function[0]:0x50\n" +
        "    at file:///srv/secret/path.ts:1:1",
      guestMessage: "total is negative",
    },
  });
  const symbols = {
    originalOffset: (offset: number) =>
      offset === 0x40 ? { functionIndex: 7, offset: 12 } : undefined,
    functionNames: new Map([[7, "tax/addUp\n"]]),
    sourceMap: readSourceMap(sourceMap([[10, 0, 4, 2]]))!,
  };
  const report = trapReport(failure, CONTEXT, symbols);
  assert.deepEqual(report, {
    id: "trap-1",
    at: "1970-01-01T00:00:00.000Z",
    code: "sandbox.trap",
    reason: "unreachable",
    message: "total < 0\\u0007",
    guestMessage: "total is negative",
    frames: [
      {
        functionIndex: 7,
        offset: 12,
        function: "tax/addUp\\u000a",
        file: "assembly/index.ts",
        line: 5,
        column: 3,
      },
      {},
    ],
    target: CONTEXT.target,
    addonKey: "billing",
    installationId: "inst-1",
    organizationId: "org-a",
    requestId: "req-1",
    moduleId: "mod-1",
  });
  assert.deepEqual(trapReport(failure, CONTEXT).frames, [{ function: "printed" }, {}]);
  assert.ok(!JSON.stringify(report).includes("secret"));
});

Deno.test("traps: a report is made of any failure", () => {
  const timeout = trapReport(sandboxError("sandbox.timeout", "late"), {
    ...CONTEXT,
    requestId: undefined,
    target: { kind: "hook", name: "x".repeat(500) },
  });
  assert.equal(timeout.reason, "timeout");
  assert.equal(timeout.target.name.length, 201);
  assert.ok(!("requestId" in timeout));
  for (const thrown of [new Error("boom", { cause: null }), "text", undefined, { cause: 1 }]) {
    assert.deepEqual(trapReport(thrown, CONTEXT).frames, []);
  }
  const long = trapReport(sandboxError("sandbox.trap", "m".repeat(5_000)), CONTEXT);
  assert.equal(long.message.length, 1_001);
});

Deno.test("traps: a ring keeps the latest of each organization and addon, newest first", () => {
  const ring = new TrapRing({ maxEach: 3, maxAll: 8 });
  const add = (organizationId: string, addonKey: string, id: string) =>
    ring.add(
      trapReport(sandboxError("sandbox.trap", id), { ...CONTEXT, organizationId, addonKey, id }),
    );
  const ids = (organizationId: string, addonKey: string) =>
    ring.list(organizationId, addonKey).map(({ id }) => id);
  for (let at = 0; at < 5; at++) add("org-a", "billing", `a${at}`);
  add("org-b", "billing", "b0");
  assert.deepEqual(ids("org-a", "billing"), ["a4", "a3", "a2"]);
  assert.deepEqual(ids("org-b", "billing"), ["b0"], "nobody sees another's");
  assert.deepEqual(ids("org-a", "hr"), []);
  for (let at = 0; at < 100; at++) add("org-c", "loud", `c${at}`);
  assert.equal(ring.size, 7);
  assert.deepEqual(ids("org-a", "billing"), ["a4", "a3", "a2"], "the loud one pushes out its own");
  add("org-d", "new", "d0");
  add("org-d", "new", "d1");
  assert.equal(ring.size, 8);
  assert.deepEqual(ids("org-a", "billing"), ["a4", "a3"], "who has been quiet longest gives way");
});

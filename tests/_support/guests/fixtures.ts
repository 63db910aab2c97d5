/**
 * The guests that compilers made, from `tests/fixtures/guests`, and the example addon's code.
 *
 * @module
 */

import { gunzipSync } from "node:zlib";

const FIXTURES = new URL("../../fixtures/guests/", import.meta.url);
const EXPENSES = new URL("../../../bundles/expenses/backend/expenses.wasm", import.meta.url);

/** Names of the guests. */
export type GuestFixture = "probe" | "probe_gonext" | "clang" | "rust" | "go" | "expenses";

/** What each exports besides memory and `alloc`; nothing for GoNext guests. */
export const FIXTURE_EXPORTS: Readonly<Record<GuestFixture, readonly string[]>> = {
  probe: ["echo", "raw", "call", "calls", "count", "work", "grow", "fail", "spin"],
  probe_gonext: [],
  clang: ["echo", "work", "call"],
  rust: ["echo", "work", "call", "fail"],
  go: ["echo", "work", "call"],
  expenses: ["approve", "reject", "summary"],
};

/**
 * Reads a guest.
 *
 * @param name which; `go` is kept compressed and inflated here.
 * @returns the module as its compiler wrote it.
 */
export async function guestFixture(name: GuestFixture): Promise<Uint8Array<ArrayBuffer>> {
  if (name === "expenses") return await Deno.readFile(EXPENSES);
  if (name !== "go") return await Deno.readFile(new URL(`${name}/${name}.wasm`, FIXTURES));
  return new Uint8Array(gunzipSync(await Deno.readFile(new URL("go/go.wasm.gz", FIXTURES))));
}

/** The source map beside a guest made from AssemblyScript, as JSON. */
export async function guestSourceMap(name: "probe" | "probe_gonext"): Promise<string> {
  return await Deno.readTextFile(new URL(`${name}/${name}.wasm.map`, FIXTURES));
}

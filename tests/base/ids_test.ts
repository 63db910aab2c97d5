/**
 * @module
 */

import assert from "node:assert/strict";
import { isUuid, SystemIds, uuidV7 } from "../../src/base/ids.ts";
import { nearest } from "../../src/base/nearest.ts";

Deno.test("SystemIds.next() gives valid, ever greater UUIDv7 of the current time", () => {
  const ids = new SystemIds();
  const before = Date.now();
  let last = "";
  for (let n = 0; n < 20_000; n++) {
    const id = ids.next();
    assert.ok(isUuid(id) && id > last, `${last} then ${id}`);
    assert.match(id, /^.{14}7.{4}[89ab]/);
    last = id;
  }
  const time = parseInt(last.slice(0, 8) + last.slice(9, 13), 16);
  // A full counter borrows milliseconds: 20,000 identifiers are at most five.
  assert.ok(time >= before && time <= Date.now() + 5);
});

Deno.test("uuidV7() puts the time first and version and variant where RFC 9562 says", () => {
  const id = uuidV7(0x017f22e279b0, new Uint8Array(10).fill(0xff));
  assert.equal(id, "017f22e2-79b0-7fff-bfff-ffffffffffff");
});

Deno.test("nearest() finds what was meant and keeps silent when nothing is near", () => {
  assert.equal(nearest("statu", ["title", "status", "priority"]), "status");
  assert.equal(nearest("TITEL", ["title", "status"]), "title");
  assert.equal(nearest("zzzzzzzzzz", ["title", "status"]), undefined);
  assert.equal(nearest("a".repeat(100_000), ["title"]), undefined);
});

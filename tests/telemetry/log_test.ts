/**
 * @module
 */

import assert from "node:assert/strict";
import { createLogger } from "../../src/telemetry/log.ts";

function lines(format: "json" | "text", level: "debug" | "warn" = "debug") {
  const written: string[] = [];
  const logger = createLogger({
    format,
    level,
    sink: (line) => written.push(line),
    nowMs: () => Date.UTC(2026, 0, 31),
  });
  return { logger, written };
}

Deno.test("createLogger() writes one JSON object a line with bound and given fields", () => {
  const { logger, written } = lines("json");
  logger.with({ requestId: "r1" }).info("hello", { count: 3n, requestId: "r2" });
  assert.deepEqual(JSON.parse(written[0]!), {
    time: "2026-01-31T00:00:00.000Z",
    level: "info",
    message: "hello",
    requestId: "r2",
    count: "3",
  });
});

Deno.test("createLogger() writes errors with their causes, and nothing below its level", () => {
  const { logger, written } = lines("json", "warn");
  logger.info("not written");
  logger.error("failed", { error: new Error("outer", { cause: new TypeError("inner") }) });
  assert.equal(written.length, 1);
  const { error } = JSON.parse(written[0]!);
  assert.equal(error.message, "outer");
  assert.equal(error.cause.name, "TypeError");
});

Deno.test("createLogger() lets no message or field forge a second line or drive a terminal", () => {
  for (const format of ["json", "text"] as const) {
    const { logger, written } = lines(format);
    logger.warn("one\n2026 INFO two\x1b[31m", { path: "/\r\n\x1b]0;x" });
    // deno-lint-ignore no-control-regex -- exactly what must not be there
    assert.doesNotMatch(written[0]!, /[\x00-\x1f\x7f]/, format);
  }
});

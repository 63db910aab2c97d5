/**
 * @module
 */

import assert from "node:assert/strict";
import { clientAddress } from "../../src/cli/client_address.ts";
import { readSettings } from "../../src/kernel/settings.ts";

const PROXIES = ["10.0.0.1", "10.0.0.2"];

Deno.test("clientAddress() believes a forwarded address only from a trusted proxy", () => {
  assert.equal(clientAddress("203.0.113.9", "1.2.3.4", PROXIES), "203.0.113.9");
  assert.equal(clientAddress("203.0.113.9", "1.2.3.4", []), "203.0.113.9");
  assert.equal(clientAddress("10.0.0.1", "198.51.100.7", PROXIES), "198.51.100.7");
});

Deno.test("clientAddress() takes what the nearest trusted proxy saw, not what a client wrote", () => {
  assert.equal(clientAddress("10.0.0.1", "6.6.6.6, 198.51.100.7", PROXIES), "198.51.100.7");
  assert.equal(clientAddress("10.0.0.1", "198.51.100.7, 10.0.0.2", PROXIES), "198.51.100.7");
  assert.equal(clientAddress("10.0.0.1", null, PROXIES), "10.0.0.1");
});

Deno.test("readSettings() refuses every value it does not know and fills in the documented defaults", () => {
  const settings = readSettings(() => undefined);
  assert.equal(settings.host, "127.0.0.1");
  assert.equal(settings.port, 8080);
  assert.equal(settings.databaseUrl, "sqlite:./data/metacore.db");
  assert.equal(settings.enforcement, "enforce");
  assert.equal(settings.unsignedBundles, "refuse");
  assert.equal(settings.registration, "closed");
  const refused = [
    ["PORT", "65536"],
    ["PORT", "1e3"],
    ["METACORE_ENFORCE", "no"],
    ["METACORE_REGISTRATION", "yes"],
    ["LOG_LEVEL", "loud"],
    ["LOG_FORMAT", "xml"],
    ["METACORE_CORS_ORIGINS", "*"],
    ["METACORE_CORS_ORIGINS", "https://app.example.com/path"],
    ["METACORE_TRUSTED_PROXIES", "10.0.0.0/8"],
    ["MARKETPLACE_PUBKEY", "ab"],
    ["DATABASE_URL", "sqlite:"],
  ];
  for (const [name, value] of refused) {
    assert.throws(
      () => readSettings((asked) => asked === name ? value : undefined),
      { code: "kernel.invalid_setting", message: new RegExp(`^${name}=`) },
      `${name}=${value}`,
    );
  }
});

Deno.test("readSettings() turns the enforcer down only by the word shadow", () => {
  const read = (word: string) =>
    readSettings((name) => name === "METACORE_ENFORCE" ? word : undefined).enforcement;
  assert.deepEqual(["1", "true", "TRUE", "yes", "Enforce"].map(read), Array(5).fill("enforce"));
  assert.equal(read("shadow"), "shadow");
});

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
  assert.equal(settings.egress, undefined);
  assert.equal(settings.operatorToken, undefined);
  const refused = [
    ["PORT", "65536"],
    ["PORT", "1e3"],
    ["METACORE_ENFORCE", "no"],
    ["METACORE_REGISTRATION", "yes"],
    ["LOG_LEVEL", "loud"],
    ["METACORE_EGRESS", "*"],
    ["METACORE_EGRESS", "yes"],
    ["METACORE_EGRESS", "any,api.example.com"],
    ["METACORE_EGRESS", "ops-backend,true"],
    ["METACORE_EGRESS", "*.ops-backend"],
    ["METACORE_EGRESS", "ops-backend:70000"],
    ["METACORE_EGRESS", "https://ops-backend/*"],
    ["METACORE_EGRESS", "2130706433"],
    ["METACORE_EGRESS_PRIVATE", "intranet.example.com"],
    ["METACORE_GUEST_WORKERS", "0"],
    ["METACORE_GUEST_MEMORY_MIB", "4097"],
    ["METACORE_GUEST_TIMEOUT_MS", "30001"],
    ["METACORE_GUEST_FUEL", "1e9"],
    ["METACORE_OPERATOR_TOKEN", "short"],
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

Deno.test("readSettings() lets private addresses be named only where outbound HTTP is on, and tells no token", () => {
  const read = (given: Readonly<Record<string, string>>) => readSettings((name) => given[name]);
  assert.throws(() => read({ METACORE_EGRESS_PRIVATE: "10.0.0.5" }), /METACORE_EGRESS=/);
  assert.throws(
    () => read({ METACORE_EGRESS: "off", METACORE_EGRESS_PRIVATE: "10.0.0.5" }),
    /METACORE_EGRESS="off"/,
  );
  assert.deepEqual(
    read({ METACORE_EGRESS: "api.example.com, *.example.org", METACORE_EGRESS_PRIVATE: "fd00::/8" })
      .egress,
    { hosts: ["api.example.com", "*.example.org"], privateAddresses: ["fd00::/8"] },
  );
  assert.deepEqual(
    read({ METACORE_EGRESS: "ops-backend:8080,ops_backend", METACORE_EGRESS_PRIVATE: "10.0.0.5" })
      .egress,
    { hosts: ["ops-backend:8080", "ops_backend"], privateAddresses: ["10.0.0.5"] },
  );
  assert.throws(
    () => read({ METACORE_OPERATOR_TOKEN: "hunter2" }),
    (thrown: Error) => !thrown.message.includes("hunter2"),
  );
});

/**
 * Trust in bundles: keys and signatures in every form, golden vectors of the contract, what is
 * verified before anything is read, checksums both ways, settings of keys.
 *
 * @module
 */

import assert from "node:assert/strict";
import fc from "fast-check";
import { KernelError, packBundle } from "../../src/bundle/mod.ts";
import { openBundle } from "../../src/bundle/bundle.ts";
import { sha256Hex } from "../../src/bundle/digest.ts";
import { readDetachedSignature } from "../../src/bundle/trust/detached.ts";
import { writePem } from "../../src/bundle/trust/encoding.ts";
import {
  generateSigningKey,
  parsePrivateKey,
  pemOf,
  signArchive,
  type SigningKey,
} from "../../src/bundle/trust/private_key.ts";
import { keyIdOf, parsePublicKey, parseSignature } from "../../src/bundle/trust/public_key.ts";
import type { TrustedKey, TrustPolicy } from "../../src/bundle/trust/trust.ts";
import {
  checkSignerRole,
  isTrustedStill,
  verifyArchive,
  verifyChecksums,
  verifyKept,
} from "../../src/bundle/trust/verify.ts";
import { readSettings } from "../../src/kernel/settings.ts";
import { readTrustedKeys, trustOf, trustPolicyOf } from "../../src/kernel/trust_settings.ts";

const NOW = Date.parse("2026-06-01T00:00:00Z");
const SPKI = "302a300506032b6570032100";
const PKCS8 = "302e020100300506032b657004220420";

/** The vector of contract/metacore.md §4.4. */
const VECTOR = {
  seed: "01".repeat(32),
  publicKey: "8a88e3dd7409f195fd52db2d3cba5d72ca6709bf1d94121bf3748801b40f6f5c",
  digest: "1a62dbf369dd064f6a31c76d5714a6ee01934e47fdf650c566edaa3ca85b90ee",
  signature: "151b7a10c13cb743f206779cb96ce2e6caa800aaaf32533cce5f271377b066ab" +
    "2b7f73eac8512d2929772e3384654c6c98eaf313073c6d55b6f1b86db166390b",
};

const pkcs8 = (seed: string) =>
  writePem({ label: "PRIVATE KEY", bytes: Uint8Array.fromHex(PKCS8 + seed) });

const golden = await parsePrivateKey(pkcs8(VECTOR.seed));
const archive = await packBundle(
  new Map([
    ["manifest.json", JSON.stringify({ key: "notes", name: "Notes", version: "1.0.0" })],
    ["migrations/0001_init.sql", "create table notes (id uuid primary key)"],
    ["README.md", "# Notes"],
  ]),
);

function trusted(pair: SigningKey, more: Partial<TrustedKey> = {}): TrustedKey {
  return { id: keyIdOf(pair.publicKey), publicKey: pair.publicKey, role: "marketplace", ...more };
}

function policyOf(...keys: readonly TrustedKey[]): TrustPolicy {
  return { keys, unsigned: "refuse" };
}

async function signatureBy(pair: SigningKey, bytes: Uint8Array = archive) {
  return { value: (await signArchive(pair, bytes)).toHex() };
}

function urlSafe(base64: string): string {
  return base64.replaceAll("+", "-").replaceAll("/", "_");
}

Deno.test("golden vector: the seed gives the key, and the signature is over the 32 raw bytes of the digest", async () => {
  assert.equal(golden.publicKey.toHex(), VECTOR.publicKey);
  const raw = new Uint8Array(golden.publicKey);
  const key = await crypto.subtle.importKey("raw", raw, "Ed25519", false, ["verify"]);
  const signature = parseSignature(VECTOR.signature);
  const over = (message: Uint8Array<ArrayBuffer>) =>
    crypto.subtle.verify("Ed25519", key, new Uint8Array(signature), message);
  assert.equal(await over(Uint8Array.fromHex(VECTOR.digest)), true);
  assert.equal(await over(new TextEncoder().encode(VECTOR.digest)), false);
  // What this code signs is what the vector's signer signs: the digest, nothing else.
  const own = await signArchive(golden, archive);
  const digest = new Uint8Array(
    await crypto.subtle.digest("SHA-256", new Uint8Array(archive)),
  );
  assert.equal(await crypto.subtle.verify("Ed25519", key, new Uint8Array(own), digest), true);
});

Deno.test("a public key is read in every form of the contract, and named by its hash", async () => {
  await fc.assert(
    fc.asyncProperty(fc.uint8Array({ minLength: 32, maxLength: 32 }), async (seed) => {
      const pair = await parsePrivateKey(pkcs8(seed.toHex()));
      const { publicKey } = pair;
      const hex = publicKey.toHex();
      const der = Uint8Array.fromHex(SPKI + hex);
      const forms = [
        hex,
        hex.toUpperCase(),
        publicKey.toBase64(),
        publicKey.toBase64({ omitPadding: true }),
        urlSafe(publicKey.toBase64()),
        der.toHex(),
        der.toBase64(),
        urlSafe(der.toBase64({ omitPadding: true })),
        pemOf(pair).public,
        writePem({ label: "PUBLIC KEY", bytes: der }),
        writePem({ label: "PUBLIC KEY", bytes: der }).replaceAll("\n", "\r\n"),
        // As files of variables carry newlines.
        pemOf(pair).public.replaceAll("\n", "\\n"),
      ];
      for (const form of forms) {
        assert.equal(parsePublicKey(`  ${form}\n`).toHex(), hex, form);
      }
    }),
    { numRuns: 25 },
  );
  assert.equal(keyIdOf(golden.publicKey), "34750f98bd59fcfc");
});

Deno.test("what is no public key, is a private one, or anybody could sign for is refused", () => {
  const { private: secret } = pemOf(golden);
  const rsa = writePem({ label: "PUBLIC KEY", bytes: new Uint8Array(294) });
  const wrong: readonly (readonly [string, RegExp])[] = [
    ["", /is not 64 hex digits/],
    ["zz", /is not 64 hex digits/],
    ["ab".repeat(31), /is not 64 hex digits/],
    ["ab".repeat(33), /is not 64 hex digits/],
    [secret, /is a private key/],
    [pkcs8(VECTOR.seed), /is a private key/],
    [rsa, /SPKI of another algorithm/],
    [rsa.replace("-----END", "----END"), /not one sound block of PEM/],
    [pemOf(golden).public.repeat(2), /not one sound block of PEM/],
    [writePem({ label: "CERTIFICATE", bytes: golden.publicKey }), /is PEM CERTIFICATE/],
    [writePem({ label: "METACORE PUBLIC KEY", bytes: golden.seed.slice(1) }), /of 31 bytes/],
    ["00".repeat(32), /anybody can sign for/],
    ["01" + "00".repeat(31), /anybody can sign for/],
    ["01" + "00".repeat(30) + "80", /anybody can sign for/],
    ["c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa", /anybody can sign for/],
  ];
  for (const [text, message] of wrong) {
    assert.throws(() => parsePublicKey(text), { code: "bundle.bad_public_key", message }, text);
  }
});

Deno.test("whatever text is given for a key or a signature: it is read, or refused by its own code", async () => {
  const scraps = fc.constantFrom(
    "-----BEGIN ",
    "PUBLIC KEY-----",
    "-----END ",
    "{",
    `"value":`,
    "=",
  );
  const wild = fc.array(
    fc.oneof(scraps, fc.string(), fc.base64String(), fc.stringMatching(/^[0-9a-f]{0,130}$/)),
    {
      maxLength: 8,
    },
  ).map((parts) => parts.join(""));
  const refusal = (thrown: unknown) => {
    assert.ok(thrown instanceof KernelError, String(thrown));
    assert.match(thrown.code, /^bundle\.(bad_public_key|bad_private_key|malformed_signature)$/);
  };
  await fc.assert(
    fc.asyncProperty(wild, async (text) => {
      for (const read of [parsePublicKey, parseSignature, readDetachedSignature, parsePrivateKey]) {
        try {
          await read(text);
        } catch (thrown) {
          refusal(thrown);
        }
      }
    }),
    { numRuns: 300 },
  );
  const blanks = `-----BEGIN PUBLIC KEY-----${" ".repeat(1_000_000)}x`;
  const before = performance.now();
  assert.throws(() => parsePublicKey(blanks), { code: "bundle.bad_public_key" });
  assert.ok(performance.now() - before < 1_000);
});

Deno.test("a private key is read from the authors' PEM and from PKCS#8; its message never shows it", async () => {
  const made = await generateSigningKey();
  const { private: secret } = pemOf(made);
  assert.match(secret, /^-----BEGIN METACORE PRIVATE KEY-----\n/);
  assert.deepEqual(await parsePrivateKey(secret), made);
  assert.deepEqual(await parsePrivateKey(pkcs8(made.seed.toHex())), made);
  const torn = new Uint8Array([...made.seed, ...golden.publicKey]);
  const wrong: readonly (readonly [string, RegExp])[] = [
    ["hello", /PEM/],
    [pemOf(made).public, /METACORE PUBLIC KEY, not/],
    [writePem({ label: "METACORE PRIVATE KEY", bytes: torn }), /does not belong to its seed/],
    [writePem({ label: "METACORE PRIVATE KEY", bytes: made.seed }), /has 32 bytes/],
    [writePem({ label: "PRIVATE KEY", bytes: torn.slice(0, 48) }), /another kind/],
  ];
  for (const [text, message] of wrong) {
    await assert.rejects(parsePrivateKey(text), (thrown: KernelError) => {
      assert.equal(thrown.code, "bundle.bad_private_key");
      assert.match(thrown.message, message);
      assert.ok(!thrown.message.includes(made.seed.toBase64().slice(0, 20)));
      return true;
    });
  }
});

Deno.test("a signature is read as hex or base64 of 64 bytes, bare or in the hub's block", async () => {
  const policy = policyOf(trusted(golden));
  const bytes = await signArchive(golden, archive);
  const forms = [
    bytes.toHex(),
    bytes.toHex().toUpperCase(),
    bytes.toBase64(),
    bytes.toBase64({ omitPadding: true }),
    urlSafe(bytes.toBase64()),
    `\n ${bytes.toBase64()}\r\n`,
    JSON.stringify({ value: bytes.toBase64(), algorithm: "Ed25519", digest: "", key_id: null }),
    JSON.stringify({ value: bytes.toHex(), key_id: keyIdOf(golden.publicKey), verified: false }),
  ];
  for (const form of forms) {
    const verified = await verifyArchive(archive, readDetachedSignature(form), policy, NOW);
    assert.equal(verified?.keyId, "34750f98bd59fcfc", form);
  }
  const block = readDetachedSignature(JSON.stringify({
    value: bytes.toHex(),
    signed_at: "2026-05-01T00:00:00Z",
    developer_id: "dev_1",
    developer_name: "Acme",
    checksums: { "README.md": "ab".repeat(32) },
  }));
  assert.deepEqual(await verifyArchive(archive, block, policy, NOW), {
    keyId: "34750f98bd59fcfc",
    role: "marketplace",
    value: bytes.toHex(),
    signedAt: "2026-05-01T00:00:00Z",
    developer: { id: "dev_1", name: "Acme" },
  });
  const wrong = [
    "",
    "zz",
    bytes.toHex().slice(2),
    bytes.toBase64().slice(0, -4),
    "{}",
    "{",
    `{"value": 7}`,
    `{"value": "${bytes.toHex()}", "value": "${bytes.toHex()}"}`,
    `{"value": "${bytes.toHex()}", "checksums": []}`,
    `{"value": "${bytes.toHex()}", "checksums": {"a": "b"}}`,
  ];
  for (const text of wrong) {
    assert.throws(
      () => readDetachedSignature(text),
      { code: "bundle.malformed_signature", kind: "invalid" },
      text,
    );
  }
});

Deno.test("verification looks at raw bytes only: what is no archive verifies, and one bit of drift does not", async () => {
  const policy = policyOf(trusted(golden));
  await fc.assert(
    fc.asyncProperty(
      fc.uint8Array({ minLength: 1, maxLength: 200 }),
      fc.nat(),
      async (bytes, at) => {
        const signature = await signatureBy(golden, bytes);
        assert.ok(await verifyArchive(bytes, signature, policy, NOW));
        const drifted = bytes.slice();
        drifted[at % bytes.length]! ^= 1 << (at % 8);
        await assert.rejects(verifyArchive(drifted, signature, policy, NOW), {
          code: "bundle.bad_signature",
          kind: "forbidden",
        });
        const forged = Uint8Array.fromHex(signature.value);
        forged[at % 64]! ^= 1 << (at % 8);
        await assert.rejects(
          verifyArchive(bytes, { value: forged.toHex() }, policy, NOW),
          { code: "bundle.bad_signature" },
        );
      },
    ),
    { numRuns: 40 },
  );
});

Deno.test("each reason for which a signature is not taken has a code of its own", async () => {
  const stranger = await generateSigningKey();
  const policy = policyOf(trusted(golden));
  const good = await signatureBy(golden);
  const bad: readonly (readonly [string, Parameters<typeof verifyArchive>[1], TrustPolicy])[] = [
    ["bundle.unsigned", undefined, policy],
    ["bundle.bad_signature", await signatureBy(stranger), policy],
    ["bundle.unsupported_algorithm", { ...good, algorithm: "rsa" }, policy],
    ["bundle.unsupported_algorithm", { ...good, algorithm: "none" }, policy],
    ["bundle.digest_drift", { ...good, digest: "ab".repeat(32) }, policy],
    ["bundle.malformed_signature", { ...good, digest: "ab" }, policy],
    ["bundle.malformed_signature", { value: "ab" }, policy],
    ["bundle.unknown_key", { ...good, keyId: "nobody" }, policy],
    // A named key is the only one that is tried.
    [
      "bundle.bad_signature",
      { ...good, keyId: "other" },
      policyOf(
        trusted(golden),
        trusted(stranger, { id: "other" }),
      ),
    ],
    ["bundle.key_revoked", good, policyOf(trusted(golden, { revokedAt: "2026-05-01T00:00:00Z" }))],
    ["bundle.key_revoked", good, policyOf(trusted(golden, { revokedAt: "2099-05-01T00:00:00Z" }))],
    ["bundle.key_expired", good, policyOf(trusted(golden, { expiresAt: "2026-06-01T00:00:00Z" }))],
    ["bundle.key_expired", good, policyOf(trusted(golden, { expiresAt: "soon" }))],
    [
      "bundle.key_not_yet_valid",
      good,
      policyOf(
        trusted(golden, { notBefore: "2026-06-01T00:00:01Z" }),
      ),
    ],
    // The time that a signature names itself is anybody's word.
    [
      "bundle.key_expired",
      { ...good, signedAt: "2020-01-01T00:00:00Z" },
      policyOf(
        trusted(golden, { expiresAt: "2021-01-01T00:00:00Z" }),
      ),
    ],
  ];
  for (const [code, signature, trust] of bad) {
    await assert.rejects(verifyArchive(archive, signature, trust, NOW), { code }, code);
  }
  const standing = trusted(golden, {
    notBefore: "2026-06-01T00:00:00Z",
    expiresAt: "2026-06-01T00:00:01+00:00",
  });
  for (const algorithm of ["ed25519", "Ed25519", "ED25519", ""]) {
    assert.ok(await verifyArchive(archive, { ...good, algorithm }, policyOf(standing), NOW));
  }
});

Deno.test("policy matrix: with keys every bundle must verify, without them only the word allow admits", async () => {
  const keys = [trusted(golden), trusted(await generateSigningKey())];
  const good = await signatureBy(golden);
  for (const unsigned of ["allow", "refuse"] as const) {
    const policy = { keys, unsigned };
    await assert.rejects(verifyArchive(archive, undefined, policy, NOW), {
      code: "bundle.unsigned",
      message: /^bundle signature rejected:/,
    });
    assert.equal((await verifyArchive(archive, good, policy, NOW))?.role, "marketplace");
  }
  const allow: TrustPolicy = { keys: [], unsigned: "allow" };
  assert.equal(await verifyArchive(archive, undefined, allow, NOW), undefined);
  assert.equal(await verifyArchive(archive, good, allow, NOW), undefined);
  await assert.rejects(
    verifyArchive(archive, { ...good, digest: "00".repeat(32) }, allow, NOW),
    { code: "bundle.digest_drift" },
  );
  // Border: an embedder without types may give any word.
  for (const unsigned of ["refuse", "yes", undefined] as TrustPolicy["unsigned"][]) {
    await assert.rejects(verifyArchive(archive, good, { keys: [], unsigned }, NOW), {
      code: "bundle.unsigned",
      kind: "forbidden",
      message: "signature verification is required " +
        "(set MARKETPLACE_PUBKEY or, for dev, ALLOW_UNSIGNED_BUNDLES=true)",
    });
  }
});

Deno.test("an author signs the addons it is named for and no other", async () => {
  const author = trusted(golden, { role: "author", addons: ["notes", "acme_*"] });
  const policy = policyOf(author);
  const verified = await verifyArchive(archive, await signatureBy(golden), policy, NOW);
  for (const key of ["notes", "acme_", "acme_billing"]) checkSignerRole(verified, key, policy);
  for (const key of ["note", "notes2", "acme", "tickets"]) {
    assert.throws(() => checkSignerRole(verified, key, policy), {
      code: "bundle.signer_not_allowed",
      kind: "forbidden",
    }, key);
  }
  checkSignerRole(verified, "tickets", policyOf(trusted(golden)));
  checkSignerRole(undefined, "tickets", { keys: [], unsigned: "allow" });
  // A key that is trusted no more, and an author without addons, sign nothing.
  for (const gone of [policyOf(), policyOf(trusted(golden, { role: "author" }))]) {
    assert.throws(() => checkSignerRole(verified, "notes", gone), {
      code: "bundle.signer_not_allowed",
    });
  }
});

Deno.test("what is kept is verified again: revoked, unknown and forged signatures do not come back", async () => {
  const stranger = await generateSigningKey();
  const policy = policyOf(trusted(golden));
  const kept = await verifyArchive(archive, await signatureBy(golden), policy, NOW);
  await verifyKept(archive, kept, "notes", policy);
  // Good when it entered; and where nobody must sign, nothing is asked.
  await verifyKept(
    archive,
    kept,
    "notes",
    policyOf(trusted(golden, { expiresAt: "2020-01-01T00:00:00Z" })),
  );
  await verifyKept(archive, undefined, "notes", { keys: [], unsigned: "allow" });
  const forged = { ...kept!, value: (await signArchive(stranger, archive)).toHex() };
  const { value: _value, ...older } = kept!;
  const bad: readonly (readonly [string, Parameters<typeof verifyKept>[1], TrustPolicy])[] = [
    ["bundle.unsigned", undefined, policy],
    ["bundle.unsigned", kept, policyOf()],
    ["bundle.unknown_key", kept, policyOf(trusted(stranger))],
    ["bundle.bad_signature", kept, policyOf(trusted(stranger, { id: kept!.keyId }))],
    ["bundle.bad_signature", forged, policy],
    ["bundle.key_revoked", kept, policyOf(trusted(golden, { revokedAt: "2026-01-01T00:00:00Z" }))],
    [
      "bundle.signer_not_allowed",
      kept,
      policyOf(trusted(golden, { role: "author", addons: ["tickets"] })),
    ],
    ["bundle.malformed_signature", { ...older, value: "" }, policy],
  ];
  for (const [code, signature, trust] of bad) {
    await assert.rejects(verifyKept(archive, signature, "notes", trust), { code }, code);
  }
  // What is shown of it says the same, without the bytes.
  const digest = await sha256Hex(archive);
  const expired = policyOf(trusted(golden, { expiresAt: "2020-01-01T00:00:00Z" }));
  for (const trust of [policy, expired]) {
    assert.equal(await isTrustedStill(digest, kept!, "notes", trust), true);
  }
  for (const [code, signature, trust] of bad) {
    if (signature === undefined) continue;
    assert.equal(await isTrustedStill(digest, signature, "notes", trust), false, code);
  }
  assert.equal(
    await isTrustedStill(digest, kept!, "notes", { keys: [], unsigned: "allow" }),
    false,
  );
  await assert.rejects(verifyKept(archive.slice(1), kept, "notes", policy), {
    code: "bundle.bad_signature",
  });
});

Deno.test("checksums hold both ways: every listed file is there and equal, every file is listed", async () => {
  const bundle = await openBundle(archive);
  const complete = Object.fromEntries(
    [...bundle.entries].filter(([path]) => path !== "manifest.json")
      .map(([path, { sha256 }]) => [path, sha256.toUpperCase()]),
  );
  verifyChecksums(bundle, complete);
  verifyChecksums(bundle, { ...complete, "manifest.json": "ab".repeat(32) });
  verifyChecksums(bundle, {});
  verifyChecksums(bundle, undefined);
  const { "README.md": _readme, ...partly } = complete;
  const wrong: readonly (readonly [Readonly<Record<string, string>>, RegExp])[] = [
    [{ ...complete, "README.md": "ab".repeat(32) }, /"README\.md" has other contents/],
    [{ ...complete, "backend/a.wasm": "ab".repeat(32) }, /"backend\/a\.wasm" is listed, but not/],
    [partly, /"README\.md" is in the bundle, but not listed/],
    [{ "manifest.json": "ab".repeat(32) }, /is in the bundle, but not listed/],
  ];
  for (const [checksums, message] of wrong) {
    assert.throws(() => verifyChecksums(bundle, checksums), {
      code: "bundle.checksum_mismatch",
      message,
    });
  }
});

Deno.test("MARKETPLACE_PUBKEYS and MARKETPLACE_PUBKEY take every form, and say which key is wrong", async () => {
  const second = await generateSigningKey();
  const read = (given: Readonly<Record<string, string>>) =>
    readSettings((name) => given[name]).marketplaceKeys;
  const both = [VECTOR.publicKey, second.publicKey.toHex()];
  const lists = [
    `${VECTOR.publicKey.toUpperCase()}, ${second.publicKey.toBase64()},`,
    `${pemOf(golden).public}${pemOf(second).public}`,
    `${pemOf(golden).public},${second.publicKey.toHex()}`,
    `${pemOf(golden).public.replaceAll("\n", "\\n")},${SPKI}${second.publicKey.toHex()}`,
  ];
  for (const list of lists) assert.deepEqual(read({ MARKETPLACE_PUBKEYS: list }), both, list);
  assert.deepEqual(
    read({ MARKETPLACE_PUBKEYS: both[0]!, MARKETPLACE_PUBKEY: both[1]! }),
    both,
  );
  assert.throws(() => read({ MARKETPLACE_PUBKEYS: `${both[0]}, beef` }), {
    code: "kernel.invalid_setting",
    message: /^MARKETPLACE_PUBKEYS="beef" is not understood: .*\(key 2 of 2 is not 64 hex digits/,
  });
  assert.throws(
    () => read({ MARKETPLACE_PUBKEY: pemOf(second).private }),
    (thrown: KernelError) => {
      assert.match(thrown.message, /key 1 of 1 is a private key/);
      assert.ok(!thrown.message.includes(second.seed.toBase64().slice(0, 8)));
      return true;
    },
  );
});

Deno.test("the file of trusted keys is read strictly, each complaint with its place", () => {
  const text = (...keys: readonly object[]) => JSON.stringify({ keys });
  const key = VECTOR.publicKey;
  assert.deepEqual(readTrustedKeys(text({ key }), "keys.json"), [
    { id: "34750f98bd59fcfc", publicKey: golden.publicKey, role: "marketplace" },
  ]);
  assert.deepEqual(
    readTrustedKeys(
      text({
        id: "acme-2026",
        key: pemOf(golden).public,
        role: "author",
        addons: ["notes", "acme_*"],
        not_before: "2026-01-01T00:00:00Z",
        expires_at: "2027-01-01T00:00:00.5+02:00",
        revoked_at: "2026-03-01T00:00:00Z",
      }),
      "keys.json",
    ),
    [{
      id: "acme-2026",
      publicKey: golden.publicKey,
      role: "author",
      addons: ["notes", "acme_*"],
      notBefore: "2026-01-01T00:00:00Z",
      expiresAt: "2027-01-01T00:00:00.5+02:00",
      revokedAt: "2026-03-01T00:00:00Z",
    }],
  );
  const wrong: readonly (readonly [string, RegExp])[] = [
    ["", /keys\.json, line 1/],
    ["[]", /keys\.json: is not an object/],
    ["{}", /keys is not a list/],
    [text(), /keys is empty/],
    [`{"keys": [], "keys": []}`, /line 1/],
    [JSON.stringify({ keys: [{ key }], key }), /keys\.json: key is not known: use keys/],
    [text({}), /keys\[0\]\.key is required/],
    [text({ key: "beef" }), /keys\[0\]\.key is not 64 hex digits/],
    [text({ key }, { key, id: "two" }), /keys\[1\] is the same key as an earlier one/],
    [text({ key, id: "a" }, { key: "ab".repeat(32), id: "a" }), /keys\[1\] has the id "a"/],
    [text({ key, id: "" }), /keys\[0\]\.id is not 1 to 128/],
    [text({ key, role: "admin" }), /keys\[0\]\.role is "admin", not/],
    [text({ key, role: "author" }), /keys\[0\]\.addons names no addon/],
    [text({ key, role: "author", addons: [] }), /keys\[0\]\.addons names no addon/],
    [text({ key, role: "author", addons: ["*"] }), /keys\[0\]\.addons: "\*" is no addon key/],
    [text({ key, role: "author", addons: "notes" }), /keys\[0\]\.addons is not a list/],
    [text({ key, addons: ["notes"] }), /keys\[0\]\.addons is for the role "author"/],
    [text({ key, expires_at: "2027" }), /keys\[0\]\.expires_at is "2027", not a time/],
    [text({ key, revoked_at: "2027-13-01T00:00:00Z" }), /keys\[0\]\.revoked_at is/],
    [
      text({ key, expires: "2027-01-01T00:00:00Z" }),
      /keys\[0\]\.expires is not known: use id, key/,
    ],
    [text({ key, revoked_at: null }), /keys\[0\]\.revoked_at is not a text/],
  ];
  for (const [content, message] of wrong) {
    assert.throws(
      () => readTrustedKeys(content, "keys.json"),
      { code: "kernel.invalid_setting", message },
      content,
    );
  }
});

Deno.test("what is trusted: a key's revocation in the file holds, and any key ends unsigned bundles", () => {
  const revoked = trusted(golden, { revokedAt: "2026-01-01T00:00:00Z" });
  assert.deepEqual(trustPolicyOf([VECTOR.publicKey], [revoked], "allow"), {
    keys: [revoked],
    unsigned: "refuse",
  });
  const twice = trustPolicyOf([VECTOR.publicKey, VECTOR.publicKey], [], "allow");
  assert.deepEqual(twice, { keys: [trusted(golden)], unsigned: "refuse" });
  assert.deepEqual(trustPolicyOf([], [], "allow"), { keys: [], unsigned: "allow" });
  assert.deepEqual(trustOf({}), { keys: [], unsigned: "refuse" });
  assert.deepEqual(trustOf({ unsignedBundles: "allow" }), { keys: [], unsigned: "allow" });
  assert.deepEqual(trustOf({ unsignedBundles: "allow", trust: twice }), twice);
  const wrong: readonly (readonly [TrustPolicy, RegExp])[] = [
    [
      policyOf(trusted(golden, { publicKey: new Uint8Array(31) })),
      /trust\.keys\[0\] has no key of 32/,
    ],
    [policyOf(trusted(golden, { notBefore: "now" })), /trust\.keys\[0\]\.notBefore is "now"/],
    [policyOf(trusted(golden), trusted(golden)), /trust\.keys\[1\] has the id/],
    // Border: an embedder without types may give any word.
    [{ keys: [], unsigned: "yes" as "allow" }, /trust\.unsigned is "refuse" or "allow", not "yes"/],
  ];
  for (const [trust, message] of wrong) {
    assert.throws(() => trustOf({ trust }), { code: "kernel.invalid_setting", message });
  }
});

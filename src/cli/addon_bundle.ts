/**
 * `metacore addon sign`, `verify`, `inspect`: bundles in files, without a database.
 *
 * @module
 */

import type { Bundle } from "../bundle/bundle.ts";
import { sha256Hex } from "../bundle/digest.ts";
import { parsePrivateKey, signArchive } from "../bundle/trust/private_key.ts";
import { keyIdOf } from "../bundle/trust/public_key.ts";
import type { TrustPolicy } from "../bundle/trust/trust.ts";
import { checkSignerRole, verifyArchive, verifyChecksums } from "../bundle/trust/verify.ts";
import { readSettings } from "../kernel/settings.ts";
import { openFile, readBundleFile, readPublicKey } from "./bundle_file.ts";
import { readTrust } from "./environment.ts";
import { print } from "./output.ts";

/** Options of `addon sign`. */
export interface SignOptions {
  readonly key: string;
}

/** Options of `addon verify`. */
export interface VerifyOptions {
  readonly signature?: string;
  readonly key?: readonly string[];
}

/** Options of `addon inspect`. */
export interface InspectOptions {
  readonly json?: boolean;
}

/**
 * Signs a bundle and writes the signature beside it: base64 without a newline, over any older one.
 *
 * @param path the bundle; its bytes are signed as they are.
 * @param options file of the private key.
 * @throws {KernelError} bundle.bad_private_key
 */
export async function signBundle(path: string, options: SignOptions): Promise<void> {
  const pair = await parsePrivateKey(await Deno.readTextFile(options.key));
  const archive = await Deno.readFile(path);
  const signature = await signArchive(pair, archive);
  await Deno.writeTextFile(`${path}.sig`, signature.toBase64());
  print(`signature  ${path}.sig`);
  print(`digest     ${await sha256Hex(archive)}`);
  print(`key id     ${keyIdOf(pair.publicKey)}`);
}

/**
 * Verifies a bundle as an install would, and opens it.
 *
 * @param path the bundle.
 * @param options where its signature lies, and keys to use instead of the trusted ones.
 * @throws {KernelError} bundle.* — why it would not be taken.
 */
export async function verifyBundle(path: string, options: VerifyOptions): Promise<void> {
  const policy = await policyFor(options.key);
  const { archive, signature } = await readBundleFile(path, options.signature);
  const verified = await verifyArchive(archive, signature, policy, Date.now());
  const bundle = await openFile({ archive });
  checkSignerRole(verified, bundle.manifest.key, policy);
  verifyChecksums(bundle, signature?.checksums);
  print(`ok         ${bundle.manifest.key} ${bundle.manifest.version}`);
  print(`digest     ${bundle.digest}`);
  print(`signed by  ${verified?.keyId} (${verified?.role})`);
}

/**
 * Prints what a bundle holds. Nothing is verified.
 *
 * @param path the bundle.
 * @param options whether as JSON.
 */
export async function inspectBundle(path: string, options: InspectOptions): Promise<void> {
  const bundle = await openFile({ archive: await Deno.readFile(path) });
  if (options.json === true) {
    const { manifest, digest, size, entries } = bundle;
    const files = Object.fromEntries([...entries].map(([name, { sha256 }]) => [name, sha256]));
    print(JSON.stringify({ digest, size, files, manifest: manifest.document }, null, 2));
  } else printBundle(bundle);
}

/** With keys that were given, or none at all, an unsigned bundle is never fine. */
async function policyFor(keys: readonly string[] | undefined): Promise<TrustPolicy> {
  if (keys === undefined) {
    const settings = readSettings((name) => Deno.env.get(name));
    return { ...await readTrust(settings), unsigned: "refuse" };
  }
  const given = await Promise.all(keys.map(readPublicKey));
  return {
    keys: given.map((publicKey) => ({ id: keyIdOf(publicKey), publicKey, role: "marketplace" })),
    unsigned: "refuse",
  };
}

function printBundle({ manifest, digest, size, entries, migrations, frontend }: Bundle): void {
  const bytes = frontend.reduce((sum, name) => sum + entries.get(name)!.bytes.length, 0);
  const models = manifest.model_definitions.map(({ model_key }) => model_key);
  print(`addon       ${manifest.key} ${manifest.version} (${manifest.name})`);
  print(`digest      ${digest}`);
  print(`size        ${size} bytes, ${entries.size} files`);
  print(`models      ${models.join(", ") || "none"}`);
  print(`migrations  ${migrations.map(({ version }) => version).join(", ") || "none"}`);
  print(`frontend    ${frontend.length} files, ${bytes} bytes`);
  print(`backend     ${manifest.backend?.runtime ?? "none"}`);
  for (const { kind, target, reason } of manifest.capabilities) {
    print(`capability  ${kind} ${target}${reason === undefined ? "" : `: ${reason}`}`);
  }
  for (const { key, version = "*", optional } of manifest.requires) {
    print(`requires    ${key} ${version}${optional ? " (optional)" : ""}`);
  }
}

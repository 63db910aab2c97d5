/**
 * `metacore keys`: pairs of keys for signing bundles, in the files that the authors' tools write.
 *
 * @module
 */

import type { Command } from "commander";
import { generateSigningKey, parsePrivateKey, pemOf } from "../bundle/trust/private_key.ts";
import { keyIdOf, parsePublicKey } from "../bundle/trust/public_key.ts";
import { print } from "./output.ts";

const GENERATE_EXAMPLES = `
Examples:
  metacore keys generate --out acme
  MARKETPLACE_PUBKEYS="$(cat acme.pub)" metacore serve`;
const SHOW_EXAMPLES = `
Examples:
  metacore keys show acme.pub
  metacore keys show acme.pem`;

/**
 * Adds the commands.
 *
 * @param keys the command that holds them.
 */
export function addKeys(keys: Command): void {
  keys.command("generate").description("make a pair of Ed25519 keys")
    .requiredOption("--out <prefix>", "writes <prefix>.pem, for the owner alone, and <prefix>.pub")
    .addHelpText("after", GENERATE_EXAMPLES).action(generateKeys);
  keys.command("show").description("print what a key is called and its public half")
    .argument("<file>", "file of a public or a private key, in any form")
    .addHelpText("after", SHOW_EXAMPLES).action(showKey);
}

async function generateKeys({ out }: { readonly out: string }): Promise<void> {
  const pair = await generateSigningKey();
  const files = pemOf(pair);
  // The public one first: should the second fail, no secret was left lying about.
  await Deno.writeTextFile(`${out}.pub`, files.public, { createNew: true });
  try {
    await Deno.writeTextFile(`${out}.pem`, files.private, { createNew: true, mode: 0o600 });
  } catch (thrown) {
    await Deno.remove(`${out}.pub`);
    throw thrown;
  }
  print(`private key  ${out}.pem (keep it secret)`);
  print(`public key   ${out}.pub`);
  printPublic(pair.publicKey);
}

async function showKey(path: string): Promise<void> {
  const text = await Deno.readTextFile(path);
  const isPrivate = /-----BEGIN [A-Z ]*PRIVATE KEY-----/.test(text);
  printPublic(isPrivate ? (await parsePrivateKey(text)).publicKey : parsePublicKey(text));
}

function printPublic(publicKey: Uint8Array): void {
  print(`key id       ${keyIdOf(publicKey)}`);
  print(`hex          ${publicKey.toHex()}`);
  print(`base64       ${publicKey.toBase64()}`);
}

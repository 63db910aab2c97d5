/**
 * Bundles, signatures and keys in files, as the command line names them.
 *
 * @module
 */

import type { Bundle } from "../bundle/bundle.ts";
import { openBundle } from "../bundle/bundle.ts";
import { readDetachedSignature } from "../bundle/trust/detached.ts";
import { parsePublicKey } from "../bundle/trust/public_key.ts";
import type { DetachedSignature } from "../bundle/trust/trust.ts";

/** A bundle that lies in a file. */
export interface BundleFile {
  readonly path: string;
  readonly archive: Uint8Array;
  /** From the file that was named, or `<path>.sig` where there is one. */
  readonly signature?: DetachedSignature;
}

/**
 * Reads a bundle and the signature beside it; neither is looked into.
 *
 * @param path the bundle.
 * @param signaturePath the signature. @default `<path>.sig`, if it exists
 * @returns both.
 * @throws {KernelError} bundle.malformed_signature
 */
export async function readBundleFile(path: string, signaturePath?: string): Promise<BundleFile> {
  const archive = await Deno.readFile(path);
  const text = signaturePath === undefined
    ? await readIfThere(`${path}.sig`)
    : await Deno.readTextFile(signaturePath);
  return {
    path,
    archive,
    ...(text === undefined ? {} : { signature: readDetachedSignature(text) }),
  };
}

/** Opens a bundle that has been verified, or that is only to be looked at. */
export async function openFile({ archive }: Pick<BundleFile, "archive">): Promise<Bundle> {
  return await openBundle(archive);
}

/**
 * Reads a public key that was given as itself or as the path of a file.
 *
 * @param keyOrPath a key in any of its forms, or a path.
 * @returns the 32 bytes.
 * @throws {KernelError} bundle.bad_public_key — what was given, or the file, holds none.
 */
export async function readPublicKey(keyOrPath: string): Promise<Uint8Array> {
  const text = await readIfThere(keyOrPath);
  return parsePublicKey(text ?? keyOrPath);
}

async function readIfThere(path: string): Promise<string | undefined> {
  try {
    return await Deno.readTextFile(path);
  } catch (thrown) {
    if (isNoFile(thrown)) return undefined;
    throw thrown;
  }
}

/** A key in PEM is no path at all: too long, or with newlines in it. */
function isNoFile(thrown: unknown): boolean {
  return thrown instanceof Deno.errors.NotFound || thrown instanceof Deno.errors.NotCapable ||
    (thrown instanceof Error && "code" in thrown && thrown.code === "ENAMETOOLONG");
}

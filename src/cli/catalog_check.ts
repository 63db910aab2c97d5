/**
 * What `metacore doctor` says of the folder of bundles on offer: a folder that is not there, or a
 * bundle that would be left out of the catalog, is otherwise told in the log alone.
 *
 * @module
 */

import { KernelError } from "../base/error.ts";
import type { TrustPolicy } from "../bundle/trust/trust.ts";
import { checkSignerRole, verifyArchive } from "../bundle/trust/verify.ts";
import { openFile, readBundleFile } from "./bundle_file.ts";

const BUNDLE = /\.(?:tgz|tar\.gz)$/i;

/**
 * Looks at each bundle as the catalog would.
 *
 * @param dir the folder.
 * @param trust whom the operator trusts.
 * @returns lines of the doctor.
 */
export async function catalogLines(dir: string, trust: TrustPolicy): Promise<string[]> {
  const names: string[] = [];
  try {
    for await (const { name, isDirectory } of Deno.readDir(dir)) {
      if (BUNDLE.test(name) && !isDirectory) names.push(name);
    }
  } catch (thrown) {
    return [`warn  METACORE_CATALOG_DIR ${dir} offers nothing: ${messageOf(thrown)}`];
  }
  const faults: string[] = [];
  // One after the other: an unpacked bundle may be large.
  for (const name of names.sort()) {
    const fault = await faultOf(`${dir}/${name}`, trust);
    if (fault !== undefined) faults.push(`warn  catalog: ${name} cannot be installed: ${fault}`);
  }
  const good = names.length - faults.length;
  return [`ok    catalog: bundles that can be installed from ${dir}: ${good}`, ...faults];
}

async function faultOf(path: string, trust: TrustPolicy): Promise<string | undefined> {
  try {
    const file = await readBundleFile(path);
    const verified = await verifyArchive(file.archive, file.signature, trust, Date.now());
    const { manifest } = await openFile(file);
    checkSignerRole(verified, manifest.key, trust);
    return undefined;
  } catch (thrown) {
    return messageOf(thrown);
  }
}

function messageOf(thrown: unknown): string {
  if (thrown instanceof KernelError) return `${thrown.message} [${thrown.code}]`;
  return thrown instanceof Error ? thrown.message : String(thrown);
}

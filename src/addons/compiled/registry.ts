/**
 * The addons that the host application brings as code: their manifests read once, each standing
 * behind those it needs, and a bundle of the manifest alone for each, so that they are installed like
 * any other. Who installs and calls them is elsewhere.
 *
 * @module
 */

import { type Bundle, openBundle } from "../../bundle/bundle.ts";
import type { Manifest } from "../../bundle/manifest/manifest.ts";
import { packBundle } from "../../bundle/pack.ts";
import { compiledBootFailed, invalidCompiled } from "../errors.ts";
import { inTopologicalOrder } from "../plan/requirement_order.ts";
import type { CompiledAddon, CompiledAddons } from "./compiled_addon.ts";

/** A compiled addon as it is installed. */
export interface CompiledBundle {
  readonly addon: CompiledAddon;
  readonly manifest: Manifest;
  /** Its bundle: the manifest alone; equal manifests give equal bytes. */
  readonly archive: Uint8Array;
  /** SHA-256 of the archive, hex. */
  readonly digest: string;
}

/** The compiled addons of this kernel with their bundles. */
export interface CompiledRegistry extends CompiledAddons {
  /** Finds the bundle of one by addon key. */
  bundleOf(addonKey: string): CompiledBundle | undefined;
  /** Every bundle, each after those it requires. */
  readonly bundles: readonly CompiledBundle[];
  /**
   * Calls every `boot`, each after those of the addons it requires.
   *
   * @throws {KernelError} addon.compiled_boot_failed — the first that fails; the kernel must not start.
   */
  boot(): Promise<void>;
}

/** How compiled addons are read. */
export interface CompiledOptions {
  /** Version that manifests' `kernel` ranges are matched against. */
  readonly kernelContractVersion: string;
}

/** What a kernel without compiled addons has. */
export const noCompiledAddons: CompiledRegistry = {
  find: () => undefined,
  bundleOf: () => undefined,
  all: [],
  bundles: [],
  boot: () => Promise.resolve(),
};

/**
 * Takes up compiled addons.
 *
 * @param addons as the host application brings them.
 * @param options how they are read.
 * @returns the registry.
 * @throws {KernelError} addon.invalid_compiled — a manifest cannot be read, brings a module of its
 *   own, or has the key of another; addon.requirement_cycle
 */
export async function createCompiledAddons(
  addons: readonly CompiledAddon[],
  options: CompiledOptions,
): Promise<CompiledRegistry> {
  const read: CompiledBundle[] = [];
  for (const addon of addons) {
    const bundle = await bundleOf(addon, options);
    const { key } = bundle.manifest;
    if (read.some(({ manifest }) => manifest.key === key)) {
      throw invalidCompiled(key, new Error("there are two of the key"));
    }
    read.push(bundle);
  }
  const ordered = inTopologicalOrder(read.map(({ manifest }) => manifest));
  const byKey = new Map(read.map((each) => [each.manifest.key, each]));
  const bundles = ordered.map(({ key }) => byKey.get(key)!);
  return {
    find: (addonKey) => byKey.get(addonKey)?.addon,
    bundleOf: (addonKey) => byKey.get(addonKey),
    all: bundles.map(({ addon }) => addon),
    bundles,
    boot: () => bootAll(bundles),
  };
}

async function bundleOf(
  addon: CompiledAddon,
  { kernelContractVersion: kernelVersion }: CompiledOptions,
): Promise<CompiledBundle> {
  const { key } = addon.manifest;
  const name = typeof key === "string" ? key : "without a key";
  let archive: Uint8Array;
  let bundle: Bundle;
  try {
    archive = await packBundle(new Map([["manifest.json", JSON.stringify(addon.manifest)]]));
    bundle = await openBundle(archive, { kernelVersion });
  } catch (thrown) {
    throw invalidCompiled(name, thrown);
  }
  const { manifest, digest } = bundle;
  return { addon, manifest, archive, digest };
}

async function bootAll(bundles: readonly CompiledBundle[]): Promise<void> {
  for (const { addon, manifest } of bundles) {
    try {
      await addon.boot?.();
    } catch (thrown) {
      throw compiledBootFailed(manifest.key, thrown);
    }
  }
}

/**
 * Opens a bundle: archive, digests, manifest, migrations, and that the parts the manifest names are
 * there (contract/metacore.md §4). It neither verifies signatures nor looks into SQL or modules.
 *
 * @module
 */

import { isJsonObject } from "../base/json.ts";
import { type ArchiveEntry, readArchive } from "./archive.ts";
import { sha256Hex } from "./digest.ts";
import { badJson, badText, duplicateEntry, incomplete, quoted } from "./errors.ts";
import type { ArchiveLimits } from "./limits.ts";
import { readJson } from "./manifest/json_reader.ts";
import { checkKernelRange, KERNEL_CONTRACT_VERSION_V3 } from "./manifest/kernel_range.ts";
import type { Manifest } from "./manifest/manifest.ts";
import { parseManifest } from "./manifest/parse.ts";

/** A file of a bundle. */
export interface BundleEntry {
  /** Its content. */
  readonly bytes: Uint8Array;
  /** SHA-256 of the content, lower-case hex. */
  readonly sha256: string;
}

/** A migration of a bundle. */
export interface BundleMigration {
  /** Base name without `.sql`; orders the migrations. */
  readonly version: string;
  /** Path in the bundle. */
  readonly path: string;
  /** Its text. */
  readonly sql: string;
  /** SHA-256 of the text's bytes, lower-case hex. */
  readonly checksum: string;
}

/** An opened bundle. */
export interface Bundle {
  /** The declaration, every rule checked. */
  readonly manifest: Manifest;
  /** SHA-256 of the archive's exact bytes, lower-case hex. */
  readonly digest: string;
  /** Size of the archive in bytes. */
  readonly size: number;
  /** Every file by path, in the order of the archive. */
  readonly entries: ReadonlyMap<string, BundleEntry>;
  /** Migrations in the order they are to be applied. */
  readonly migrations: readonly BundleMigration[];
  /** Paths below `frontend/`, sorted. */
  readonly frontend: readonly string[];
  /** Path of the module of a wasm backend. */
  readonly backendEntry?: string;
  /** Text of README.md. */
  readonly readme?: string;
}

interface ModulePlace {
  /** What of the manifest names the module. */
  readonly source: string;
  readonly isPlace: (path: string) => boolean;
}

const inBackend = (path: string) => path.startsWith("backend/");
/** Where the module may lie: never among the files that anybody may read. */
const MODULE_PLACES: Readonly<Record<Manifest["generation"], ModulePlace>> = {
  v2: { source: "backend.entry, in backend/", isPlace: inBackend },
  v3: { source: "the module of its wasm handlers", isPlace: inBackend },
  gonext: { source: "entry", isPlace: (path) => !path.startsWith("frontend/") },
};

/** How a bundle is opened. */
export interface OpenOptions {
  /**
   * Contract version that the manifest's `kernel` range must hold; manifests of `asteby.com/v3` have
   * one of their own. @default "2.0.0"
   */
  readonly kernelVersion?: string;
  /** Bounds of the archive. */
  readonly limits?: ArchiveLimits;
}

/**
 * Opens a bundle.
 *
 * @param archive the exact bytes of the `.tar.gz`.
 * @param options what it is held against.
 * @returns the bundle; its entries are views of one buffer that nothing else holds.
 * @throws {KernelError} what `readArchive` and `parseManifest` throw; bundle.kernel_mismatch — made for
 *   another kernel; bundle.incomplete — no manifest, or what it names is missing;
 *   bundle.duplicate_entry — two migrations of one version; bundle.bad_text, bundle.bad_json — a
 *   migration or a file of translations cannot be read.
 */
export async function openBundle(
  archive: Uint8Array,
  options: OpenOptions = {},
): Promise<Bundle> {
  // The bytes that are hashed are the bytes that are read, even if the caller writes into its buffer.
  const own = archive.slice();
  const files = await readArchive(own, options.limits);
  const manifestFile = files.find((file) => file.path === "manifest.json");
  if (manifestFile === undefined) throw incomplete("The bundle has no manifest.json at its root.");
  const manifest = parseManifest(manifestFile.bytes);
  checkKernelRange(manifest, contractVersion(manifest, options));
  const entries = await digestEntries(files);
  const backendEntry = findBackendEntry(manifest, entries);
  for (const { path } of manifest.translations.files) checkTranslations(path, entries.get(path));
  const readme = entries.get("README.md");
  return {
    manifest,
    digest: await sha256Hex(own),
    size: own.length,
    entries,
    migrations: readMigrations(entries),
    frontend: [...entries.keys()].filter((path) => path.startsWith("frontend/")).sort(),
    ...(backendEntry === undefined ? {} : { backendEntry }),
    // A readme is only shown: what is not UTF-8 in it becomes U+FFFD.
    ...(readme === undefined ? {} : { readme: new TextDecoder().decode(readme.bytes) }),
  };
}

/** Undefined where the default of the manifest's generation holds. */
function contractVersion(manifest: Manifest, options: OpenOptions): string | undefined {
  return manifest.generation === "v3" ? KERNEL_CONTRACT_VERSION_V3 : options.kernelVersion;
}

async function digestEntries(files: readonly ArchiveEntry[]): Promise<Map<string, BundleEntry>> {
  const digests = await Promise.all(files.map((file) => sha256Hex(file.bytes)));
  return new Map(
    files.map((file, index) => [file.path, { bytes: file.bytes, sha256: digests[index]! }]),
  );
}

function readMigrations(entries: ReadonlyMap<string, BundleEntry>): BundleMigration[] {
  const byVersion = new Map<string, BundleMigration>();
  for (const [path, entry] of entries) {
    const version = /^migrations\/(?:.*\/)?([^/]+)\.sql$/.exec(path)?.[1];
    if (version === undefined) continue;
    const earlier = byVersion.get(version.toLowerCase());
    if (earlier !== undefined) throw duplicateEntry(path, earlier.path);
    byVersion.set(version.toLowerCase(), {
      version,
      path,
      sql: strictText(path, entry.bytes),
      checksum: entry.sha256,
    });
  }
  return [...byVersion.values()].sort((a, b) => a.version < b.version ? -1 : 1);
}

function strictText(path: string, bytes: Uint8Array): string {
  try {
    const text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
    if (!text.includes("\0")) return text;
  } catch {
    // Not UTF-8: refused below like NUL.
  }
  throw badText(path);
}

/** A file of texts that cannot be read would leave a language without any, unsaid. */
function checkTranslations(path: string, entry: BundleEntry | undefined): void {
  if (entry === undefined) {
    throw incomplete(`The manifest names ${quoted(path)} as translations, which is not there.`);
  }
  if (!isJsonObject(readJson(entry.bytes, path))) throw badJson(path, "it is no object", 1, 1);
}

function findBackendEntry(
  manifest: Manifest,
  entries: ReadonlyMap<string, BundleEntry>,
): string | undefined {
  const entry = manifest.backend?.runtime === "wasm" ? manifest.backend.entry : undefined;
  if (entry === undefined) return undefined;
  const { source, isPlace } = MODULE_PLACES[manifest.generation];
  const found = [entry, `backend/${entry}`].find((path) => isPlace(path) && entries.has(path));
  if (found !== undefined) return found;
  throw incomplete(`The manifest names ${quoted(entry)} as ${source}, which is not there.`);
}

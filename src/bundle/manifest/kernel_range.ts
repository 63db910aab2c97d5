/**
 * Versions of addons and the range of kernel contracts a manifest asks for, in the syntax that authors
 * know from the original (Masterminds semver): blank or comma is AND, `||` is OR, `=>` and `=<` are
 * taken, `!=` excludes.
 *
 * @module
 */

import semver from "semver";
import { kernelMismatch } from "../errors.ts";
import type { Manifest } from "./manifest.ts";

/** Version of the contract between kernel and addons that this kernel keeps. */
export const KERNEL_CONTRACT_VERSION = "2.0.0";
/** The same for addons whose manifest is of the generation `asteby.com/v3`. */
export const KERNEL_CONTRACT_VERSION_V3 = "3.0.0";

interface Alternative {
  /** Comparators that must all hold, in the syntax of `semver`. */
  readonly range: string;
  /** Ranges that must not hold. */
  readonly excluded: readonly string[];
}

const PART = "(?:\\d{1,9}|[xX*])";
const VERSION = `v?${PART}(?:\\.${PART}){0,2}(?:-[0-9A-Za-z.-]+)?(?:\\+[0-9A-Za-z.-]+)?`;
const HYPHEN = new RegExp(`^(${VERSION}) +- +(${VERSION})$`);
const COMPARATOR = new RegExp(`(!=|=>|=<|>=|<=|~>|=|>|<|~|\\^)? *(${VERSION})(?: *, *| +|$)`, "y");
const LENIENT_VERSION = /^v?(\d{1,9})(?:\.(\d{1,9}))?(?:\.(\d{1,9}))?((?:-|\+)[0-9A-Za-z.+-]+)?$/;

/**
 * Completes a version that leaves parts out or starts with `v`.
 *
 * @param text a version such as `1`, `v1.2` or `1.0.0-beta.1`.
 * @returns it as semantic version 2.0.0, or undefined when it is none.
 */
export function normalizeVersion(text: string): string | undefined {
  const parts = LENIENT_VERSION.exec(text);
  if (parts === null) return undefined;
  const [, major, minor = "0", patch = "0", rest = ""] = parts;
  return semver.parse(`${major}.${minor}.${patch}${rest}`)?.raw;
}

/**
 * Tells whether a text is a range of versions.
 *
 * @param text the range.
 * @returns true when it is.
 */
export function isVersionRange(text: string): boolean {
  return parseRange(text) !== undefined;
}

/**
 * Tells whether a version lies in a range.
 *
 * @param version a full semantic version.
 * @param range the range; an empty one holds every version.
 * @returns true when it does; false also when the range is none.
 */
export function satisfiesRange(version: string, range: string): boolean {
  const alternatives = range.trim() === "" ? [] : parseRange(range);
  if (alternatives === undefined) return false;
  if (alternatives.length === 0) return true;
  return alternatives.some((alternative) =>
    semver.satisfies(version, alternative.range) &&
    !alternative.excluded.some((excluded) => semver.satisfies(version, excluded))
  );
}

/**
 * Checks that an addon is made for this kernel.
 *
 * @param manifest the addon's manifest; without a range it fits every kernel.
 * @param kernelVersion contract version of the kernel. @default that of the manifest's generation
 * @throws {KernelError} bundle.kernel_mismatch — the version is outside the range.
 */
export function checkKernelRange(
  manifest: Pick<Manifest, "kernel"> & Partial<Pick<Manifest, "generation">>,
  kernelVersion: string = manifest.generation === "v3"
    ? KERNEL_CONTRACT_VERSION_V3
    : KERNEL_CONTRACT_VERSION,
): void {
  if (manifest.kernel === undefined || satisfiesRange(kernelVersion, manifest.kernel)) return;
  throw kernelMismatch(manifest.kernel, kernelVersion);
}

function parseRange(text: string): Alternative[] | undefined {
  const alternatives = text.split("||").map((part) => parseAlternative(part.trim()));
  return alternatives.every((alternative) => alternative !== undefined) ? alternatives : undefined;
}

function parseAlternative(text: string): Alternative | undefined {
  const hyphen = HYPHEN.exec(text);
  if (hyphen !== null) return checked({ range: `${hyphen[1]} - ${hyphen[2]}`, excluded: [] });
  const required: string[] = [];
  const excluded: string[] = [];
  COMPARATOR.lastIndex = 0;
  while (COMPARATOR.lastIndex < text.length) {
    const found = COMPARATOR.exec(text);
    if (found === null) return undefined;
    const [, operator = "", version] = found;
    if (operator === "!=") excluded.push(version!);
    else required.push(`${operator.replace("=>", ">=").replace("=<", "<=")}${version}`);
  }
  if (required.length + excluded.length === 0) return undefined;
  return checked({ range: required.join(" ") || "*", excluded });
}

function checked(alternative: Alternative): Alternative | undefined {
  const ranges = [alternative.range, ...alternative.excluded];
  return ranges.every((range) => semver.validRange(range) !== null) ? alternative : undefined;
}

/**
 * Addresses and functions that a manifest names as code to be called. Where an address leads is
 * checked when it is called; here only that it is one.
 *
 * @module
 */

import { EXPORT_NAME } from "./identifier.ts";
import { type ManifestNode, shown } from "./node.ts";

/** Longest address. */
const MAX_ADDRESS_LENGTH = 2048;

/**
 * Reads an address that the kernel calls: absolute http(s), or relative to `backend.url`; it may hold
 * `{{placeholders}}`.
 *
 * @param node the text.
 * @returns the address, or undefined where there is none or it was complained about.
 */
export function readCallAddress(node: ManifestNode): string | undefined {
  const url = node.filledText(MAX_ADDRESS_LENGTH);
  if (url === undefined) return undefined;
  const hasScheme = /^[^/?#{]*:/.test(url);
  const isPlain = !/[\p{Cc}\s\\]/u.test(url) && (!hasScheme || /^https?:\/\//i.test(url));
  return isPlain ? url : node.complain(`${shown(url)} is neither a path nor an http(s) address`);
}

/**
 * Reads a function of the addon's module.
 *
 * @param node the name.
 * @param exported functions that the backend exports.
 * @param what what names it, for complaints.
 * @returns the name, or undefined where it was complained about.
 */
export function readExport(
  node: ManifestNode,
  exported: ReadonlySet<string>,
  what: string,
): string | undefined {
  const name = node.text();
  if (name === undefined || name === "") return node.complain(`a wasm ${what} needs an export`);
  if (!EXPORT_NAME.test(name)) return node.complain(`${shown(name)} is an invalid symbol`);
  if (exported.has(name)) return name;
  return node.complain(`"${name}" is not among backend.exports`);
}

/**
 * Refusals of the bundle room: each names the entry or the figure that broke a rule. Names that come
 * from an archive are quoted and cut, so that a message cannot forge lines or move a terminal.
 *
 * @module
 */

import { KernelError } from "../base/error.ts";

const MAX_QUOTED_CHARACTERS = 120;

/**
 * Quotes a text that an author chose.
 *
 * @param text anything; cut to 120 characters.
 * @returns the text in double quotes with control and formatting characters escaped.
 */
export function quoted(text: string): string {
  const cut = text.length > MAX_QUOTED_CHARACTERS
    ? `${text.slice(0, MAX_QUOTED_CHARACTERS)}…`
    : text;
  return JSON.stringify(cut).replace(
    /\p{C}/gu,
    (character) => `\\u{${character.codePointAt(0)!.toString(16)}}`,
  );
}

/**
 * A figure of the archive exceeds its limit.
 *
 * @param code which figure.
 * @param message one sentence naming the figure.
 * @param limit the limit.
 * @returns an error of that code, kind too_large.
 */
export function overLimit(
  code:
    | "bundle.archive_too_large"
    | "bundle.unpacked_too_large"
    | "bundle.ratio_too_high"
    | "bundle.too_many_entries"
    | "bundle.entry_too_large",
  message: string,
  limit: number,
): KernelError {
  return new KernelError({
    code,
    kind: "too_large",
    message,
    details: { limit },
  });
}

/**
 * The gzip wrapping is not what RFC 1952 says, or something follows it.
 *
 * @param message what is wrong with it.
 * @param cause what the inflater threw.
 * @returns `bundle.bad_gzip`.
 */
export function badGzip(message: string, cause?: unknown): KernelError {
  return invalid("bundle.bad_gzip", `Bundle is not one plain gzip stream: ${message}.`, {}, cause);
}

/**
 * The tar inside is damaged or cut.
 *
 * @param message what is wrong with it.
 * @param offset where in the unpacked bytes.
 * @returns `bundle.bad_tar`.
 */
export function badTar(message: string, offset: number): KernelError {
  return invalid(
    "bundle.bad_tar",
    `Bundle is not a sound tar archive: ${message} (byte ${offset}).`,
    {
      offset,
    },
  );
}

/**
 * An entry is not a regular file.
 *
 * @param path its name in the archive.
 * @param kind what it is, such as `symbolic link`.
 * @returns `bundle.entry_kind`.
 */
export function entryKind(path: string, kind: string): KernelError {
  return invalid(
    "bundle.entry_kind",
    `Entry ${quoted(path)} is a ${kind}; a bundle holds regular files only.`,
    { entry: path, kind },
  );
}

/**
 * The name of an entry breaks the grammar of paths.
 *
 * @param path the name.
 * @param reason which rule it breaks.
 * @returns `bundle.bad_path`.
 */
export function badPath(path: string, reason: string): KernelError {
  return invalid("bundle.bad_path", `Entry ${quoted(path)} has a name that ${reason}.`, {
    entry: path,
  });
}

/**
 * Two entries would land in one place.
 *
 * @param path the later entry.
 * @param earlier the entry it clashes with.
 * @returns `bundle.duplicate_entry`.
 */
export function duplicateEntry(path: string, earlier: string): KernelError {
  return invalid(
    "bundle.duplicate_entry",
    `Entry ${quoted(path)} clashes with entry ${quoted(earlier)}.`,
    { entry: path, earlier },
  );
}

/**
 * A text entry is not UTF-8.
 *
 * @param path the entry.
 * @returns `bundle.bad_text`.
 */
export function badText(path: string): KernelError {
  return invalid("bundle.bad_text", `Entry ${quoted(path)} is not UTF-8 text free of NUL.`, {
    entry: path,
  });
}

/**
 * A part that the bundle needs is missing.
 *
 * @param message what is missing.
 * @returns `bundle.incomplete`.
 */
export function incomplete(message: string): KernelError {
  return invalid("bundle.incomplete", message, {});
}

/**
 * A JSON text cannot be read.
 *
 * @param name the entry.
 * @param message what is wrong.
 * @param line line, from 1.
 * @param column column in characters, from 1.
 * @returns `bundle.bad_json`.
 */
export function badJson(
  name: string,
  message: string,
  line: number,
  column: number,
): KernelError {
  const place = `${name}, line ${line}, column ${column}`;
  return invalid("bundle.bad_json", `${place}: ${message}.`, { entry: name, line, column });
}

/**
 * The manifest is of a generation that this version does not read.
 *
 * @param generation its `apiVersion`.
 * @returns `bundle.unsupported_manifest`.
 */
export function unsupportedManifest(generation: string): KernelError {
  return new KernelError({
    code: "bundle.unsupported_manifest",
    kind: "unsupported",
    message:
      `Manifests of apiVersion ${
        quoted(generation)
      } are not supported by this version; it reads "asteby.com/v3", "gonext.io/v1" and the flat ` +
      `generation, which has "key" at the root.`,
    details: { apiVersion: generation },
  });
}

/**
 * The manifest is of a kind that is no addon.
 *
 * @param kind its `kind`.
 * @returns `bundle.unsupported_manifest`.
 */
export function unsupportedKind(kind: string): KernelError {
  return new KernelError({
    code: "bundle.unsupported_manifest",
    kind: "unsupported",
    message: `Manifests of kind ${
      quoted(kind)
    } are not supported by this version; it takes "Addon".`,
    details: { kind },
  });
}

/**
 * The addon asks for another kernel.
 *
 * @param range the range its manifest gives.
 * @param version the contract version of this kernel.
 * @returns `bundle.kernel_mismatch`.
 */
export function kernelMismatch(range: string, version: string): KernelError {
  return new KernelError({
    code: "bundle.kernel_mismatch",
    kind: "precondition",
    message: `kernel: contract version ${version} does not satisfy ${quoted(range)}.`,
    details: { range, version },
  });
}

function invalid(
  code: string,
  message: string,
  details: Readonly<Record<string, unknown>>,
  cause?: unknown,
): KernelError {
  return new KernelError({
    code,
    kind: "invalid",
    message,
    details,
    ...(cause === undefined ? {} : { cause }),
  });
}

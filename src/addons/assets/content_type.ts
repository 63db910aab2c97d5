/**
 * Media types of frontend files by their extension (contract/metacore.md §1.9, and what else pages
 * load). It never looks at contents: what has no type here is bytes to be saved.
 *
 * @module
 */

const TYPES: Readonly<Record<string, string>> = {
  js: "application/javascript",
  mjs: "application/javascript",
  css: "text/css",
  map: "application/json",
  json: "application/json",
  html: "text/html; charset=utf-8",
  htm: "text/html; charset=utf-8",
  svg: "image/svg+xml",
  woff: "font/woff",
  woff2: "font/woff2",
  ttf: "font/ttf",
  otf: "font/otf",
  wasm: "application/wasm",
  png: "image/png",
  jpg: "image/jpeg",
  jpeg: "image/jpeg",
  webp: "image/webp",
  avif: "image/avif",
  gif: "image/gif",
  ico: "image/x-icon",
  txt: "text/plain; charset=utf-8",
  xml: "application/xml",
  mp4: "video/mp4",
  webm: "video/webm",
  mp3: "audio/mpeg",
  webmanifest: "application/manifest+json",
};

/** Types in which a browser runs script when it is led to such a file. */
const DOCUMENTS: ReadonlySet<string> = new Set([
  "text/html; charset=utf-8",
  "image/svg+xml",
  "application/xml",
]);

/**
 * Names the media type of a file.
 *
 * @param path path or name.
 * @returns the type; `application/octet-stream` for anything unknown.
 */
export function contentTypeOf(path: string): string {
  const extension = /\.([A-Za-z0-9]+)$/.exec(path)?.[1]?.toLowerCase() ?? "";
  return Object.hasOwn(TYPES, extension) ? TYPES[extension]! : "application/octet-stream";
}

/**
 * Tells whether a browser shows files of a type as pages of their own, with their own script.
 *
 * @param contentType as {@link contentTypeOf} gives it.
 * @returns true for HTML, SVG and XML.
 */
export function isDocument(contentType: string): boolean {
  return DOCUMENTS.has(contentType);
}

/** A build tool's hash before the extension: `index-BX3dk_91.js`, `main.3f9a0c1d.chunk.css`. */
const HASHED = /[.-][A-Za-z0-9_-]{8,32}(?:\.(?:chunk|min|bundle))?\.[A-Za-z0-9]+(?:\.map)?$/;

/**
 * Tells whether the name of a file holds a hash of its content, as build tools write it: eight or
 * more characters with a digit among them, lest plain words are taken for one.
 *
 * @param path path or name.
 * @returns true when it does.
 */
export function hasHashedName(path: string): boolean {
  const name = path.slice(path.lastIndexOf("/") + 1);
  const hash = HASHED.exec(name)?.[0];
  return hash !== undefined && /\d/.test(hash.slice(0, hash.indexOf(".", 1)));
}

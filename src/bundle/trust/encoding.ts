/**
 * Texts that carry keys and signatures: hex, base64 in either alphabet, PEM. It knows no key.
 *
 * @module
 */

/** A block of PEM (RFC 7468). */
export interface PemBlock {
  /** What it says it is, such as `PUBLIC KEY`. */
  readonly label: string;
  readonly bytes: Uint8Array;
}

const PEM = /^-----BEGIN ([A-Z0-9 ]{1,64})-----\s+([A-Za-z0-9+/=\s]*?)\s*-----END \1-----$/;
const LINE_CHARACTERS = 64;
/** Longer than any key; the pattern takes its time with long stretches of blanks. */
const MAX_PEM_CHARACTERS = 8_192;

/**
 * Reads one block of PEM.
 *
 * @param text the block; white space around it, and `\n` written as two characters as environment
 *   files have it, are taken.
 * @returns the block, or undefined when the text is not one.
 */
export function readPem(text: string): PemBlock | undefined {
  if (text.length > MAX_PEM_CHARACTERS) return undefined;
  const found = PEM.exec(text.replaceAll("\\n", "\n").trim());
  if (found === null) return undefined;
  const bytes = decodeBase64(found[2]!.replace(/\s+/g, ""));
  return bytes === undefined ? undefined : { label: found[1]!, bytes };
}

/**
 * Writes a block of PEM.
 *
 * @param block what it holds.
 * @returns the text, ending in a newline.
 */
export function writePem({ label, bytes }: PemBlock): string {
  const text = bytes.toBase64();
  const lines: string[] = [];
  for (let at = 0; at < text.length; at += LINE_CHARACTERS) {
    lines.push(text.slice(at, at + LINE_CHARACTERS));
  }
  return [`-----BEGIN ${label}-----`, ...lines, `-----END ${label}-----`, ""].join("\n");
}

/**
 * Decodes hex or base64.
 *
 * @param text hex in any letter case, or base64 in the standard or the URL-safe alphabet with or
 *   without its padding.
 * @param lengths how many bytes are expected: hex is asked first, for the hex of one length may be
 *   good base64 of another.
 * @returns the bytes, or undefined when there are not as many.
 */
export function decodeText(text: string, lengths: readonly number[]): Uint8Array | undefined {
  const isHex = /^(?:[0-9a-f]{2})+$/i.test(text);
  if (isHex && lengths.includes(text.length / 2)) return Uint8Array.fromHex(text);
  const bytes = decodeBase64(text);
  return bytes !== undefined && lengths.includes(bytes.length) ? bytes : undefined;
}

function decodeBase64(text: string): Uint8Array | undefined {
  const body = text.replace(/={0,2}$/, "");
  if (!/^[A-Za-z0-9+/_-]*$/.test(body)) return undefined;
  // A mixture of both alphabets was written by nobody.
  if (/[+/]/.test(body) && /[-_]/.test(body)) return undefined;
  const padded = body.replaceAll("-", "+").replaceAll("_", "/") + "=".repeat(-body.length & 3);
  try {
    return Uint8Array.fromBase64(padded, { lastChunkHandling: "strict" });
  } catch {
    return undefined;
  }
}

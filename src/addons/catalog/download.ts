/**
 * Fetches a bundle from the marketplace, through the same walls as any outbound request, with the
 * signature that the marketplace sends beside it (contract/metacore.md §18.1).
 *
 * @module
 */

import type { Caller } from "../../base/caller.ts";
import { sha256Hex } from "../../bundle/digest.ts";
import type { DetachedSignature } from "../../bundle/trust/trust.ts";
import type { Egress, EgressResponse } from "../../egress/egress.ts";
import { downloadFailed } from "./errors.ts";

/** Most bytes of a bundle (contract/metacore.md §1.8). */
const MAX_BYTES = 64 * 1024 * 1024;
const TIMEOUT_MS = 30_000;
/** How much of a refusal's text is told. */
const MAX_REASON_BYTES = 512;
/** Names that only this machine answers to: nobody stands between. */
const LOOPBACK = /^(?:localhost|127(?:\.\d{1,3}){3}|\[::1\])$/;

/** A bundle as it came. */
export interface Download {
  readonly archive: Uint8Array;
  readonly signature?: DetachedSignature;
}

/**
 * Downloads.
 *
 * @param egress makes the request; the operator's rules about hosts and addresses hold there.
 * @param caller in whose name.
 * @param url https, or http to this very machine.
 * @returns the bundle, not yet verified; its checksum, where one was sent, has been.
 * @throws {KernelError} addon.download_failed, egress.*
 */
export async function downloadBundle(
  egress: Egress,
  caller: Caller,
  url: string,
): Promise<Download> {
  checkUrl(url);
  const response = await egress.fetch({
    addonKey: "kernel",
    organizationId: caller.organizationId,
    method: "GET",
    url,
    headers: [["accept", "application/gzip, application/octet-stream"]],
    userAgent: "metacore-kernel",
    // Which hosts there are is the operator's word; no addon's capability is asked here.
    isAllowed: () => true,
    maxResponseBytes: MAX_BYTES,
    timeoutMs: TIMEOUT_MS,
    ...(caller.signal === undefined ? {} : { signal: caller.signal }),
  });
  const { status, body, truncated } = response;
  if (status < 200 || status > 299) throw downloadFailed(`answered ${status}: ${told(body)}`);
  if (truncated) throw downloadFailed(`sent more than ${MAX_BYTES} bytes`);
  if (body.byteLength === 0) throw downloadFailed("sent nothing");
  const checksum = checksumOf(response);
  if (checksum !== undefined && checksum !== await sha256Hex(body)) {
    throw downloadFailed("sent other bytes than its checksum says");
  }
  const signature = signatureOf(response, checksum);
  return signature === undefined ? { archive: body } : { archive: body, signature };
}

/** Code that could be exchanged on its way is not fetched; whether it is signed as well is asked later. */
function checkUrl(text: string): void {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url?.protocol === "https:") return;
  if (url?.protocol === "http:" && LOOPBACK.test(url.hostname)) return;
  throw downloadFailed("is not reached by an https address");
}

function told(body: Uint8Array): string {
  const text = new TextDecoder().decode(body.subarray(0, MAX_REASON_BYTES));
  return text.replace(/\p{C}+/gu, " ").trim();
}

function headerOf({ headers }: EgressResponse, name: string): string | undefined {
  const value = headers.find(([each]) => each.toLowerCase() === name)?.[1].trim();
  return value === "" ? undefined : value;
}

function checksumOf(response: EgressResponse): string | undefined {
  const header = headerOf(response, "x-bundle-checksum");
  return header?.toLowerCase().replace(/^sha-?256[:=]/, "");
}

function signatureOf(
  response: EgressResponse,
  digest: string | undefined,
): DetachedSignature | undefined {
  const value = headerOf(response, "x-asteby-marketplace-signature") ??
    headerOf(response, "x-metacore-bundle-signature");
  if (value === undefined) return undefined;
  return digest === undefined ? { value } : { value, digest };
}

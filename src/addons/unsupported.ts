/**
 * Names the parts of a manifest that this kernel does not act on, so that nothing an author wrote is
 * passed over in silence: what its reader noted, and what the operator's settings switch off.
 *
 * @module
 */

import type { Manifest } from "../bundle/manifest/manifest.ts";

/**
 * Lists what a manifest asks for in vain.
 *
 * @param manifest the manifest.
 * @param outboundHttp whether addons may send requests here at all.
 * @returns one sentence for each such part.
 */
export function unsupportedParts(manifest: Manifest, outboundHttp: "on" | "off"): string[] {
  const found = [...manifest.unheeded];
  const wantsHttp = manifest.capabilities.some(({ kind }) => kind === "http:fetch");
  if (outboundHttp === "off" && manifest.backend?.runtime === "wasm" && wantsHttp) {
    found.push("capabilities: outbound HTTP is switched off here, see METACORE_EGRESS");
  }
  return found;
}

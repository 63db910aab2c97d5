/**
 * Names the parts of a manifest that this kernel does not act on, so that nothing an author wrote is
 * passed over in silence.
 *
 * @module
 */

import type { Manifest } from "../bundle/manifest/manifest.ts";

/** Blocks of the v2 manifest that have no effect here, with what would use them. */
const BLOCKS: Readonly<Record<string, string>> = {
  hooks: "webhook hooks of actions are not called",
  lifecycle_hooks: "lifecycle hooks are not called",
  tools: "tools are not offered",
  extensions: "columns and actions on other addons' models are not added",
  events: "event subscriptions are not made",
  frontend: "frontend files are kept but not served",
  i18n: "translations are kept but not served",
  requires: "required addons are not checked",
};

/** The same of a GoNext plugin, whose hooks are called. */
const GONEXT_BLOCKS: Readonly<Record<string, string>> = {
  requires: "the host's version is not checked",
  depends: "required plugins are not checked",
  signature: "signatures are not verified",
  jobs: "jobs run when the host application runs them; there is no queue yet",
};

/**
 * Lists what a manifest asks for in vain.
 *
 * @param manifest the manifest.
 * @param outboundHttp whether addons may send requests here at all.
 * @returns one sentence for each such part, in the manifest's order.
 */
export function unsupportedParts(manifest: Manifest, outboundHttp: "on" | "off"): string[] {
  const found: string[] = [];
  const blocks = manifest.gonext === undefined ? BLOCKS : GONEXT_BLOCKS;
  for (const [block, value] of Object.entries(manifest.document)) {
    const consequence = blocks[block];
    if (consequence !== undefined && !isEmpty(value)) found.push(`${block}: ${consequence}`);
  }
  const runtime = manifest.backend?.runtime;
  if (runtime !== undefined && runtime !== "wasm") {
    found.push(`backend.runtime "${runtime}": the addon's own code is not called`);
  }
  const wantsHttp = manifest.capabilities.some(({ kind }) => kind === "http:fetch");
  if (runtime === "wasm" && wantsHttp && outboundHttp === "off") {
    found.push("capabilities: outbound HTTP is switched off here, see METACORE_EGRESS");
  }
  return [...found, ...uncalledActions(manifest)];
}

function uncalledActions(manifest: Manifest): string[] {
  return Object.entries(manifest.actions).flatMap(([model, actions]) =>
    actions.filter(({ trigger }) => trigger === undefined || trigger.type === "webhook")
      .map(({ key }) => `actions.${model}.${key}: webhooks are not called`)
  );
}

function isEmpty(value: unknown): boolean {
  return value === null || (typeof value === "object" && Object.keys(value).length === 0);
}

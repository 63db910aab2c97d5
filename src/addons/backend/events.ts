/**
 * Events that backends publish: the same gate, capability, grammar and outbox as `event_emit` of the
 * addon's code. Whose call it is has been verified before.
 *
 * @module
 */

import { isJsonObject, type Json } from "../../base/json.ts";
import type { HostReply } from "../../sandbox/sandbox.ts";
import { capabilitiesOf } from "../code/invocation_context.ts";
import type { InstallationCatalog } from "../code/installation_catalog.ts";
import type { HostContext, HostServices } from "../host/context.ts";
import { createHostPort } from "../host/host_port.ts";
import type { LiveInstallation } from "../live_installations.ts";
import type { BackendEvents } from "./backend.ts";
import { eventDenied, eventNotKept, eventsTooMany, invalidEvent } from "./errors.ts";

/** What publishing takes. */
export interface BackendEventsOptions {
  readonly catalog: InstallationCatalog;
  /** The services behind host functions. */
  readonly host: HostServices;
}

const TIMEOUT_MS = 5_000;
/** A level at which a success has no body and a refusal names its code. */
const LEVEL = "1.3";

/**
 * Makes what takes events.
 *
 * @param options what publishing takes.
 */
export function createBackendEvents({ catalog, host }: BackendEventsOptions): BackendEvents {
  return {
    publish: async ({ organizationId, addonKey }, name, payload, requestId) => {
      const installation = await catalog.enabled(organizationId, addonKey);
      const others = await catalog.all(organizationId);
      const port = createHostPort(contextOf(installation, others, requestId), host);
      const reply = await port.call({
        name: "metacore_host.event_emit",
        arguments: [utf8(name), utf8(JSON.stringify(payload))],
        deadlineMs: performance.now() + TIMEOUT_MS,
        signal: new AbortController().signal,
      });
      refuseFailed(reply, addonKey);
    },
  };
}

function contextOf(
  { row, manifest }: LiveInstallation,
  others: ReadonlyMap<string, LiveInstallation>,
  requestId: string,
): HostContext {
  return {
    subject: {
      addonKey: row.addon_key,
      installationId: row.id,
      organizationId: row.organization_id,
      requestId,
      capabilities: capabilitiesOf(manifest),
    },
    abi: "metacore/1",
    level: LEVEL,
    settings: new Map(),
    schemaName: row.schema_name,
    findSchema: (addonKey) => others.get(addonKey)?.row.schema_name,
    transactionMode: "none",
  };
}

function refuseFailed(reply: HostReply, addonKey: string): void {
  if (!("bytes" in reply)) return;
  const value: unknown = JSON.parse(new TextDecoder().decode(reply.bytes));
  if (!isJsonObject(value)) throw eventNotKept(addonKey);
  const message = textOf(value["message"]);
  switch (textOf(value["error"])) {
    case "forbidden":
      throw eventDenied(addonKey, message);
    case "rate_limited":
      throw eventsTooMany(addonKey, message);
    case "invalid_event":
    case "wildcard_publish":
    case "invalid_payload":
    case "payload_too_large":
      throw invalidEvent(message);
    default:
      throw eventNotKept(addonKey);
  }
}

function utf8(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

function textOf(value: Json | undefined): string {
  return typeof value === "string" ? value : "";
}

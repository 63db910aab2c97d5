/**
 * Calls addons' backends: address, secret, signature, and out through the same two walls as any
 * outbound request of an addon. It follows no redirect: what is signed is meant for one address.
 *
 * @module
 */

import type { CapabilitySubject, Enforcer } from "../../access/capability.ts";
import type { Clock } from "../../base/clock.ts";
import { isKernelError, type KernelError } from "../../base/error.ts";
import { hostOf } from "../../base/host_pattern.ts";
import type { Egress, EgressResponse } from "../../egress/egress.ts";
import type { Logger } from "../../telemetry/log.ts";
import type { Counter, Metrics } from "../../telemetry/metrics.ts";
import { capabilitiesOf } from "../code/invocation_context.ts";
import { HTTP_FETCH } from "../host/outbound.ts";
import { fillAddress } from "./address.ts";
import type { BackendAnswer, BackendCall, BackendCaller } from "./backend.ts";
import { backendBusy, backendRefused, backendTimeout, backendUnreachable } from "./errors.ts";
import { type InstallSecrets, openInstallSecrets } from "./install_secrets.ts";
import { namedHosts } from "./named_hosts.ts";
import {
  firstSignature,
  leadsToCallbacks,
  secondSignature,
  SIGNED_HEADERS,
  type SignedParts,
} from "./signature.ts";

/** What calling backends takes. */
export interface BackendCallerOptions {
  readonly egress: Egress;
  readonly enforcer: Enforcer;
  /** 32 bytes that install secrets are sealed under. */
  readonly masterKey: Uint8Array;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: Metrics;
  /** Makes a nonce, a UUIDv4. @default random */
  readonly nonce?: () => string;
}

/** Most bytes of an answer. */
export const MAX_ANSWER_BYTES = 1_048_576;
/** A signature that is not there is said by no field at all. */
const RESERVED: ReadonlySet<string> = new Set(
  Object.values(SIGNED_HEADERS).map((name) => name.toLowerCase()),
);
const DEFAULT_TIMEOUT_MS = 15_000;
const MAX_TIMEOUT_MS = 60_000;

/**
 * Makes the caller.
 *
 * @param options what calling takes.
 * @returns the caller.
 */
export function createBackendCaller(options: BackendCallerOptions): BackendCaller {
  return new SigningCaller(options);
}

/** A call that may be made. */
interface Prepared {
  readonly url: URL;
  readonly method: string;
  readonly body: Uint8Array | undefined;
  readonly secrets: InstallSecrets;
}

class SigningCaller implements BackendCaller {
  readonly #options: BackendCallerOptions;
  readonly #calls: Counter;

  constructor(options: BackendCallerOptions) {
    this.#options = options;
    this.#calls = options.metrics.counter(
      "metacore_backend_calls_total",
      "Signed calls of addons' backends by how they ended",
    );
  }

  async call(call: BackendCall): Promise<BackendAnswer> {
    const startedMs = performance.now();
    const addon = call.installation.row.addon_key;
    try {
      const response = await this.#send(call, await this.#prepare(call));
      this.#calls.add({ addon, outcome: response.status < 400 ? "ok" : "error_status" });
      this.#log(call, startedMs, { status: response.status });
      return answerOf(response);
    } catch (thrown) {
      const outcome = isKernelError(thrown) ? thrown.code.replace(/^.*\./, "") : "internal";
      this.#calls.add({ addon, outcome });
      this.#log(call, startedMs, { outcome });
      throw thrown;
    }
  }

  async #prepare(call: BackendCall): Promise<Prepared> {
    const { row, manifest } = call.installation;
    const { addon_key: addonKey } = row;
    const address = fillAddress(call.url, manifest.backend?.url, call.placeholders ?? new Map());
    if ("fault" in address) throw backendRefused(addonKey, address.fault);
    if (leadsToCallbacks(address.url.pathname)) {
      throw backendRefused(addonKey, "its address is where calls of backends come in");
    }
    const { clock, masterKey } = this.#options;
    const secrets = await openInstallSecrets(masterKey, row, clock.nowMs());
    if (secrets === undefined) {
      throw backendRefused(addonKey, "the installation has no secret to sign with: rotate it");
    }
    address.url.hash = "";
    return {
      url: address.url,
      method: (call.method || "POST").toUpperCase(),
      body: call.body === undefined
        ? undefined
        : new TextEncoder().encode(JSON.stringify(call.body)),
      secrets,
    };
  }

  async #send(call: BackendCall, prepared: Prepared): Promise<EgressResponse> {
    const { caller, installation, timeoutMs: given = DEFAULT_TIMEOUT_MS } = call;
    const { addon_key: addonKey, organization_id: organizationId } = installation.row;
    const { url, method, body } = prepared;
    const timeoutMs = Math.min(Math.max(Math.trunc(given) || 1, 1), MAX_TIMEOUT_MS);
    try {
      return await this.#options.egress.fetch({
        addonKey,
        organizationId,
        countedAs: "backend",
        method,
        url: url.href,
        headers: this.#headers(call, prepared),
        ...(body === undefined ? {} : { body }),
        isAllowed: (host) => this.#mayReach(call, host),
        maxRedirects: 0,
        maxResponseBytes: MAX_ANSWER_BYTES,
        timeoutMs,
        ...(caller.signal === undefined ? {} : { signal: caller.signal }),
      });
    } catch (thrown) {
      throw isKernelError(thrown) ? named(thrown, addonKey, url, timeoutMs) : thrown;
    }
  }

  /** Hosts that the manifest itself names, and those that its capabilities name. */
  #mayReach({ caller, installation }: BackendCall, host: string): boolean {
    const { row, manifest } = installation;
    if (namedHosts(manifest).has(host)) return true;
    const subject: CapabilitySubject = {
      addonKey: row.addon_key,
      installationId: row.id,
      organizationId: row.organization_id,
      requestId: caller.requestId,
      capabilities: capabilitiesOf(manifest),
    };
    return this.#options.enforcer.check(subject, HTTP_FETCH, host);
  }

  /** The kernel's own come last, and alone: none of what is added takes their place. */
  #headers(call: BackendCall, prepared: Prepared): [string, string][] {
    const { row } = call.installation;
    const { caller, event } = call;
    const { url, method, body, secrets } = prepared;
    const parts: SignedParts = {
      installationId: row.id,
      timestamp: String(Math.floor(this.#options.clock.nowMs() / 1000)),
      nonce: (this.#options.nonce ?? (() => crypto.randomUUID()))(),
      method,
      path: `${url.pathname}${url.search}`,
      body: body ?? new Uint8Array(),
    };
    const fields: readonly (readonly [string, string])[] = [
      ...Object.entries(call.headers ?? {}).filter(([name]) => !RESERVED.has(name.toLowerCase())),
      ["Content-Type", "application/json"],
      ["X-Metacore-Installation-ID", row.id],
      ["X-Metacore-Host", "metacore"],
      ["X-Metacore-Tenant", row.organization_id],
      ...(event === undefined ? [] : [["X-Metacore-Event", event] as const]),
      ...(caller.kind === "user" ? [["X-Metacore-User-ID", caller.userId] as const] : []),
      ...signatureHeaders(parts, secrets),
    ];
    return [...new Map(fields.map((field) => [field[0].toLowerCase(), field])).values()]
      .map(([name, value]) => [name, value]);
  }

  #log(
    { caller, installation, event }: BackendCall,
    startedMs: number,
    end: Readonly<Record<string, string | number>>,
  ): void {
    this.#options.logger.info("metacore.webhook dispatch", {
      addon: installation.row.addon_key,
      installation_id: installation.row.id,
      organization_id: installation.row.organization_id,
      request_id: caller.requestId,
      ...(event === undefined ? {} : { event }),
      duration_ms: Math.round(performance.now() - startedMs),
      ...end,
    });
  }
}

function signatureHeaders(
  parts: SignedParts,
  { current, previous }: InstallSecrets,
): (readonly [string, string])[] {
  const second = [current, ...(previous === undefined ? [] : [previous])]
    .map((secret) => secondSignature(secret, parts));
  return [
    [SIGNED_HEADERS.timestamp, parts.timestamp],
    [SIGNED_HEADERS.nonce, parts.nonce],
    [SIGNED_HEADERS.signature, firstSignature(current, parts)],
    [SIGNED_HEADERS.second, second.join(",")],
    ...(previous === undefined
      ? []
      : [[SIGNED_HEADERS.previous, firstSignature(previous, parts)] as const]),
  ];
}

function answerOf(response: EgressResponse): BackendAnswer {
  const contentType = response.headers.find(([name]) => name.toLowerCase() === "content-type");
  return {
    status: response.status,
    body: response.body,
    truncated: response.truncated,
    contentType: contentType?.[1] ?? "",
  };
}

/** What the operator would have to set, in the words of the settings. */
const FORBIDDEN: Readonly<Record<string, (host: string) => string>> = {
  switched_off: () =>
    "outbound requests are switched off on this server: its operator sets METACORE_EGRESS to the " +
    "hosts that addons may reach",
  operator_policy: (host) =>
    `METACORE_EGRESS of this server does not admit host "${host}": its operator adds it there`,
  capability: (host) =>
    `the manifest names host "${host}" neither in an address nor in a capability http:fetch`,
  address: (host) =>
    `host "${host}" does not lead to public addresses alone: the server's operator admits others ` +
    "with METACORE_EGRESS_PRIVATE",
};

function named(thrown: KernelError, addonKey: string, url: URL, timeoutMs: number): KernelError {
  switch (thrown.code) {
    case "egress.forbidden": {
      const tell = FORBIDDEN[String(thrown.details?.["reason"])];
      return backendRefused(addonKey, tell?.(hostOf(url)) ?? thrown.message, thrown);
    }
    case "egress.bad_request":
      return backendRefused(addonKey, thrown.message, thrown);
    case "egress.rate_limited":
      return backendBusy(addonKey, thrown);
    case "egress.timeout":
      return backendTimeout(addonKey, timeoutMs, thrown);
    case "egress.transport":
      return backendUnreachable(addonKey, thrown);
    default:
      return thrown;
  }
}

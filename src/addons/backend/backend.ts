/**
 * Signed calls between the kernel and addons' own backends (contract/metacore.md §6.4, §6.5 and
 * contract/author.md §9). Calls out go through the same two walls as any outbound request of an
 * addon; calls in are taken once.
 *
 * @module
 */

import type { Caller } from "../../base/caller.ts";
import type { Json } from "../../base/json.ts";
import type { LiveInstallation } from "../live_installations.ts";

/** One call of an addon's backend. */
export interface BackendCall {
  readonly caller: Caller;
  readonly installation: LiveInstallation;
  /** Absolute, or relative to `backend.url`. */
  readonly url: string;
  /** @default "POST" */
  readonly method?: string;
  /** Sent as JSON; absent sends no body. */
  readonly body?: Json;
  /** What it is about, sent as `X-Metacore-Event`, such as `tickets::resolve` or `tool:send`. */
  readonly event?: string;
  /** Further headers, such as `X-Metacore-Invocation: action`. */
  readonly headers?: Readonly<Record<string, string>>;
  /** In milliseconds, 1 to 60,000. @default 15,000 */
  readonly timeoutMs?: number;
  /**
   * Values that stand for `{{name}}` in the address: percent-encoded where they fill a part of it; a
   * value that is the whole address must itself be an address of a host that the addon may reach.
   */
  readonly placeholders?: ReadonlyMap<string, string>;
}

/** What a backend answered. */
export interface BackendAnswer {
  readonly status: number;
  /** The body; cut at 1 MiB, which is told. */
  readonly body: Uint8Array;
  readonly truncated: boolean;
  readonly contentType: string;
}

/** Calls backends. */
export interface BackendCaller {
  /**
   * Calls a backend and waits for its answer, whatever its status.
   *
   * @throws {KernelError} addon.backend_refused — the address is none, or not one that the manifest
   *   names, or outbound HTTP is off here; addon.backend_unreachable; addon.backend_timeout
   */
  call(call: BackendCall): Promise<BackendAnswer>;
}

/** A call that came in from an addon's backend, as received. */
export interface SignedCall {
  /** As `X-Metacore-Installation-ID` says. */
  readonly installationId: string;
  /** HTTP method, as sent. */
  readonly method: string;
  /** Path with `?query` where there is one, still percent-encoded. */
  readonly path: string;
  /** Headers as received. */
  readonly headers: Headers;
  /** Body as received. */
  readonly body: Uint8Array;
}

/** Takes calls of backends. */
export interface SignedCallVerifier {
  /**
   * Verifies a call and uses up its nonce, in the database: no replica takes it again, also after a
   * restart.
   *
   * @returns the organization and addon that it speaks for.
   * @throws {KernelError} addon.call_refused — unsigned, wrong, too old or too new (5 minutes), or
   *   taken before; the message tells the clock apart from the rest and nothing else.
   */
  verify(
    call: SignedCall,
  ): Promise<{ readonly organizationId: string; readonly addonKey: string }>;
}

/** Takes events that backends publish. */
export interface BackendEvents {
  /**
   * Appends an event to the log in the addon's name, as its code could with `event_emit`.
   *
   * @param name at most 256 bytes; the addon needs `event:emit` on it.
   * @param payload JSON of at most 256 KiB.
   * @throws {KernelError} access.capability_denied, addon.invalid_event
   */
  publish(
    sender: { readonly organizationId: string; readonly addonKey: string },
    name: string,
    payload: Json,
    requestId: string,
  ): Promise<void>;
}

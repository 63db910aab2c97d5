/**
 * Hooks for the host application: calls its own handlers and those of the plugins that are enabled in
 * the caller's organization. Which plugins these are is looked up at each call, so that an install, a
 * removal or another replica's doing shows at once.
 *
 * @module
 */

import type { Caller } from "../../base/caller.ts";
import type { Json } from "../../base/json.ts";
import type { Target } from "../../sandbox/abi.ts";
import type { LiveInstallation } from "../live_installations.ts";
import { connectHooks } from "./bridge.ts";
import type { HookBus, HookFailure } from "./bus.ts";

/** What the service works with. */
export interface HookServiceOptions {
  readonly bus: HookBus;
  /**
   * Lists an organization's installations by addon key. While it gives the same map again, nothing has
   * changed.
   */
  readonly installations: (
    organizationId: string,
  ) => Promise<ReadonlyMap<string, LiveInstallation>>;
  /** Decides on the capability `hooks:subscribe`. */
  readonly maySubscribe: (installation: LiveInstallation, hook: string) => boolean;
  /** Calls the code of an installation. @returns its answer. */
  readonly invoke: (
    caller: Caller,
    installation: LiveInstallation,
    target: Target,
    envelope: Uint8Array,
  ) => Promise<Uint8Array>;
  /** Told of a plugin whose hooks could not be connected. */
  readonly report: (failure: HookFailure) => void;
  /** Organizations whose plugins stay connected. @default 10,000 */
  readonly maxOrganizations?: number;
}

/** Runs hooks. */
export interface HookService {
  /** See {@link HookBus.runAction}. */
  runAction(caller: Caller, name: string, args: readonly Json[]): Promise<readonly HookFailure[]>;
  /** See {@link HookBus.applyFilters}. */
  applyFilters(
    caller: Caller,
    name: string,
    value: Json,
    args: readonly Json[],
  ): Promise<{ readonly value: Json; readonly failures: readonly HookFailure[] }>;
}

interface Connected {
  /** What the organization had when it was last looked at. */
  readonly seen: ReadonlyMap<string, LiveInstallation>;
  readonly plugins: ReadonlyMap<string, Plugin>;
}

interface Plugin {
  /** Changes with whatever changes what its hooks do. */
  readonly identity: string;
  readonly disconnect: () => void;
}

/**
 * Makes the service.
 *
 * @param options what it works with.
 * @returns the service.
 */
export function createHookService(options: HookServiceOptions): HookService {
  const connections = new PluginConnections(options);
  return {
    runAction: async (caller, name, args) => {
      await connections.refresh(caller.organizationId);
      return await options.bus.runAction(caller, name, args);
    },
    applyFilters: async (caller, name, value, args) => {
      await connections.refresh(caller.organizationId);
      return await options.bus.applyFilters(caller, name, value, args);
    },
  };
}

class PluginConnections {
  readonly #options: HookServiceOptions;
  readonly #organizations = new Map<string, Connected>();

  constructor(options: HookServiceOptions) {
    this.#options = options;
  }

  async refresh(organizationId: string): Promise<void> {
    const seen = await this.#options.installations(organizationId);
    // No waiting from here on: two refreshes never connect one plugin twice.
    const standing = this.#organizations.get(organizationId);
    if (standing?.seen === seen) return;
    const plugins = this.#connect(organizationId, seen, standing?.plugins ?? new Map());
    this.#organizations.delete(organizationId);
    this.#organizations.set(organizationId, { seen, plugins });
    this.#forgetOldest();
  }

  #connect(
    organizationId: string,
    seen: ReadonlyMap<string, LiveInstallation>,
    standing: ReadonlyMap<string, Plugin>,
  ): Map<string, Plugin> {
    const plugins = new Map<string, Plugin>();
    for (const [key, installation] of seen) {
      const { row, manifest } = installation;
      if (manifest.gonext === undefined || row.status !== "enabled") continue;
      const identity = `${row.id}\n${row.bundle_digest}`;
      const known = standing.get(key);
      if (known?.identity === identity) plugins.set(key, known);
      else {
        // The old version goes before the new one comes: a hook is never handled twice.
        known?.disconnect();
        plugins.set(key, { identity, disconnect: this.#connectOne(organizationId, installation) });
      }
    }
    for (const [key, plugin] of standing) {
      if (!plugins.has(key)) plugin.disconnect();
    }
    return plugins;
  }

  #connectOne(organizationId: string, installation: LiveInstallation): () => void {
    const { bus, maySubscribe, invoke, report } = this.#options;
    const { key, gonext } = installation.manifest;
    const hooks = gonext?.hooks ?? { actions: [], filters: [] };
    try {
      return connectHooks({
        bus,
        addonKey: key,
        organizationId,
        hooks,
        maySubscribe: (hook) => maySubscribe(installation, hook),
        invoke: (caller, target, envelope) => {
          // As it is now: settings change without the hooks being connected anew.
          const current = this.#organizations.get(organizationId)?.seen.get(key) ?? installation;
          return invoke(caller, current, target, envelope);
        },
      });
    } catch (error) {
      // One plugin's fault is not the others': it stays unconnected until it changes.
      report({ hook: "*", source: key, error });
      return () => {};
    }
  }

  #forgetOldest(): void {
    if (this.#organizations.size <= (this.#options.maxOrganizations ?? 10_000)) return;
    const [oldest] = this.#organizations;
    if (oldest === undefined) return;
    const [organizationId, { plugins }] = oldest;
    this.#organizations.delete(organizationId);
    for (const { disconnect } of plugins.values()) disconnect();
  }
}

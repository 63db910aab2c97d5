/**
 * From an installation and a caller to what host functions are told about an invocation. Nothing in
 * it comes from the guest.
 *
 * @module
 */

import { compileCapabilities, compileGonextCapabilities } from "../../access/capability_set.ts";
import type { CapabilitySet } from "../../access/capability.ts";
import type { Caller } from "../../base/caller.ts";
import type { GonextDefinition, Manifest } from "../../bundle/manifest/manifest.ts";
import { hostSchema } from "../../models/host_model.ts";
import type { LoadedModule } from "../../sandbox/sandbox.ts";
import type { HostContext } from "../host/context.ts";
import { DEFAULT_VALUE_QUOTA, type ValueQuota } from "../host/value_store.ts";
import type { LiveInstallation } from "../live_installations.ts";
import type { SettingTexts } from "../settings/texts.ts";
import type { FunctionCall } from "./open_function.ts";

/** What is known once per installation, not once per call. */
export interface InstallationFacts {
  readonly capabilities: CapabilitySet;
  /** Secret ones among them. */
  readonly settings: ReadonlyMap<string, string>;
}

/** Keeps what is known of installations for as long as they are. */
export class InstallationFactsCache {
  readonly #facts = new WeakMap<LiveInstallation, Promise<InstallationFacts>>();
  readonly #texts: SettingTexts;

  /** @param texts opens the settings of installations. */
  constructor(texts: SettingTexts) {
    this.#texts = texts;
  }

  /**
   * Finds the facts of an installation, compiling them the first time. It asks no database.
   *
   * @param installation as the catalog keeps it.
   * @returns its facts.
   * @throws {KernelError} kernel.secret_unreadable — a secret setting cannot be opened.
   */
  async of(installation: LiveInstallation): Promise<InstallationFacts> {
    let facts = this.#facts.get(installation);
    if (facts === undefined) {
      facts = this.#compile(installation);
      this.#facts.set(installation, facts);
    }
    return await facts;
  }

  async #compile(installation: LiveInstallation): Promise<InstallationFacts> {
    return {
      capabilities: capabilitiesOf(installation.manifest),
      settings: await this.#texts.of(installation),
    };
  }
}

const compiled = new WeakMap<Manifest, CapabilitySet>();

/**
 * Compiles the rights that a manifest asks for, once.
 *
 * @param manifest the manifest.
 * @returns the rights, the implicit ones on its own tables among them.
 */
export function capabilitiesOf(manifest: Manifest): CapabilitySet {
  let capabilities = compiled.get(manifest);
  if (capabilities === undefined) compiled.set(manifest, capabilities = compile(manifest));
  return capabilities;
}

function compile(manifest: Manifest): CapabilitySet {
  const { gonext } = manifest;
  if (gonext !== undefined) return compileGonextCapabilities(gonext.slug, gonext.capabilities);
  return compileCapabilities(manifest.key, manifest.capabilities);
}

/** What the context of an invocation is made from. */
export interface InvocationFacts {
  readonly caller: Caller;
  readonly installation: LiveInstallation;
  readonly facts: InstallationFacts;
  readonly module: Pick<LoadedModule, "abi" | "level">;
  /** Installations of the organization by addon key. */
  readonly others: ReadonlyMap<string, LiveInstallation>;
  readonly call: FunctionCall;
}

/**
 * Makes the context of one invocation.
 *
 * @param invocation what is known of it.
 * @returns the context.
 */
export function hostContext(invocation: InvocationFacts): HostContext {
  const { caller, installation, facts, module, others, call } = invocation;
  const { row, manifest } = installation;
  const { transaction } = call;
  return {
    subject: {
      addonKey: manifest.key,
      installationId: row.id,
      organizationId: caller.organizationId,
      requestId: caller.requestId,
      capabilities: facts.capabilities,
    },
    ...(caller.kind === "user" ? { actorId: caller.userId } : {}),
    abi: module.abi,
    level: module.level,
    settings: facts.settings,
    schemaName: row.schema_name,
    findSchema: (addonKey) => {
      if (addonKey === "kernel") return hostSchema;
      const other = others.get(addonKey);
      return other?.row.status === "enabled" ? other.row.schema_name : undefined;
    },
    ...(transaction === undefined || transaction === "missing" ? {} : { transaction }),
    transactionMode: transaction === undefined ? "none" : "action",
    ...(manifest.gonext === undefined
      ? {}
      : { slug: manifest.gonext.slug, valueQuota: valueQuotaOf(manifest.gonext) }),
  };
}

/** A plugin may ask for less than the kernel's own bounds, not for more. */
function valueQuotaOf({ kvQuota }: GonextDefinition): ValueQuota {
  const { maxBytes, maxKeys } = DEFAULT_VALUE_QUOTA;
  return {
    maxBytes: Math.min(kvQuota.maxBytes ?? maxBytes, maxBytes),
    maxKeys: Math.min(kvQuota.maxKeys ?? maxKeys, maxKeys),
  };
}

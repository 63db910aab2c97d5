/**
 * The modules of addons: admitted and rewritten once at install, compiled when first called, kept
 * while they are used. An idle addon costs a row, not memory. Code runs only when it is what was
 * installed: its seal fits, or it is made anew from an archive that has the installation's digest.
 *
 * @module
 */

import type { Clock } from "../../base/clock.ts";
import { openBundle } from "../../bundle/bundle.ts";
import type { Bundle } from "../../bundle/bundle.ts";
import { sha256Hex } from "../../bundle/digest.ts";
import type { Manifest } from "../../bundle/manifest/manifest.ts";
import type { Database } from "../../db/database.ts";
import { compilePrepared } from "../../sandbox/module/compile.ts";
import type { PreparedModule } from "../../sandbox/module/prepare.ts";
import type { AuditRecord, AuditSink } from "../../telemetry/audit.ts";
import { REWRITER_VERSION } from "../../sandbox/module/rewriter_version.ts";
import type { GuestCode, LoadedModule } from "../../sandbox/sandbox.ts";
import { bundleDamaged, noCode } from "../errors.ts";
import type { LiveInstallation } from "../live_installations.ts";
import { type CodeLimits, memoryLimitPages } from "./code_limits.ts";
import { modulePolicy } from "./module_policy.ts";
import { findPrepared, ModuleSeals, replacePrepared, type SealedModule } from "./prepared_store.ts";

/** What modules are made and kept with. */
export interface AddonModulesOptions {
  readonly database: Database;
  readonly limits: CodeLimits;
  readonly kernelContractVersion: string;
  /** 32 bytes; seals modules at rest. */
  readonly masterKey: Uint8Array;
  /** Hears of stored code that is not what was installed. */
  readonly audit: AuditSink;
  readonly clock: Clock;
}

/** Whose call came upon something. */
type FoundBy = Pick<AuditRecord, "organizationId" | "installationId">;

/** A module that is to be loaded. */
interface WantedModule {
  readonly id: string;
  readonly digest: string;
  readonly manifest: Manifest;
  readonly found: FoundBy;
}

/** Compiled modules that are kept at hand; a module in use is kept by its workers as well. */
const MAX_COMPILED = 64;

/** Finds the modules of bundles. */
export class AddonModules {
  readonly #options: AddonModulesOptions;
  readonly #seals: ModuleSeals;
  readonly #compiled = new Map<string, Promise<LoadedModule>>();

  /**
   * Makes a store; nothing is read or compiled before it is asked for.
   *
   * @param options what it works with.
   */
  constructor(options: AddonModulesOptions) {
    this.#options = options;
    this.#seals = new ModuleSeals(options.masterKey);
  }

  /**
   * Admits and rewrites the module of a bundle.
   *
   * @param bundle an opened bundle.
   * @returns the module, ready to be kept under {@link AddonModules.idOf}; undefined for a bundle
   *   without code.
   * @throws {KernelError} sandbox.invalid_module, sandbox.module_refused — naming every import,
   *   feature or figure that is not admitted; sandbox.compile_failed
   */
  async prepare(bundle: Bundle): Promise<SealedModule | undefined> {
    const { manifest, backendEntry } = bundle;
    if (manifest.backend?.runtime !== "wasm" || backendEntry === undefined) return undefined;
    const { bytes } = bundle.entries.get(backendEntry)!;
    const pages = memoryLimitPages(manifest.backend, this.#options.limits);
    // Loaded when it is needed: a kernel without code of addons starts without the rewriter.
    const { prepareModule } = await import("../../sandbox/module/prepare.ts");
    // Its own bytes: the entry is a view of the whole archive.
    const prepared = await prepareModule(new Uint8Array(bytes), {
      policy: modulePolicy(manifest, pages),
      interrupt: this.#interrupt(),
    });
    // What the engine cannot compile is refused at install, not at the first call.
    await compilePrepared(prepared, { timeoutMs: this.#options.limits.compileTimeoutMs });
    return await this.#seals.seal(this.idOf(bundle.digest, manifest), prepared);
  }

  /**
   * Names a bundle's module as it runs under the present limits.
   *
   * @param bundleDigest the bundle.
   * @param manifest its manifest.
   * @returns equal for equal code under equal limits.
   */
  idOf(bundleDigest: string, manifest: Manifest): string {
    if (manifest.backend === undefined) throw noCode(manifest.key);
    const pages = memoryLimitPages(manifest.backend, this.#options.limits);
    return [bundleDigest, `r${REWRITER_VERSION}`, this.#interrupt(), `${pages}p`].join(":");
  }

  /**
   * Takes up a module that was prepared just now, before its bundle is kept: for hooks of an install,
   * and so that it is at hand when the first call comes.
   *
   * @param id as {@link AddonModules.idOf} names it.
   * @param addonKey whose.
   * @param prepared the module.
   * @returns the code; nothing of it is read from the database.
   */
  adopt(id: string, addonKey: string, prepared: PreparedModule): GuestCode {
    return {
      id,
      addonKey,
      load: () => this.#keepAtHand(id, () => this.#loadPrepared(prepared)),
    };
  }

  /**
   * Gives the code of an installation to the sandbox.
   *
   * @param installation an installation whose manifest has a WASM backend.
   * @returns the code; nothing is loaded before a worker needs it.
   * @throws {KernelError} addon.no_code
   */
  codeOf(installation: LiveInstallation): GuestCode {
    const { row, manifest } = installation;
    const digest = row.bundle_digest;
    if (digest === null || manifest.backend?.runtime !== "wasm") throw noCode(manifest.key);
    const id = this.idOf(digest, manifest);
    const wanted: WantedModule = {
      id,
      digest,
      manifest,
      found: { organizationId: row.organization_id, installationId: row.id },
    };
    return {
      id,
      addonKey: manifest.key,
      load: () => this.#keepAtHand(id, () => this.#compile(wanted)),
    };
  }

  /**
   * Opens the bundle of an installation as it was uploaded.
   *
   * @param bundleDigest the bundle.
   * @param addonKey for the message when it is gone.
   * @param found whose call came upon it, for the audit.
   * @returns the bundle; its bytes have been hashed again, before anything of them was read.
   * @throws {KernelError} addon.no_code — the bundle is gone; addon.bundle_damaged — it is not what
   *   was installed.
   */
  async bundleOf(bundleDigest: string, addonKey: string, found: FoundBy = {}): Promise<Bundle> {
    const row = await this.#options.database.kysely.selectFrom("bundles").select("archive")
      .where("digest", "=", bundleDigest).executeTakeFirst();
    if (row === undefined) throw noCode(addonKey);
    if (await sha256Hex(row.archive) !== bundleDigest) {
      this.#distrust(addonKey, bundleDigest, "other_archive", found);
      throw bundleDamaged(addonKey, bundleDigest);
    }
    return await openBundle(row.archive, { kernelVersion: this.#options.kernelContractVersion });
  }

  #interrupt(): "epoch" | "both" {
    return this.#options.limits.fuel === undefined ? "epoch" : "both";
  }

  #keepAtHand(id: string, load: () => Promise<LoadedModule>): Promise<LoadedModule> {
    const known = this.#compiled.get(id);
    this.#compiled.delete(id);
    const loading = known ?? load();
    this.#compiled.set(id, loading);
    loading.catch(() => {
      if (this.#compiled.get(id) === loading) this.#compiled.delete(id);
    });
    if (this.#compiled.size > MAX_COMPILED) {
      const [oldest] = this.#compiled.keys();
      this.#compiled.delete(oldest!);
    }
    return loading;
  }

  async #compile(wanted: WantedModule): Promise<LoadedModule> {
    return await this.#loadPrepared(await this.#prepared(wanted));
  }

  async #loadPrepared(prepared: PreparedModule): Promise<LoadedModule> {
    const module = await compilePrepared(prepared, {
      timeoutMs: this.#options.limits.compileTimeoutMs,
    });
    const { abi, level, startFunctions, imports, interrupt, memoryLimitBytes, restorable } =
      prepared;
    return { module, abi, level, startFunctions, imports, interrupt, memoryLimitBytes, restorable };
  }

  async #prepared(wanted: WantedModule): Promise<PreparedModule> {
    const { id, digest, manifest } = wanted;
    const found = await findPrepared(this.#options.database.kysely, id, this.#seals);
    if (found.state === "sound") return found.module;
    if (found.state === "distrusted") {
      this.#distrust(manifest.key, digest, found.because, wanted.found);
    }
    return await this.#prepareAgain(wanted);
  }

  /** Limits or the rewriter have changed since the install, or what was kept cannot be trusted. */
  async #prepareAgain({ id, digest, manifest, found }: WantedModule): Promise<PreparedModule> {
    const prepared = await this.prepare(await this.bundleOf(digest, manifest.key, found));
    if (prepared === undefined) throw noCode(manifest.key);
    const at = new Date(this.#options.clock.nowMs()).toISOString();
    await replacePrepared(this.#options.database.kysely, id, digest, prepared, at);
    return prepared;
  }

  #distrust(addonKey: string, bundleDigest: string, because: string, found: FoundBy): void {
    this.#options.audit.record({
      name: "module.distrusted",
      severity: "warning",
      ...found,
      addonKey,
      details: { because, bundle: bundleDigest },
    });
  }
}

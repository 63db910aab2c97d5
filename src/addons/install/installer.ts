/**
 * Brings a bundle into an organization: looks at what stands, makes ready what the transaction needs,
 * makes the change, and does what comes after it. The stations themselves are files of their own.
 *
 * @module
 */

import type { Caller } from "../../base/caller.ts";
import type { Clock } from "../../base/clock.ts";
import type { IdSource } from "../../base/ids.ts";
import type { Database, Transaction } from "../../db/database.ts";
import type { TrustPolicy } from "../../bundle/trust/trust.ts";
import type { Model } from "../../models/model.ts";
import type { ModelRegistry } from "../../models/registry.ts";
import type { Logger } from "../../telemetry/log.ts";
import { type AddonHappening, appendAddonEvent } from "../addon_event.ts";
import type { InstallResult, InstallTerms } from "../addon_service.ts";
import { changedMeanwhile, notInstalled, otherPreviousVersion } from "../errors.ts";
import { findInstallation, type InstallationRow, isBundleRun } from "../installation_store.ts";
import { installationOf } from "../installation_view.ts";
import type { LifecycleHooks, LifecycleRunner, LifecycleStep } from "../lifecycle/lifecycle.ts";
import type { LiveInstallations } from "../live_installations.ts";
import type { InstallationPlan, PlanOperation } from "../plan/installation_plan.ts";
import { countRisks } from "../plan/count_risks.ts";
import { makePlan } from "../plan/make_plan.ts";
import { operationOf } from "../plan/obstacles.ts";
import { risksOf } from "../plan/risks.ts";
import { planTables } from "../plan/table_plan.ts";
import { unsupportedParts } from "../unsupported.ts";
import type { ChangeTurns } from "./change_turns.ts";
import type { CodeRoom } from "./code_room.ts";
import { withFreshLook } from "./fresh_look.ts";
import { gatherMaterial, standingOf } from "./gather.ts";
import { installInTransaction, type InstallOutcome } from "./install.ts";
import { type Look, makeOrder, schemaOf } from "./make_order.ts";
import { missingParts } from "./missing_parts.ts";
import type { Candidate, ChangeOrder } from "./order.ts";
import { validatorWarnings } from "../extensions/validator_warnings.ts";

const NO_VALIDATORS: ReadonlySet<string> = new Set();

/** What an installer works with. */
export interface InstallerOptions {
  readonly database: Database;
  readonly registry: ModelRegistry;
  readonly installations: LiveInstallations;
  readonly hostModels: readonly Model[];
  /** Who may sign bundles. */
  readonly trust: TrustPolicy;
  readonly lifecycle: LifecycleRunner;
  readonly code: CodeRoom;
  /** Shared by all who change installations. */
  readonly turns: ChangeTurns;
  /** Whether addons may send requests at all, for the install answer. */
  readonly outboundHttp: "on" | "off";
  /** Names of the host application's validators. @default none */
  readonly validators?: ReadonlySet<string>;
  /** 32 bytes. */
  readonly masterKey: Uint8Array;
  readonly clock: Clock;
  readonly ids: IdSource;
  readonly logger: Logger;
}

/** Which way a bundle comes. */
export type Direction = "forward" | "back";

const STEPS: Readonly<Record<PlanOperation, readonly LifecycleStep[]>> = {
  install: ["install", "enable"],
  upgrade: ["upgrade"],
  downgrade: ["upgrade"],
  rollback: ["upgrade"],
  reinstall: [],
};

const HAPPENINGS: Readonly<Record<PlanOperation, AddonHappening>> = {
  install: "installed",
  reinstall: "installed",
  upgrade: "upgraded",
  downgrade: "upgraded",
  rollback: "rolled_back",
};

/** Installs bundles. */
export class Installer {
  readonly #options: InstallerOptions;

  /** @param options what it works with. */
  constructor(options: InstallerOptions) {
    this.#options = options;
  }

  /**
   * Says what bringing a bundle in would do.
   *
   * @param caller for whom.
   * @param candidate the bundle.
   * @param direction which way it comes.
   * @returns the plan; nothing is changed.
   */
  async plan(
    caller: Caller,
    candidate: Candidate,
    direction: Direction,
  ): Promise<InstallationPlan> {
    const { database, hostModels, installations } = this.#options;
    const { organizationId } = caller;
    const { live: before } = await this.#look(organizationId, candidate.bundle.manifest.key);
    const schema = schemaOf(candidate, organizationId);
    return await database.transaction(organizationId, async (tx) => {
      const material = await gatherMaterial(tx, {
        organizationId,
        candidate,
        direction,
        ...(before === undefined ? {} : { before }),
        schema,
        terms: {},
        hostModels,
        installations,
        warnings: this.#warnings(candidate),
      });
      const questions = risksOf(
        planTables(material).changes.map(({ change }) => change),
        material.current,
      );
      const dataAtRisk = await countRisks(tx, organizationId, questions);
      return await makePlan({ ...material, dataAtRisk });
    });
  }

  /**
   * Brings a bundle in.
   *
   * @param caller for whom.
   * @param candidate the bundle.
   * @param direction which way it comes.
   * @param terms what the operator says.
   * @returns what it gave.
   * @throws {KernelError} addon.*, schema.*, sandbox.*
   */
  async apply(
    caller: Caller,
    candidate: Candidate,
    direction: Direction,
    terms: InstallTerms,
  ): Promise<InstallResult> {
    const pinned = terms.revision === undefined && terms.planHash === undefined ? "free" : "pinned";
    try {
      return await withFreshLook(
        pinned,
        () => this.#applyOnce(caller, candidate, direction, terms),
      );
    } catch (thrown) {
      await this.#abandon(candidate);
      throw thrown;
    }
  }

  async #applyOnce(
    caller: Caller,
    candidate: Candidate,
    direction: Direction,
    terms: InstallTerms,
  ): Promise<InstallResult> {
    const { bundle: { manifest, digest } } = candidate;
    const { code, installations, database, registry, turns, logger } = this.#options;
    const look = await this.#look(caller.organizationId, manifest.key);
    demandRevision(manifest.key, look.row, terms.revision);
    if (direction === "back") demandPrevious(candidate, look.row);
    const operation = operationOf({
      direction,
      after: manifest,
      digest,
      ...(look.row === undefined ? {} : { standing: standingOf(look.row) }),
    });
    const { order, settings } = await makeOrder(
      { caller, candidate, operation, look, terms },
      this.#options,
    );
    const warnings = [...this.#warnings(candidate), ...settings.warnings];
    if (operation !== "install" && candidate.code !== undefined) {
      await code.warm(candidate.code.guest);
    }
    const change = () => this.#change(order, look, warnings);
    const { outcome, hooks } = await turns.within(caller, change)
      // Also where it failed: an answer to a commit can be lost.
      .finally(() => registry.invalidate(caller.organizationId));
    logger.info("installed an addon", {
      addon: manifest.key,
      version: manifest.version,
      operation,
      digest,
      organization: caller.organizationId,
      request_id: caller.requestId,
    });
    await this.#afterwards(order, look, outcome);
    // Backends may take their time: nothing is held any more, and who calls sees the new version.
    const failures = await hooks.after();
    const live = await installations.find(database.kysely, caller.organizationId, manifest.key);
    // Someone else may have taken it out again since.
    if (live === undefined || live.row.status === "removed") throw notInstalled(manifest.key);
    return {
      operation,
      installation: await installationOf(live, this.#options.trust),
      ...(order.secret === undefined ? {} : { installSecret: order.secret.text }),
      manifest,
      warnings: [...new Set([...outcome.warnings, ...failures])],
    };
  }

  async #look(organizationId: string, addonKey: string): Promise<Look> {
    const { database: { kysely }, installations } = this.#options;
    const row = await findInstallation(kysely, organizationId, addonKey);
    if (row === undefined) return {};
    const live = await installations.find(kysely, organizationId, addonKey);
    // Of two moments: the transaction would find out, and one look more is cheaper.
    if (live?.row.revision !== row.revision) return { row };
    return { row, live };
  }

  async #change(
    order: ChangeOrder,
    look: Look,
    warnings: readonly string[],
  ): Promise<{ readonly outcome: InstallOutcome; readonly hooks: LifecycleHooks }> {
    const { caller, candidate, after, operation, before, terms } = order;
    const { database, lifecycle, hostModels, installations } = this.#options;
    const fromVersion = operation === "install" ? undefined : before?.version;
    const change = {
      caller,
      steps: STEPS[operation],
      installation: after,
      ...(fromVersion === undefined ? {} : { fromVersion }),
      ...(candidate.code === undefined ? {} : { code: candidate.code.guest }),
    };
    return await lifecycle.around(change, async (hooks) => {
      const outcome = await database.schemaTransaction(caller.organizationId, async (tx) => {
        const made = await installInTransaction(tx, order, {
          hostModels,
          installations,
          ...(look.live === undefined ? {} : { before: look.live }),
          warnings,
          hooks: (transaction) => hooks.within(transaction),
        });
        await this.#tellEvent(tx, order, fromVersion);
        terms.onProgress?.({ station: "commit" });
        return made;
      });
      terms.onProgress?.({ station: "finish" });
      return { outcome, hooks };
    });
  }

  async #tellEvent(
    tx: Transaction,
    { caller, operation, after: { row }, eventId, at }: ChangeOrder,
    fromVersion: string | undefined,
  ): Promise<void> {
    await appendAddonEvent(tx, caller, HAPPENINGS[operation], {
      key: row.addon_key,
      version: row.version,
      ...(fromVersion === undefined ? {} : { fromVersion }),
      schema: row.schema_name,
      id: eventId,
      at,
    });
  }

  /** The change is made: nothing of this may fail it. */
  async #afterwards(
    { operation, after }: ChangeOrder,
    { live }: Look,
    { retiredDigest }: InstallOutcome,
  ): Promise<void> {
    const { code } = this.#options;
    if (live !== undefined && retiredDigest !== undefined) code.retire(live);
    if (operation !== "install" && operation !== "reinstall") await code.renew(after);
  }

  /** Workers that were made ready for code that nobody runs after all are ended. */
  async #abandon({ bundle: { digest }, code }: Candidate): Promise<void> {
    if (code === undefined) return;
    try {
      if (await isBundleRun(this.#options.database.kysely, digest)) return;
    } catch {
      // Whatever the database says, ready workers only save time.
    }
    this.#options.code.abandon(code.guest);
  }

  #warnings(candidate: Candidate): string[] {
    const { bundle, code } = candidate;
    const { outboundHttp, validators = NO_VALIDATORS } = this.#options;
    return [
      ...unsupportedParts(bundle.manifest, outboundHttp),
      ...validatorWarnings(bundle.manifest, validators),
      ...missingParts(candidate),
      ...code?.module.warnings ?? [],
    ];
  }
}

/** Where another change has come first, what was taken up is not the previous version any more. */
function demandPrevious(
  { bundle: { digest, manifest: { key, version } } }: Candidate,
  row: InstallationRow | undefined,
): void {
  if (row === undefined || row.status === "removed") throw notInstalled(key);
  if (row.previous_digest !== digest) throw otherPreviousVersion(key, version);
}

/**
 * Demands the revision that an operator has named.
 *
 * @param addonKey for the message.
 * @param row the row as it was looked at.
 * @param revision what it must be; undefined admits any.
 * @throws {KernelError} addon.changed_meanwhile
 */
export function demandRevision(
  addonKey: string,
  row: InstallationRow | undefined,
  revision: number | undefined,
): void {
  const actual = Number(row?.revision ?? 0);
  if (revision !== undefined && revision !== actual) {
    throw changedMeanwhile(addonKey, revision, actual);
  }
}

/**
 * Makes the order of a change: the row and the settings as they will be, and a new secret where one
 * is due. Nothing is written.
 *
 * @module
 */

import type { Caller } from "../../base/caller.ts";
import type { Clock } from "../../base/clock.ts";
import type { IdSource } from "../../base/ids.ts";
import { addonSchemaName } from "../../db/schema/names.ts";
import type { InstallTerms } from "../addon_service.ts";
import type { InstallationRow } from "../installation_store.ts";
import type { LiveInstallation } from "../live_installations.ts";
import type { PlanOperation } from "../plan/installation_plan.ts";
import { carriedSettings, type InitialSettings, initialSettings } from "../settings/initial.ts";
import { rowAfter } from "./installation_row.ts";
import type { Candidate, ChangeOrder } from "./order.ts";
import { makeInstallSecret } from "./secret.ts";

/** An installation as it was looked at. */
export interface Look {
  /** Absent where there is none. */
  readonly row?: InstallationRow;
  /** Absent also where the manifest cannot be read any more. */
  readonly live?: LiveInstallation;
}

/** What is wanted. */
export interface Wish {
  readonly caller: Caller;
  readonly candidate: Candidate;
  readonly operation: PlanOperation;
  readonly look: Look;
  readonly terms: InstallTerms;
}

/** What orders are made with. */
export interface OrderMaker {
  /** 32 bytes. */
  readonly masterKey: Uint8Array;
  readonly clock: Clock;
  readonly ids: IdSource;
}

/**
 * Makes the order.
 *
 * @param wish what is wanted.
 * @param maker what it is made with.
 * @returns the order, and the settings with what is to be told of them.
 * @throws {KernelError} addon.invalid_settings, addon.not_installed
 */
export async function makeOrder(
  wish: Wish,
  maker: OrderMaker,
): Promise<{ readonly order: ChangeOrder; readonly settings: InitialSettings }> {
  const { caller, candidate, operation, look, terms } = wish;
  const { masterKey, clock, ids } = maker;
  const { organizationId } = caller;
  const at = new Date(clock.nowMs()).toISOString();
  const isNew = operation === "install" || operation === "reinstall";
  const secret = isNew ? await makeInstallSecret(masterKey) : undefined;
  const settings = await settingsOf(wish, masterKey);
  const row = rowAfter({
    candidate,
    operation,
    before: look.row,
    organizationId,
    installationId: ids.next(),
    schema: schemaOf(candidate, organizationId),
    settings,
    ...(secret === undefined ? {} : { secret }),
    at,
  });
  const { signature, bundle: { manifest } } = candidate;
  const order: ChangeOrder = {
    caller,
    candidate,
    operation,
    ...(look.row === undefined ? {} : { before: look.row }),
    after: {
      row,
      manifest,
      signature: signature === undefined ? null : JSON.stringify(signature),
    },
    ...(secret === undefined ? {} : { secret }),
    terms,
    at,
    eventId: ids.next(),
  };
  return { order, settings };
}

/**
 * Names the schema of a candidate's tables.
 *
 * @param candidate the bundle.
 * @param organizationId for whom.
 * @returns the physical schema.
 */
export function schemaOf({ bundle: { manifest } }: Candidate, organizationId: string): string {
  return addonSchemaName(manifest.key, manifest.tenant_isolation, organizationId);
}

async function settingsOf(
  { caller: { organizationId }, candidate, look: { live }, terms }: Wish,
  masterKey: Uint8Array,
): Promise<InitialSettings> {
  const { manifest } = candidate.bundle;
  const place = { organizationId, addonKey: manifest.key };
  if (live === undefined) {
    return await initialSettings(manifest, terms.settings, place, masterKey);
  }
  const before = { ...live, given: terms.settings };
  return await carriedSettings(manifest, before, place, masterKey);
}

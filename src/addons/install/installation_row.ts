/**
 * The row of an installation as a change leaves it, and its writing. The row is made before the
 * transaction, so that hooks can be shown what will be; it is written only if nobody has changed the
 * one it was made from.
 *
 * @module
 */

import type { Transaction } from "../../db/database.ts";
import type { Manifest } from "../../bundle/manifest/manifest.ts";
import type { InstallationRow } from "../installation_store.ts";
import type { PlanOperation } from "../plan/installation_plan.ts";
import type { KeptSettings } from "../settings/changes.ts";
import type { Candidate } from "./order.ts";
import type { InstallSecret } from "./secret.ts";
import { demandTransition, stateOf } from "./transitions.ts";

/** What a row is made from. */
export interface RowParts {
  readonly candidate: Candidate;
  readonly operation: PlanOperation;
  readonly before: InstallationRow | undefined;
  readonly organizationId: string;
  /** Identifier of the installation, should it be new. */
  readonly installationId: string;
  /** Physical schema of its tables. */
  readonly schema: string;
  readonly settings: KeptSettings;
  /** The new secret; absent where the old one stays. */
  readonly secret?: InstallSecret;
  /** RFC 3339 time. */
  readonly at: string;
}

/**
 * Makes the row. The very same bundle again keeps identity, state and settings and gives a new
 * secret, so that an answer lost on the way can be asked for again.
 *
 * @param parts what it is made from.
 * @returns the row after the change.
 * @throws {KernelError} addon.not_installed
 */
export function rowAfter(parts: RowParts): InstallationRow {
  const { candidate, operation, before, settings, at } = parts;
  const { manifest, digest } = candidate.bundle;
  const status = demandTransition(manifest.key, stateOf(before), operation);
  const isNew = operation === "install";
  return {
    id: before?.id ?? parts.installationId,
    organization_id: parts.organizationId,
    addon_key: manifest.key,
    version: manifest.version,
    status,
    source: sourceOf(candidate.source, manifest),
    isolation: manifest.tenant_isolation,
    schema_name: parts.schema,
    bundle_digest: digest,
    ...secretsAfter(parts),
    settings: JSON.stringify(settings.values),
    sealed_settings: JSON.stringify(settings.sealed),
    revision: Number(before?.revision ?? 0) + 1,
    accepted_capabilities: before?.accepted_capabilities ?? "[]",
    previous_digest: previousAfter(operation, before, candidate.source),
    installed_at: before?.installed_at ?? at,
    enabled_at: isNew ? at : before?.enabled_at ?? null,
    disabled_at: isNew ? null : before?.disabled_at ?? null,
    updated_at: at,
  };
}

/**
 * A version that was left is where one can go back to; a fresh start knows none. What somebody uploaded
 * never comes back under the name of code of the host application, which nobody has to sign.
 */
function previousAfter(
  operation: PlanOperation,
  before: InstallationRow | undefined,
  source: Candidate["source"],
): string | null {
  if (before === undefined || operation === "install") return null;
  if ((before.source === "compiled") !== (source === "compiled")) return null;
  return operation === "reinstall" ? before.previous_digest : before.bundle_digest;
}

function secretsAfter({ secret, before }: RowParts) {
  if (secret !== undefined) {
    return {
      secret_hash: secret.hash,
      secret_enc: secret.sealed,
      previous_secret_enc: null,
      previous_secret_until: null,
    };
  }
  return {
    secret_hash: before?.secret_hash ?? "",
    secret_enc: before?.secret_enc ?? null,
    previous_secret_enc: before?.previous_secret_enc ?? null,
    previous_secret_until: before?.previous_secret_until ?? null,
  };
}

function sourceOf(source: Candidate["source"], { frontend }: Manifest): string {
  if (source === "compiled") return source;
  return frontend?.format === "federation" ? "federated" : source;
}

/**
 * Writes a row in place of the one it was made from. The caller has compared that one under a lock.
 *
 * @param tx the transaction.
 * @param row the row after the change.
 * @param before the row before; absent where there was none.
 */
export async function writeRow(
  tx: Transaction,
  row: InstallationRow,
  before: InstallationRow | undefined,
): Promise<void> {
  if (before === undefined) {
    await tx.kysely.insertInto("installations").values(row).execute();
    return;
  }
  const { id, organization_id: _organization, installed_at: _installed, ...changed } = row;
  await tx.kysely.updateTable("installations").set(changed).where("id", "=", id).execute();
}

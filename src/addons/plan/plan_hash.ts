/**
 * The name of what a plan does: equal for equal deeds, whatever order their description has.
 *
 * @module
 */

import type { InstallationPlan } from "./installation_plan.ts";

/**
 * Hashes what a plan does: the bundle, the operation on which revision, every change with its
 * statements, rights, requirements and dependents. What only informs (rows at risk, warnings,
 * obstacles, the module's report, texts) does not count: it may differ when the same is done later.
 *
 * @param plan the plan without its hash.
 * @returns SHA-256 in lower-case hex.
 */
export async function planHashOf(plan: Omit<InstallationPlan, "plan_hash">): Promise<string> {
  const { capabilities } = plan;
  const rights = (list: InstallationPlan["capabilities"]["added"]) =>
    list.map(({ kind, target }) => ({ kind, target }));
  const needs = (list: InstallationPlan["requirements"]) =>
    list.map(({ key, range, optional, state }) => ({ key, range, optional, state }));
  const deed = {
    addon_key: plan.addon_key,
    operation: plan.operation,
    from_version: plan.from_version,
    to_version: plan.to_version,
    digest: plan.digest,
    signature: { status: plan.signature.status, key_id: plan.signature.key_id },
    revision: plan.revision,
    schema: plan.schema,
    changes: plan.changes.map(({ table, description, sql, source }) => ({
      table,
      description,
      sql,
      source,
    })),
    migrations: plan.migrations,
    capabilities: {
      added: rights(capabilities.added),
      removed: rights(capabilities.removed),
      kept: rights(capabilities.kept),
    },
    models: plan.models,
    extends: plan.extends,
    requirements: needs(plan.requirements),
    dependents: needs(plan.dependents),
  };
  const bytes = new TextEncoder().encode(canonicalJson(deed));
  return new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)).toHex();
}

/**
 * JSON with members in the order of their names; those without a value are left out.
 *
 * @param value plain values only.
 * @returns one text for equal values.
 */
export function canonicalJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(",")}]`;
  if (typeof value !== "object" || value === null) return JSON.stringify(value) ?? "null";
  const members = Object.entries(value).filter(([, member]) => member !== undefined)
    .toSorted(([left], [right]) => left < right ? -1 : 1)
    .map(([name, member]) => `${JSON.stringify(name)}:${canonicalJson(member)}`);
  return `{${members.join(",")}}`;
}

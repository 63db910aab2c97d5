/**
 * A plan as a person reads it before saying yes.
 *
 * @module
 */

import type {
  InstallationPlan,
  PlannedCapability,
  PlannedChange,
  PlannedRequirement,
  SignatureStatus,
} from "../addons/plan/installation_plan.ts";

/** Marks what a person must not overlook. */
const WARNING = "!";

/**
 * Writes a plan down.
 *
 * @param plan the plan.
 * @returns lines: what would happen, then what is at risk, then what stands in the way.
 */
export function planLines(plan: InstallationPlan): string[] {
  const { from_version: from, to_version: to } = plan;
  const versions = from === undefined ? to : `${from} -> ${to}`;
  return [
    `${plan.operation} ${plan.addon_key} ${versions} (${plan.name})`,
    `digest       ${plan.digest}`,
    `signature    ${signatureText(plan.signature)}`,
    `plan hash    ${plan.plan_hash}`,
    ...section("tables", [
      ...plan.migrations.map((version) => `  migration ${version}`),
      ...plan.changes.flatMap(changeLines),
    ]),
    ...section("capabilities", capabilityLines(plan)),
    ...section("models", signed(plan.models)),
    ...section("routes", plan.routes.map((route) => `  ${route}`)),
    ...section("navigation", plan.navigation.map(navigationLine)),
    ...section(
      "extends",
      plan.extends.map((each) => `  ${each.model}: ${each.columns.join(", ")}`),
    ),
    ...section(
      "settings needed",
      plan.settings_needed.map((each) => `  ${each.key}: ${each.label}`),
    ),
    ...section("requires", plan.requirements.map(requirementLine)),
    ...section("required by", plan.dependents.map(requirementLine)),
    ...section("data at risk", plan.data_at_risk.map(riskLine)),
    ...section("warnings", plan.warnings.map((each) => `${WARNING} ${each}`)),
    ...section(
      "in the way",
      plan.obstacles.map(({ code, message }) => `${WARNING} ${message} [${code}]`),
    ),
  ];
}

/** Who signed, in a word or two. */
export function signatureText(signature: SignatureStatus): string {
  const { status, key_id: keyId, role, developer, trusted } = signature;
  if (status !== "verified") return status;
  const by = developer === undefined ? "" : `, ${developer}`;
  const since = trusted === false ? ", not trusted any more" : "";
  return `verified, key ${keyId} (${role}${by})${since}`;
}

function section(title: string, lines: readonly string[]): string[] {
  return lines.length === 0 ? [] : [title, ...lines];
}

function changeLines(
  { description, source, locks, rewrites, destructive }: PlannedChange,
): string[] {
  const notes = (["postgres", "sqlite"] as const).map((engine) => {
    const rewritten = rewrites[engine] ? ", rewrites every row" : "";
    return `${engine}: locks ${locks[engine]}${rewritten}`;
  });
  return [
    `${destructive ? WARNING : " "} ${description} (${source})`,
    `      ${notes.join("; ")}`,
  ];
}

function capabilityLines({ capabilities }: InstallationPlan): string[] {
  const { added, removed, kept } = capabilities;
  return [
    ...added.map((each) => `+ ${capabilityText(each)}`),
    ...removed.map((each) => `- ${capabilityText(each)}`),
    ...kept.map((each) => `  ${capabilityText(each)}`),
  ];
}

function capabilityText({ kind, target, reason }: PlannedCapability): string {
  return `${kind} ${target}${reason === undefined ? "" : `: ${reason}`}`;
}

function signed({ added, changed, removed }: InstallationPlan["models"]): string[] {
  return [
    ...added.map((key) => `+ ${key}`),
    ...changed.map((key) => `~ ${key}`),
    ...removed.map((key) => `- ${key}`),
  ];
}

function navigationLine({ title, url }: InstallationPlan["navigation"][number]): string {
  return `  ${title}${url === undefined ? "" : ` (${url})`}`;
}

function requirementLine(
  { key, range = "*", optional, installed, state }: PlannedRequirement,
): string {
  const there = installed === undefined ? "" : `, ${installed} is installed`;
  const mark = state === "satisfied" || optional ? " " : WARNING;
  return `${mark} ${key} ${range}: ${state.replace("_", " ")}${there}`;
}

function riskLine(
  { table, column, rows, reason }: InstallationPlan["data_at_risk"][number],
): string {
  const place = column === undefined ? table : `${table}.${column}`;
  return `${WARNING} ${place}: ${rows} rows, ${reason}`;
}

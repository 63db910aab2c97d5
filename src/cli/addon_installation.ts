/**
 * `metacore addon` on a database: what is installed in an organization, and changing it, in this
 * process, beside or before a server.
 *
 * @module
 */

import type { BundleOffer, InstallResult, InstallTerms } from "../addons/addon_service.ts";
import type { InstallationPlan } from "../addons/plan/installation_plan.ts";
import { inTopologicalOrder } from "../addons/plan/requirement_order.ts";
import type { Requiring } from "../addons/plan/requirements.ts";
import type { Caller } from "../base/caller.ts";
import { verifyArchive } from "../bundle/trust/verify.ts";
import type { KernelServices } from "../kernel/services.ts";
import { type BundleFile, openFile, readBundleFile } from "./bundle_file.ts";
import type { Environment } from "./environment.ts";
import { type Place, withOrganization } from "./in_organization.ts";
import { print, printError } from "./output.ts";
import { planLines, signatureText } from "./plan_text.ts";
import { afterDelay, progressLines } from "./progress.ts";
import { DeclinedError, UsageError } from "./usage_error.ts";

/** Options of `addon list`. */
export interface ListOptions extends Place {
  readonly json?: boolean;
}

/** Options of `addon plan`. */
export interface PlanOptions extends Place {
  readonly signature?: string;
  readonly json?: boolean;
}

/** What an operator says beside a change. */
export interface ConsentOptions extends Place {
  readonly accept?: readonly string[];
  readonly acceptAll?: boolean;
  readonly planHash?: string;
  readonly yes?: boolean;
}

/** Options of `addon install` and `addon upgrade`. */
export interface InstallOptions extends ConsentOptions {
  readonly signature?: string;
  readonly allowDowngrade?: boolean;
}

/** Options of `addon uninstall`. */
export interface UninstallOptions extends Place {
  readonly drop?: boolean;
  readonly yes?: boolean;
}

type Addons = KernelServices["addons"];

/** Prints the installations of an organization. */
export async function listAddons(options: ListOptions): Promise<void> {
  const installations = await withAddons(options, (addons, caller) => addons.installations(caller));
  if (options.json === true) return print(JSON.stringify(installations, null, 2));
  if (installations.length === 0) return print("no addons are installed");
  for (const { addon_key, version, status, signature } of installations) {
    print([addon_key, version, status, signatureText(signature)].join("  "));
  }
}

/** Prints what installing a bundle would do. */
export async function planAddon(path: string, options: PlanOptions): Promise<void> {
  const file = await readBundleFile(path, options.signature);
  const plan = await withAddons(options, (addons, caller) => addons.plan(caller, offerOf(file)));
  if (options.json === true) print(JSON.stringify(plan, null, 2));
  else printPlan(plan);
}

/**
 * Installs bundles, or upgrades to them, those first that others need. When one is refused the ones
 * before it stay installed, and the ones after it are not tried.
 *
 * @param paths the bundles.
 * @param options what the operator says; signature and plan hash belong to one bundle alone.
 */
export async function installAddons(
  paths: readonly string[],
  options: InstallOptions,
): Promise<void> {
  if (paths.length > 1) refuseForSeveral(options);
  requireConsent(options);
  const files = await Promise.all(paths.map((path) => readBundleFile(path, options.signature)));
  await withAddons(options, async (addons, caller, environment) => {
    for (const file of await inOrder(files, environment)) {
      const offer = offerOf(file);
      const plan = await addons.plan(caller, offer);
      await carryOut(plan, options, (terms) =>
        addons.install(caller, offer, {
          ...terms,
          ...(options.allowDowngrade === true ? { downgrade: "allow" } : {}),
        }));
    }
  });
}

/** Brings back the version before the last upgrade. */
export async function rollbackAddon(addonKey: string, options: ConsentOptions): Promise<void> {
  requireConsent(options);
  await withAddons(options, async (addons, caller) => {
    const plan = await addons.planRollback(caller, addonKey);
    await carryOut(plan, options, (terms) => addons.rollback(caller, addonKey, terms));
  });
}

/** Lets an addon take part again, or no more. */
export async function switchAddon(
  change: "enable" | "disable",
  addonKey: string,
  options: Place,
): Promise<void> {
  const { version, status, revision } = await withAddons(
    options,
    (addons, caller) => addons[change](caller, addonKey),
  );
  print(`${status}: ${addonKey} ${version} (revision ${revision})`);
}

/** Removes an addon. */
export async function uninstallAddon(addonKey: string, options: UninstallOptions): Promise<void> {
  const data = options.drop === true ? "drop" : "keep";
  if (data === "drop" && options.yes !== true) {
    askOrRefuse(`Uninstall ${addonKey} and remove this organization's rows of it?`);
  }
  await withAddons(options, (addons, caller) => addons.uninstall(caller, addonKey, data));
  print(`uninstalled: ${addonKey} (${data === "keep" ? "its data is kept" : "its data is gone"})`);
}

async function withAddons<T>(
  place: Place,
  work: (addons: Addons, caller: Caller, environment: Environment) => Promise<T>,
): Promise<T> {
  return await withOrganization(
    place,
    ({ services, caller, environment }) => work(services.addons, caller, environment),
  );
}

async function carryOut(
  plan: InstallationPlan,
  options: ConsentOptions,
  change: (terms: InstallTerms) => Promise<InstallResult>,
): Promise<void> {
  if (options.yes !== true && options.planHash === undefined) {
    printPlan(plan);
    askOrRefuse("Carry this plan out?");
  }
  const progress = progressLines({ say: printError, after: afterDelay });
  try {
    printResult(
      await change({
        // What is done is what was planned a moment ago, or was read before.
        planHash: options.planHash ?? plan.plan_hash,
        ...acceptanceOf(options),
        onProgress: progress.onProgress,
      }),
    );
  } finally {
    progress.done();
  }
}

function acceptanceOf({ accept, acceptAll }: ConsentOptions): Partial<InstallTerms> {
  if (acceptAll === true) return { acceptedCapabilities: "all" };
  return accept === undefined ? {} : { acceptedCapabilities: accept };
}

/** Bundles are verified before they are opened, which their order takes. */
async function inOrder(files: readonly BundleFile[], { trust }: Environment) {
  if (files.length === 1) return files;
  const opened: (Requiring & { readonly file: BundleFile })[] = [];
  for (const file of files) {
    await verifyArchive(file.archive, file.signature, trust, Date.now());
    const { manifest: { key, generation, requires } } = await openFile(file);
    if (opened.some((other) => other.key === key)) {
      throw new UsageError(`two of the bundles are of addon "${key}"`);
    }
    opened.push({ key, generation, requires, file });
  }
  return inTopologicalOrder(opened).map(({ file }) => file);
}

function refuseForSeveral({ signature, planHash, accept }: InstallOptions): void {
  const option = signature !== undefined
    ? "--signature"
    : planHash !== undefined
    ? "--plan-hash"
    : accept !== undefined
    ? "--accept"
    : undefined;
  if (option === undefined) return;
  throw new UsageError(`${option} is for one bundle; install these one by one`);
}

/** Said before anything is opened: a question that nobody hears would come too late. */
function requireConsent({ yes, planHash }: ConsentOptions): void {
  if (yes === true || planHash !== undefined || Deno.stdin.isTerminal()) return;
  throw noTerminal();
}

function askOrRefuse(question: string): void {
  if (!Deno.stdin.isTerminal()) throw noTerminal();
  if (!confirm(question)) throw new DeclinedError("nothing was changed");
}

function noTerminal(): UsageError {
  return new UsageError("there is no terminal to ask at: give --yes, or --plan-hash of a plan");
}

function offerOf({ archive, signature }: BundleFile): BundleOffer {
  return { archive, ...(signature === undefined ? {} : { signature }) };
}

function printPlan(plan: InstallationPlan): void {
  for (const line of planLines(plan)) print(line);
}

function printResult({ operation, installation, installSecret, warnings }: InstallResult): void {
  const { addon_key, version, revision, status, signature } = installation;
  print(`${operation}: ${addon_key} ${version} (${status}, revision ${revision})`);
  print(`signature    ${signatureText(signature)}`);
  if (installSecret !== undefined) print(`secret       ${installSecret} (shown this once)`);
  for (const warning of warnings) print(`warning      ${warning}`);
}

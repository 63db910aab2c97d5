/**
 * `metacore doctor`: checks settings, keys, database, roles and workers. It starts a kernel as `serve`
 * would, which applies migrations, and stops it again.
 *
 * @module
 */

import { KernelError } from "../base/error.ts";
import type { TrustPolicy } from "../bundle/trust/trust.ts";
import { openDatabase } from "../db/open.ts";
import { createKernel } from "../kernel/kernel.ts";
import type { Settings } from "../kernel/settings.ts";
import { WalledWorkers } from "../sandbox/worker_source.ts";
import { silentLogger } from "../telemetry/log.ts";
import { catalogLines } from "./catalog_check.ts";
import { type Environment, readEnvironment } from "./environment.ts";
import { print } from "./output.ts";

/**
 * Prints one line a check.
 *
 * @throws {KernelError} kernel.unhealthy — when a check failed.
 */
export async function runDoctor(): Promise<void> {
  print(`ok    Deno ${Deno.version.deno}, V8 ${Deno.version.v8}`);
  const environment = await readEnvironment();
  print("ok    settings and keys");
  sayTrust(environment.trust, Date.now());
  saySettings(environment.settings);
  sayCodeSettings(environment.settings);
  await sayCatalog(environment);
  await checkKernel(environment);
  await checkGuestSql(environment);
  await checkWorkers();
}

function sayTrust({ keys, unsigned }: TrustPolicy, nowMs: number): void {
  if (keys.length > 0) print(`ok    bundles must be signed; trusted keys: ${keys.length}`);
  else if (unsigned === "allow") {
    print("warn  ALLOW_UNSIGNED_BUNDLES=true: whoever may install may install anything");
  } else print("warn  no key is trusted: every bundle is refused (MARKETPLACE_PUBKEYS)");
  for (const { id, revokedAt, expiresAt } of keys) {
    if (revokedAt !== undefined) print(`warn  key ${id} was revoked (${revokedAt})`);
    else if (expiresAt !== undefined && nowMs >= Date.parse(expiresAt)) {
      print(`warn  key ${id} expired (${expiresAt})`);
    }
  }
}

function saySettings(settings: Settings): void {
  if (/^postgres/i.test(settings.databaseUrl) && settings.databaseOwnerUrl === undefined) {
    print(
      "warn  DATABASE_OWNER_URL is unset: the server's role owns the tables; two roles are safer",
    );
  }
}

function sayCodeSettings({ enforcement, egress, operatorToken }: Settings): void {
  if (enforcement === "shadow") {
    print("warn  METACORE_ENFORCE=shadow: capabilities that addons lack are recorded, not refused");
  } else print("ok    capabilities of addons are enforced");
  if (egress === undefined) print("ok    outbound HTTP of addons is off (METACORE_EGRESS)");
  else if (egress.hosts === "any") {
    print("warn  METACORE_EGRESS=any: addons reach every public host that their manifests name");
  } else print(`ok    outbound HTTP of addons: ${egress.hosts.join(", ")}`);
  const { privateAddresses = [] } = egress ?? {};
  if (privateAddresses.length > 0) {
    print(`warn  METACORE_EGRESS_PRIVATE: addons may reach ${privateAddresses.join(", ")}`);
  }
  if (operatorToken !== undefined) print("ok    METACORE_OPERATOR_TOKEN is set");
  else {
    print("warn  METACORE_OPERATOR_TOKEN is unset: /metrics and /api/operator refuse everybody");
  }
}

async function sayCatalog({ settings: { catalogDir }, trust }: Environment): Promise<void> {
  if (catalogDir === undefined) return;
  for (const line of await catalogLines(catalogDir, trust)) print(line);
}

async function checkKernel({ options }: Environment): Promise<void> {
  const kernel = createKernel(options);
  await kernel.start();
  print("ok    database, migrations and roles");
  const response = await kernel.fetch(new Request("http://localhost/readyz"));
  await kernel.stop();
  if (!response.ok) throw unhealthy(`/readyz answers ${response.status}: ${await response.text()}`);
  print("ok    /readyz");
}

async function checkGuestSql({ options }: Environment): Promise<void> {
  const { databaseUrl, databaseOwnerUrl } = options;
  const database = await openDatabase({
    url: databaseUrl,
    ...(databaseOwnerUrl === undefined ? {} : { ownerUrl: databaseOwnerUrl }),
    logger: silentLogger,
  });
  try {
    const because = await database.guestSql.unavailableBecause();
    print(
      because === undefined
        ? "ok    SQL of addon code"
        : `warn  SQL of addon code is refused: ${because}`,
    );
  } finally {
    await database.close();
  }
}

/** The last check: without Deno's flag it ends the process, which nothing can foresee or catch. */
async function checkWorkers(): Promise<void> {
  print(
    "next  a worker without permissions is started; should the process end here with exit code 70, " +
      'add "unstable": ["worker-options"] to the deno.json of the main module',
  );
  const workers = new WalledWorkers();
  try {
    const worker = await workers.start();
    await worker.close();
  } catch (thrown) {
    const reason = thrown instanceof Error ? thrown.message : String(thrown);
    throw unhealthy(`workers for addon code do not start: ${reason}`);
  } finally {
    await workers.close();
  }
  print("ok    workers for addon code start, and have proven their walls");
}

function unhealthy(message: string): KernelError {
  return new KernelError({ code: "kernel.unhealthy", kind: "unavailable", message });
}

/**
 * `metacore doctor`: checks settings, keys, database and roles. It starts a kernel as `serve` would,
 * which applies migrations, and stops it again.
 *
 * @module
 */

import { KernelError } from "../base/error.ts";
import { createKernel } from "../kernel/kernel.ts";
import { readEnvironment } from "./environment.ts";
import { print } from "./output.ts";

/**
 * Prints one line a check.
 *
 * @throws {KernelError} kernel.unhealthy — when a check failed.
 */
export async function runDoctor(): Promise<void> {
  print(`ok    Deno ${Deno.version.deno}, V8 ${Deno.version.v8}`);
  const { settings, options } = await readEnvironment();
  print("ok    settings and keys");
  if (settings.enforcement === "shadow") print("warn  METACORE_ENFORCE=shadow: nothing is refused");
  if (settings.unsignedBundles === "allow") {
    print("warn  ALLOW_UNSIGNED_BUNDLES=true: whoever may install may install anything");
  }
  if (/^postgres/i.test(settings.databaseUrl) && settings.databaseOwnerUrl === undefined) {
    print(
      "warn  DATABASE_OWNER_URL is unset: the server's role owns the tables; two roles are safer",
    );
  }
  const kernel = createKernel(options);
  await kernel.start();
  print("ok    database, migrations and roles");
  const response = await kernel.fetch(new Request("http://localhost/readyz"));
  await kernel.stop();
  if (!response.ok) {
    throw new KernelError({
      code: "kernel.unhealthy",
      kind: "unavailable",
      message: `/readyz answers ${response.status}: ${await response.text()}`,
    });
  }
  print("ok    /readyz");
}

/**
 * A process that installs the example addon, or upgrades another, and kills itself on the way; run by
 * `crash_test.ts`.
 *
 * @module
 */

import { createKernel, systemCaller } from "../../mod.ts";
import { exampleBundle } from "../_support/bundles.ts";
import { lifeBundle, UPGRADE } from "./life_addon.ts";

const setting = (name: string) => Deno.env.get(`KILLED_${name}`)!;
let left = Infinity;
const kernel = createKernel({
  databaseUrl: setting("DATABASE_URL"),
  jwtSecret: setting("JWT_SECRET"),
  masterKey: setting("MASTER_KEY"),
  unsignedBundles: "allow",
  fault: {
    beforeStatement: () => {
      if (--left < 0) Deno.kill(Deno.pid, "SIGKILL");
    },
  },
});
const archive = setting("WHAT") === "upgrade"
  ? await lifeBundle(UPGRADE[1])
  : await exampleBundle();
await kernel.start();
left = Number(setting("AT"));
await kernel.services.addons.install(systemCaller(setting("ORGANIZATION")), { archive });

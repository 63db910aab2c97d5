/**
 * Runs the command line under the narrowest permissions with which it works: those of its settings,
 * and the files that its arguments name. Behind `deno task cli`, which cannot hand arguments to the
 * script that makes the flags.
 *
 * @module
 */

import { permissionFlags } from "./permission_flags.ts";

const child = new Deno.Command(Deno.execPath(), {
  args: ["run", "--quiet", ...permissionFlags(Deno.args), "src/cli/main.ts", ...Deno.args],
  stdin: "inherit",
  stdout: "inherit",
  stderr: "inherit",
}).spawn();

// From a terminal both processes are told; a SIGTERM comes to this one alone.
const ignore = () => {};
const forward = () => child.kill("SIGTERM");
Deno.addSignalListener("SIGINT", ignore);
Deno.addSignalListener("SIGTERM", forward);
const { code } = await child.status;
Deno.exit(code);

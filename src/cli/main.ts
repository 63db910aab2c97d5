/**
 * The command line: arguments to kernel. Exit codes: 0 done, 1 failed, 2 wrong usage.
 *
 * @module
 */

import { Command } from "commander";
import { KernelError } from "../base/error.ts";
import { VERSION } from "../kernel/kernel.ts";
import { SETTING_NAMES } from "../kernel/settings.ts";
import { addAddon, type HelpText } from "./addon.ts";
import { printRolesSql } from "./database.ts";
import { runDoctor } from "./doctor.ts";
import { addKeys } from "./keys.ts";
import { migrate } from "./migrate.ts";
import { createOrganization, createUser, listOrganizations } from "./organization.ts";
import { printError } from "./output.ts";
import { serve } from "./serve.ts";
import { DeclinedError, UsageError } from "./usage_error.ts";

const PASSWORD_HELP = "8 characters or more; made and printed when absent";
const SETTINGS_TEXT = `
Settings come from the environment (README, Settings):
${SETTING_NAMES.map((name) => `  ${name}`).join("\n")}`;
/** Beside a complaint about usage so many lines would hide the complaint. */
const SETTINGS: HelpText = ({ error }) => error ? "" : SETTINGS_TEXT;

function program(): Command {
  const metacore = new Command("metacore")
    .description("Kernel for multi-tenant applications that others may extend")
    .version(VERSION)
    .showHelpAfterError()
    .exitOverride();
  metacore.command("serve").description("start the server").addHelpText("after", SETTINGS)
    .action(serve);
  metacore.command("migrate").description("bring the kernel's own tables up to date and exit")
    .addHelpText("after", SETTINGS).action(migrate);
  metacore.command("doctor")
    .description("check settings, keys, database and roles: start as serve would, then stop")
    .addHelpText("after", SETTINGS).action(runDoctor);
  addDatabase(metacore.command("database").description("what a database administrator runs"));
  addOrganization(metacore.command("organization").description("organizations and their users"));
  addAddon(metacore.command("addon").description("bundles, and addons of organizations"), SETTINGS);
  addKeys(metacore.command("keys").description("keys that sign bundles"));
  return metacore;
}

function addDatabase(database: Command): void {
  database.command("roles").description("print the SQL that creates the Postgres roles")
    .option("--database <name>", "database to create", "metacore")
    .option("--owner <role>", "role that owns schemas and tables", "metacore_owner")
    .option("--app <role>", "role the server connects as", "metacore_app")
    .action(printRolesSql);
}

function addOrganization(organization: Command): void {
  organization.command("create").description("open an organization with its owner")
    .requiredOption("--name <name>", "name of the organization")
    .requiredOption("--owner-email <email>", "e-mail address of its owner")
    .option("--owner-name <name>", "name of its owner", "Owner")
    .option("--password <password>", PASSWORD_HELP)
    .addHelpText("after", SETTINGS).action(createOrganization);
  organization.command("list").description("print the organizations and their ids")
    .addHelpText("after", SETTINGS).action(listOrganizations);
  organization.command("add-user").description("add a user to an organization")
    .requiredOption("--organization <id>", "id that organization list prints")
    .requiredOption("--email <email>", "e-mail address")
    .option("--name <name>", "name", "User")
    .option("--role <role>", "role, which permissions are granted to", "agent")
    .option("--password <password>", PASSWORD_HELP)
    .addHelpText("after", SETTINGS).action(createUser);
}

/**
 * Runs one command line.
 *
 * @param args arguments after the program's name.
 * @returns the exit code.
 */
export async function main(args: readonly string[]): Promise<number> {
  try {
    await program().parseAsync([...args], { from: "user" });
    return 0;
  } catch (thrown) {
    return report(thrown);
  }
}

function report(thrown: unknown): number {
  if (thrown instanceof Error && "exitCode" in thrown && "code" in thrown) {
    // Commander has printed the usage already; --help and --version are no failures.
    return thrown.exitCode === 0 ? 0 : 2;
  }
  if (thrown instanceof UsageError) {
    printError(thrown.message);
    return 2;
  }
  if (thrown instanceof KernelError) reportFailure(thrown);
  else if (thrown instanceof DeclinedError) printError(thrown.message);
  // Files and addresses that are out of reach: the message says which, a stack says no more.
  else if (isOutOfReach(thrown)) printError(thrown.message);
  else printError(thrown instanceof Error ? thrown.stack ?? thrown.message : String(thrown));
  return 1;
}

function reportFailure({ message, code, details }: KernelError): void {
  printError(`${message} [${code}]`);
  const { problems } = details ?? {};
  for (const problem of Array.isArray(problems) ? problems as readonly unknown[] : []) {
    printError(`  ${problemText(problem)}`);
  }
}

/** Each complaint about a manifest or a module, of which the message tells only how many there are. */
function problemText(problem: unknown): string {
  if (typeof problem !== "object" || problem === null || !("message" in problem)) {
    return String(problem);
  }
  return "path" in problem ? `${problem.path}: ${problem.message}` : String(problem.message);
}

const OUT_OF_REACH = [
  Deno.errors.NotCapable,
  Deno.errors.PermissionDenied,
  Deno.errors.NotFound,
  Deno.errors.AlreadyExists,
  Deno.errors.IsADirectory,
  Deno.errors.NotADirectory,
];

function isOutOfReach(thrown: unknown): thrown is Error {
  return OUT_OF_REACH.some((kind) => thrown instanceof kind);
}

if (import.meta.main) Deno.exit(await main(Deno.args));

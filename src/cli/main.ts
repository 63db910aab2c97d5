/**
 * The command line: arguments to kernel. Exit codes: 0 done, 1 failed, 2 wrong usage.
 *
 * @module
 */

import { Command } from "commander";
import { VERSION } from "../kernel/kernel.ts";
import { KernelError } from "../base/error.ts";
import { printRolesSql } from "./database.ts";
import { runDoctor } from "./doctor.ts";
import { migrate } from "./migrate.ts";
import { createOrganization, createUser } from "./organization.ts";
import { printError } from "./output.ts";
import { serve } from "./serve.ts";

function program(): Command {
  const metacore = new Command("metacore")
    .description("Kernel for multi-tenant applications that others may extend")
    .version(VERSION)
    .showHelpAfterError("(add --help for what a command takes)")
    .exitOverride();
  metacore.command("serve").description("start the server; settings come from the environment")
    .action(serve);
  metacore.command("migrate").description("bring the kernel's own tables up to date and exit")
    .action(migrate);
  metacore.command("doctor").description("check settings, keys, database and roles; change nothing")
    .action(runDoctor);
  addDatabase(metacore.command("database").description("what a database administrator runs"));
  addOrganization(metacore.command("organization").description("organizations and their users"));
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
    .option("--password <password>", "password of its owner; made and printed when absent")
    .action(createOrganization);
  organization.command("add-user").description("add a user to an organization")
    .requiredOption("--organization <id>", "id of the organization")
    .requiredOption("--email <email>", "e-mail address")
    .option("--name <name>", "name", "User")
    .option("--role <role>", "role", "agent")
    .option("--password <password>", "password; made and printed when absent")
    .action(createUser);
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
  if (thrown instanceof KernelError) printError(`${thrown.message} [${thrown.code}]`);
  else printError(thrown instanceof Error ? thrown.stack ?? thrown.message : String(thrown));
  return 1;
}

if (import.meta.main) Deno.exit(await main(Deno.args));

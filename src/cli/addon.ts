/**
 * `metacore addon`: its commands, their options and examples. What they do is in
 * `addon_bundle.ts`, `addon_installation.ts` and `addon_settings.ts`.
 *
 * @module
 */

import { type AddHelpTextContext, type Command, InvalidArgumentError } from "commander";
import { inspectBundle, signBundle, verifyBundle } from "./addon_bundle.ts";
import {
  installAddons,
  listAddons,
  planAddon,
  rollbackAddon,
  switchAddon,
  uninstallAddon,
} from "./addon_installation.ts";
import { changeSettings, rotateSecret } from "./addon_settings.ts";

/** Makes the text that follows a command's help; it is told whether somebody erred. */
export type HelpText = (context: AddHelpTextContext) => string;

const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;
/** Longest time for which two install secrets hold: a week. */
const MAX_OVERLAP_SECONDS = 604_800;

/**
 * Adds the commands.
 *
 * @param addon the command that holds them.
 * @param settings help text on the settings of commands that need a database.
 */
export function addAddon(addon: Command, settings: HelpText): void {
  addSign(addon);
  addVerify(addon, settings);
  addInspect(addon);
  addList(addon, settings);
  addPlan(addon, settings);
  addInstall(addon, settings);
  addRollback(addon, settings);
  addSwitches(addon, settings);
  addUninstall(addon, settings);
  addSettings(addon, settings);
  addRotateSecret(addon, settings);
}

function addSign(addon: Command): void {
  addon.command("sign").description("sign a bundle: writes <bundle>.sig")
    .argument("<bundle>", "file of the bundle")
    .requiredOption("--key <pem>", "file of the private key")
    .addHelpText("after", examples("metacore addon sign --key acme.pem tickets-1.0.0.tgz"))
    .action(signBundle);
}

function addVerify(addon: Command, settings: HelpText): void {
  addon.command("verify").description("verify a bundle as an install would")
    .argument("<bundle>", "file of the bundle")
    .option("--signature <file>", "file of the signature (default: <bundle>.sig)")
    .option(
      "--key <key>",
      "public key, or its file, instead of the trusted ones; may be repeated",
      collect,
    )
    .addHelpText(
      "after",
      examples(
        "metacore addon verify tickets-1.0.0.tgz",
        "metacore addon verify --key acme.pub tickets-1.0.0.tgz",
      ),
    )
    .addHelpText("after", settings)
    .action(verifyBundle);
}

function addInspect(addon: Command): void {
  addon.command("inspect").description("print what a bundle holds, trusted or not")
    .argument("<bundle>", "file of the bundle")
    .option("--json", "as JSON")
    .addHelpText("after", examples("metacore addon inspect tickets-1.0.0.tgz"))
    .action(inspectBundle);
}

function addList(addon: Command, settings: HelpText): void {
  inOrganization(addon.command("list").description("print what is installed"))
    .option("--json", "as JSON")
    .addHelpText("after", examples("metacore addon list --organization <id>"))
    .addHelpText("after", settings)
    .action(listAddons);
}

function addPlan(addon: Command, settings: HelpText): void {
  inOrganization(
    addon.command("plan").description("print what installing a bundle would do; changes nothing"),
  )
    .argument("<bundle>", "file of the bundle")
    .option("--signature <file>", "file of the signature (default: <bundle>.sig)")
    .option("--json", "as JSON")
    .addHelpText("after", examples("metacore addon plan --organization <id> tickets-1.1.0.tgz"))
    .addHelpText("after", settings)
    .action(planAddon);
}

function addInstall(addon: Command, settings: HelpText): void {
  for (const name of ["install", "upgrade"]) {
    const command = addon.command(name)
      .description("install bundles, or upgrade to them, those first that others need")
      .argument("<bundles...>", "files of the bundles")
      .option("--signature <file>", "file of the signature (default: <bundle>.sig)")
      .option("--allow-downgrade", "let a version below the highest ever seen enter");
    withConsent(inOrganization(command))
      .addHelpText(
        "after",
        examples(
          `metacore addon ${name} --organization <id> --yes tickets-1.1.0.tgz`,
          `metacore addon ${name} --organization <id> --accept "http:fetch api.example.com" \\`,
          `  --plan-hash <hash> tickets-1.2.0.tgz`,
        ),
      )
      .addHelpText("after", settings)
      .action(installAddons);
  }
}

function addRollback(addon: Command, settings: HelpText): void {
  const command = addon.command("rollback")
    .description("go back to the version before the last upgrade")
    .argument("<key>", "key of the addon");
  withConsent(inOrganization(command))
    .addHelpText("after", examples("metacore addon rollback --organization <id> tickets"))
    .addHelpText("after", settings)
    .action(rollbackAddon);
}

function addSwitches(addon: Command, settings: HelpText): void {
  const switches = [
    ["enable", "let an addon take part again"],
    ["disable", "let an addon take no part, keeping its data"],
  ] as const;
  for (const [change, description] of switches) {
    inOrganization(addon.command(change).description(description))
      .argument("<key>", "key of the addon")
      .addHelpText("after", examples(`metacore addon ${change} --organization <id> tickets`))
      .addHelpText("after", settings)
      .action((key: string, options: { readonly organization: string }) =>
        switchAddon(change, key, options)
      );
  }
}

function addUninstall(addon: Command, settings: HelpText): void {
  inOrganization(addon.command("uninstall").description("remove an addon"))
    .argument("<key>", "key of the addon")
    .option("--drop", "remove this organization's rows of it, too")
    .option("--yes", "do not ask before removing rows")
    .addHelpText(
      "after",
      examples(
        "metacore addon uninstall --organization <id> tickets",
        "metacore addon uninstall --organization <id> --drop --yes tickets",
      ),
    )
    .addHelpText("after", settings)
    .action(uninstallAddon);
}

function addSettings(addon: Command, settings: HelpText): void {
  const command = addon.command("settings")
    .description("print an addon's settings, and change those that are named")
    .argument("<key>", "key of the addon")
    .option("--set <name=value>", "set a value; may be repeated", collect)
    .option("--unset <name>", "take a value away; may be repeated", collect)
    .option("--secret <name>", "set a secret, whose value is read from standard input")
    .option("--json", "as JSON");
  inOrganization(command)
    .addHelpText(
      "after",
      examples(
        "metacore addon settings --organization <id> expenses",
        "metacore addon settings --organization <id> --set approval_limit=800 expenses",
        "metacore addon settings --organization <id> --secret api_token expenses < token.txt",
      ),
    )
    .addHelpText("after", settings)
    .action(changeSettings);
}

function addRotateSecret(addon: Command, settings: HelpText): void {
  const command = addon.command("rotate-secret")
    .description("give an installation a new secret for calls to and from its backend")
    .argument("<key>", "key of the addon")
    .option("--overlap <seconds>", "how long the old one holds too, 0 to 604800", seconds, 0);
  inOrganization(command)
    .addHelpText(
      "after",
      examples("metacore addon rotate-secret --organization <id> --overlap 3600 billing"),
    )
    .addHelpText("after", settings)
    .action(rotateSecret);
}

function inOrganization(command: Command): Command {
  return command.requiredOption(
    "--organization <id>",
    "id that organization list prints",
    organizationId,
  );
}

function withConsent(command: Command): Command {
  return command
    .option("--accept <capability>", 'accept "<kind> <target>"; may be repeated', collect)
    .option("--accept-all", "accept every capability that the addon asks for")
    .option("--plan-hash <hash>", "carry out this plan and no other, without asking")
    .option("--yes", "do not ask");
}

function organizationId(text: string): string {
  if (UUID.test(text)) return text.toLowerCase();
  throw new InvalidArgumentError("It is not the id of an organization, which is a UUID.");
}

function seconds(text: string): number {
  const count = /^[0-9]{1,6}$/.test(text) ? Number(text) : Infinity;
  if (count <= MAX_OVERLAP_SECONDS) return count;
  throw new InvalidArgumentError(`It is no whole number from 0 to ${MAX_OVERLAP_SECONDS}.`);
}

function collect(value: string, earlier: readonly string[] = []): readonly string[] {
  return [...earlier, value];
}

function examples(...lines: readonly string[]): string {
  return `\nExamples:\n${lines.map((line) => `  ${line}`).join("\n")}\n`;
}

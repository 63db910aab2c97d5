/**
 * The port through which one invocation asks for things: binds the table of its interface, the gate
 * and the log. Made for each invocation, and of no use after it.
 *
 * @module
 */

import type { GuestLogLine, HostPort } from "../../sandbox/sandbox.ts";
import { InvocationBudget } from "./budget.ts";
import type { HostContext, HostServices } from "./context.ts";
import { passGate } from "./gate.ts";
import { gonextFunctions } from "./gonext/table.ts";
import type { HostFunctionTable } from "./host_function.ts";
import { metacoreFunctions } from "./metacore/table.ts";

/** Log lines that one invocation may write; the worker bounds what reaches this. */
const MAX_LINES = 1_000;
/** Longest line that is kept, in UTF-16 units. */
const MAX_LINE_LENGTH = 4_096;

const TABLES: Readonly<Record<HostContext["abi"], HostFunctionTable>> = {
  "metacore/1": metacoreFunctions,
  "gonext/1": gonextFunctions,
};

/**
 * Makes the port of one invocation.
 *
 * @param context who is calling, for whom, with what rights.
 * @param services the kernel's services.
 * @returns the port; refusals are answers in the interface's own words, only what can be no honest
 *   guest's call is thrown.
 */
export function createHostPort(context: HostContext, services: HostServices): HostPort {
  const invocation = { context, services, budget: new InvocationBudget(services.limits) };
  const table = TABLES[context.abi];
  const { addonKey, installationId, organizationId, requestId } = context.subject;
  const logger = services.logger.with({
    addon: addonKey,
    installation_id: installationId,
    organization_id: organizationId,
    request_id: requestId,
  });
  let linesLeft = MAX_LINES;
  return {
    call: (call) => passGate(table, invocation, call),
    log: (lines, dropped) => {
      const kept = lines.slice(0, linesLeft);
      linesLeft -= kept.length;
      for (const line of kept) logger[line.level](shownLine(line));
      const gone = dropped + lines.length - kept.length;
      if (gone > 0) services.figures.linesDropped(addonKey, gone);
    },
  };
}

/** Guests' text must not drive a terminal or pass for several lines, whatever shows the log. */
function shownLine({ text }: GuestLogLine): string {
  const cut = text.length > MAX_LINE_LENGTH ? `${text.slice(0, MAX_LINE_LENGTH)}…` : text;
  return cut.toWellFormed().replace(/[\p{Cc}\u2028\u2029]/gu, escaped);
}

function escaped(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`;
}

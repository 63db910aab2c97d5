/**
 * Failures of tools, as small factories. Texts that clients may match are those of
 * contract/metacore.md §1.9.
 *
 * @module
 */

import { KernelError } from "../../base/error.ts";

/** No enabled addon of the organization offers the tool. */
export function toolNotFound(addonKey: string, toolId: string): KernelError {
  return new KernelError({
    code: "addon.tool_not_found",
    kind: "not_found",
    message: "tool not registered",
    details: { addon_key: addonKey.slice(0, 128), tool_id: toolId.slice(0, 128) },
  });
}

/** The installation that was named is not the organization's own of this addon. */
export function foreignInstallation(): KernelError {
  return new KernelError({
    code: "addon.tool_installation_not_found",
    kind: "forbidden",
    message: "installation not found for this organization/addon",
  });
}

/** Nothing carries the tool out. */
export function noEndpoint(toolId: string): KernelError {
  return new KernelError({
    code: "addon.tool_no_endpoint",
    kind: "unsupported",
    message: "tool has no endpoint",
    details: { tool_id: toolId },
  });
}

/**
 * What may happen to an addon in an organization, in which state, and where it leads. Pure: the one
 * table that every change goes by.
 *
 * @module
 */

import { notInstalled } from "../errors.ts";

/** States of an addon in an organization; a removed one has kept its data. */
export type InstallationState = "absent" | "removed" | "enabled" | "disabled";

/** What may be done. `uninstall` keeps the data, `drop` does not. */
export type InstallationChange =
  | "install"
  | "upgrade"
  | "downgrade"
  | "rollback"
  | "reinstall"
  | "enable"
  | "disable"
  | "uninstall"
  | "drop";

type Changes = Readonly<Partial<Record<InstallationChange, InstallationState>>>;

const TRANSITIONS: Readonly<Record<InstallationState, Changes>> = {
  absent: { install: "enabled" },
  removed: { install: "enabled", drop: "absent" },
  enabled: {
    upgrade: "enabled",
    downgrade: "enabled",
    rollback: "enabled",
    reinstall: "enabled",
    enable: "enabled",
    disable: "disabled",
    uninstall: "removed",
    drop: "absent",
  },
  // Another version of an addon that takes no part still takes none.
  disabled: {
    upgrade: "disabled",
    downgrade: "disabled",
    rollback: "disabled",
    reinstall: "disabled",
    enable: "enabled",
    disable: "disabled",
    uninstall: "removed",
    drop: "absent",
  },
};

/**
 * Tells where a change leads.
 *
 * @param state as it is.
 * @param change what is to be done.
 * @returns the state afterwards; undefined where it may not be done.
 */
export function stateAfter(
  state: InstallationState,
  change: InstallationChange,
): InstallationState | undefined {
  return TRANSITIONS[state][change];
}

/**
 * Demands that a change may be made.
 *
 * @param addonKey for the message.
 * @param state as it is.
 * @param change what is to be done.
 * @returns the state afterwards.
 * @throws {KernelError} addon.not_installed
 */
export function demandTransition(
  addonKey: string,
  state: InstallationState,
  change: InstallationChange,
): InstallationState {
  const after = stateAfter(state, change);
  // Whatever cannot be done cannot be done because the addon is not there.
  if (after === undefined) throw notInstalled(addonKey);
  return after;
}

/**
 * Reads the state of a row.
 *
 * @param row the installation's row, if there is one.
 * @returns its state.
 * @throws {TypeError} for a status that this kernel did not write.
 */
export function stateOf(row: { readonly status: string } | undefined): InstallationState {
  if (row === undefined) return "absent";
  const { status } = row;
  if (status === "removed" || status === "enabled" || status === "disabled") return status;
  throw new TypeError(`An installation has the unknown status "${status}".`);
}

/**
 * What people may do. A permission is `<resource>.<action>`; grants belong to a role or a user
 * inside one organization (contract/metacore.md §9, without its global scope).
 *
 * @module
 */

import type { Caller } from "../base/caller.ts";

/** Decides and keeps permissions. */
export interface AccessService {
  /**
   * Demands a permission.
   *
   * @param permission such as `tickets.create`.
   * @throws {KernelError} access.denied — with the text
   *   `permission denied: missing capability "tickets.create"`.
   */
  check(caller: Caller, permission: string): Promise<void>;
  /** Tells whether a caller has a permission. */
  allows(caller: Caller, permission: string): Promise<boolean>;
  /** Gives a permission to a role of the caller's organization; giving it twice is no error. */
  grantToRole(caller: Caller, role: string, permission: string): Promise<void>;
  /** Gives a permission to a user of the caller's organization. */
  grantToUser(caller: Caller, userId: string, permission: string): Promise<void>;
  /** Takes a permission from a role; taking what is not there is no error. */
  revokeFromRole(caller: Caller, role: string, permission: string): Promise<void>;
  /** Takes a permission from a user. */
  revokeFromUser(caller: Caller, userId: string, permission: string): Promise<void>;
}

/**
 * Decides what callers may do. The system's own authority and owners pass without a look at the
 * database; everybody else holds what was given to the role or the user in the organization.
 *
 * @module
 */

import type { Caller, UserCaller } from "../base/caller.ts";
import type { Clock } from "../base/clock.ts";
import { isUuid } from "../base/ids.ts";
import { normalizeRole, SUPER_ROLE } from "../base/role.ts";
import type { Database } from "../db/database.ts";
import type { Logger } from "../telemetry/log.ts";
import type { AccessService } from "./access_service.ts";
import { type Denial, DenialLog } from "./denial_log.ts";
import { denied, invalidPermission, invalidRole, userNotFound } from "./errors.ts";
import { GrantCache } from "./grant_cache.ts";
import { GrantStore, type Holder } from "./grant_store.ts";
import { covers, EVERYTHING, normalizePermission } from "./permission.ts";

/** What the service is made of. */
export interface AccessOptions {
  readonly database: Database;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Hears of every denial, also of those that the log only counts. @default nobody listens */
  readonly audit?: (denial: Denial) => void;
}

/**
 * Makes the service.
 *
 * @param options database and ports.
 * @returns the service.
 */
export function createAccessService(options: AccessOptions): AccessService {
  return new KernelAccessService(options);
}

class KernelAccessService implements AccessService {
  readonly #store: GrantStore;
  readonly #cache: GrantCache;
  readonly #denials: DenialLog;
  readonly #audit: ((denial: Denial) => void) | undefined;

  constructor({ database, clock, logger, audit }: AccessOptions) {
    this.#store = new GrantStore(database, clock);
    this.#cache = new GrantCache((holder) => this.#store.held(holder), clock);
    this.#denials = new DenialLog(logger, clock);
    this.#audit = audit;
  }

  async check(caller: Caller, permission: string): Promise<void> {
    if (await this.allows(caller, permission)) return;
    this.#denials.write({ caller, permission });
    this.#audit?.({ caller, permission });
    throw denied(permission);
  }

  async allows(caller: Caller, permission: string): Promise<boolean> {
    if (caller.kind === "system") return true;
    const role = normalizeRole(caller.role);
    return role === SUPER_ROLE || await this.#holds(caller, role, permission);
  }

  async grantToRole(caller: Caller, role: string, permission: string): Promise<void> {
    await this.#add(caller, roleHolder(caller, role), permission);
  }

  async grantToUser(caller: Caller, userId: string, permission: string): Promise<void> {
    const holder = userHolder(caller, userId);
    // Before the look, so that who may not grant learns nothing about who is a user.
    await this.check(caller, EVERYTHING);
    if (!await this.#store.hasUser(holder.organizationId, holder.name)) throw userNotFound();
    await this.#add(caller, holder, permission);
  }

  async revokeFromRole(caller: Caller, role: string, permission: string): Promise<void> {
    await this.#remove(caller, roleHolder(caller, role), permission);
  }

  async revokeFromUser(caller: Caller, userId: string, permission: string): Promise<void> {
    await this.#remove(caller, userHolder(caller, userId), permission);
  }

  /** Who gives permissions could give all of them, so all of them are demanded. */
  async #add(caller: Caller, holder: Holder, permission: string): Promise<void> {
    await this.check(caller, EVERYTHING);
    await this.#change(holder, this.#store.add(holder, requirePermission(permission)));
  }

  async #remove(caller: Caller, holder: Holder, permission: string): Promise<void> {
    await this.check(caller, EVERYTHING);
    await this.#change(holder, this.#store.remove(holder, requirePermission(permission)));
  }

  /** Also after a failure: whether it was stored is not known then. */
  async #change(holder: Holder, change: Promise<void>): Promise<void> {
    try {
      await change;
    } finally {
      this.#cache.forget(holder);
    }
  }

  async #holds(
    { organizationId, userId }: UserCaller,
    role: string | undefined,
    permission: string,
  ): Promise<boolean> {
    const demanded = normalizePermission(permission);
    if (demanded === undefined) return false;
    if (role !== undefined) {
      const ofRole = await this.#cache.held({ organizationId, kind: "role", name: role });
      if (covers(ofRole, demanded)) return true;
    }
    const ofUser = await this.#cache.held({ organizationId, kind: "user", name: userId });
    return covers(ofUser, demanded);
  }
}

function roleHolder({ organizationId }: Caller, text: string): Holder {
  const name = normalizeRole(text);
  if (name === undefined) throw invalidRole(text);
  return { organizationId, kind: "role", name };
}

function userHolder({ organizationId }: Caller, userId: string): Holder {
  if (!isUuid(userId)) throw userNotFound();
  return { organizationId, kind: "user", name: userId.toLowerCase() };
}

function requirePermission(text: string): string {
  const permission = normalizePermission(text);
  if (permission === undefined) throw invalidPermission(text);
  return permission;
}

/**
 * Wishes for addons (contract/metacore.md §1.8): each is a row that says what became of it. A wish
 * that names no place is only noted, for people; so is every wish where outbound HTTP is off.
 *
 * @module
 */

import type { Selectable } from "kysely";
import type { Caller } from "../../base/caller.ts";
import type { Clock } from "../../base/clock.ts";
import { isKernelError } from "../../base/error.ts";
import type { IdSource } from "../../base/ids.ts";
import type { Database } from "../../db/database.ts";
import type { MarketplaceRequestTable } from "../../db/tables.ts";
import type { Egress } from "../../egress/egress.ts";
import type { Logger } from "../../telemetry/log.ts";
import type { AddonService, InstallResult } from "../addon_service.ts";
import type {
  Marketplace,
  MarketplaceOutcome,
  MarketplaceRequest,
  MarketplaceWish,
} from "./addon_catalog.ts";
import { downloadBundle } from "./download.ts";
import { invalidWish, otherVersionSent } from "./errors.ts";

/** What the marketplace works with. */
export interface MarketplaceOptions {
  readonly database: Database;
  readonly addons: Pick<AddonService, "checkInstall" | "install" | "plan">;
  /** Fetches bundles; absent only notes wishes. */
  readonly egress?: Egress;
  readonly clock: Clock;
  readonly ids: IdSource;
  readonly logger: Logger;
}

/** Lengths of texts, in characters. */
const LIMITS = { version: 40, name: 200, category: 60, bundleURL: 2_048 } as const;
/** A hub's names are wider than keys of addons: a wish is for people, a bundle's own key decides. */
const WISHED_KEY = /^[A-Za-z0-9][A-Za-z0-9._-]{0,119}$/;
const MAX_ERROR_LENGTH = 1_024;
const MAX_LISTED = 200;
/** Longer than any download and install: whoever was at it is there no more. */
const ABANDONED_AFTER_MS = 15 * 60_000;
const LATEST = "latest";

/**
 * Makes the marketplace.
 *
 * @param options what it works with.
 * @returns the service.
 */
export function createMarketplace(options: MarketplaceOptions): Marketplace {
  return new Wishes(options);
}

class Wishes implements Marketplace {
  readonly #options: MarketplaceOptions;

  constructor(options: MarketplaceOptions) {
    this.#options = options;
  }

  async install(caller: Caller, wish: MarketplaceWish): Promise<MarketplaceOutcome> {
    await this.#options.addons.checkInstall(caller);
    checkWish(wish);
    const request = await this.#note(caller, wish);
    const { egress } = this.#options;
    if (egress === undefined || request.bundle_url === "") return { request };
    try {
      const result = await this.#fulfil(egress, caller, request, wish);
      return { request: await this.#write(request, { status: "installed" }), result };
    } catch (thrown) {
      return { request: await this.#fail(request, thrown) };
    }
  }

  async list(caller: Caller): Promise<readonly MarketplaceRequest[]> {
    const rows = await this.#options.database.kysely.selectFrom("marketplace_requests").selectAll()
      .where("organization_id", "=", caller.organizationId)
      .orderBy("requested_at", "desc").orderBy("id", "desc").limit(MAX_LISTED).execute();
    return rows.map((row) => this.#shown(row));
  }

  async #note(caller: Caller, wish: MarketplaceWish): Promise<MarketplaceRequest> {
    const { database, clock, ids } = this.#options;
    const request: MarketplaceRequest = {
      id: ids.next(),
      organization_id: caller.organizationId,
      addon_key: wish.addonKey,
      name: wish.name ?? "",
      category: wish.category ?? "",
      version: wish.version ?? LATEST,
      bundle_url: wish.bundleURL ?? "",
      status: "requested",
      error_message: "",
      requested_by_id: caller.kind === "user" ? caller.userId : null,
      requested_at: new Date(clock.nowMs()).toISOString(),
      completed_at: null,
    };
    await database.kysely.insertInto("marketplace_requests").values(request).execute();
    return request;
  }

  async #fulfil(
    egress: Egress,
    caller: Caller,
    request: MarketplaceRequest,
    wish: MarketplaceWish,
  ): Promise<InstallResult> {
    const { addons } = this.#options;
    await this.#write(request, { status: "downloading" });
    const download = await downloadBundle(egress, caller, request.bundle_url);
    await this.#write(request, { status: "installing" });
    const offer = { ...download, expectedKey: request.addon_key };
    if (request.version !== LATEST) {
      // What a bundle is shows only once it has been verified, which the plan does.
      const { to_version: sent } = await addons.plan(caller, offer);
      if (sent !== request.version) throw otherVersionSent(request.version, sent);
    }
    return await addons.install(caller, offer, wish.terms);
  }

  async #fail(request: MarketplaceRequest, thrown: unknown): Promise<MarketplaceRequest> {
    const isTold = isKernelError(thrown) && thrown.kind !== "internal";
    const fields = { addon: request.addon_key, request: request.id, cause: thrown };
    if (isTold) this.#options.logger.warn("a wish could not be fulfilled", fields);
    else this.#options.logger.error("a wish failed", fields);
    const text = isTold ? thrown.message : "Internal server error";
    const error_message = text.slice(0, MAX_ERROR_LENGTH).toWellFormed();
    return await this.#write(request, { status: "failed", error_message });
  }

  async #write(
    request: MarketplaceRequest,
    change: Pick<MarketplaceRequest, "status"> & { readonly error_message?: string },
  ): Promise<MarketplaceRequest> {
    const { database, clock } = this.#options;
    const isOver = change.status === "installed" || change.status === "failed";
    const row = isOver
      ? { ...change, completed_at: new Date(clock.nowMs()).toISOString() }
      : change;
    await database.kysely.updateTable("marketplace_requests").set(row)
      .where("id", "=", request.id).execute();
    return { ...request, ...row };
  }

  #shown(row: Selectable<MarketplaceRequestTable>): MarketplaceRequest {
    // Border: the table admits these words only.
    const status = row.status as MarketplaceRequest["status"];
    const { requested_at, completed_at } = row;
    const times = {
      requested_at: instant(requested_at),
      completed_at: completed_at === null ? null : instant(completed_at),
    };
    const request = { ...row, ...times, status };
    const isRunning = request.status === "downloading" || request.status === "installing";
    const ageMs = this.#options.clock.nowMs() - Date.parse(request.requested_at);
    if (!isRunning || ageMs < ABANDONED_AFTER_MS) return request;
    return { ...request, status: "failed", error_message: "the server stopped meanwhile" };
  }
}

/** Engines cut the zeros that end a fraction: a time reads the same wherever it comes from. */
function instant(text: string): string {
  return new Date(text).toISOString();
}

function checkWish(wish: MarketplaceWish): void {
  if (!WISHED_KEY.test(wish.addonKey)) throw invalidWish("addonKey is no key of an addon");
  for (const name of ["version", "name", "category", "bundleURL"] as const) {
    const text = wish[name] ?? "";
    if (text.length > LIMITS[name]) {
      throw invalidWish(`${name} is longer than ${LIMITS[name]} characters`);
    }
    if (/\p{Cc}/u.test(text)) throw invalidWish(`${name} holds control characters`);
  }
}

/**
 * Reads and sets the values of an organization. What columns make of them is decided where models are
 * loaded.
 *
 * @module
 */

import type { AccessService } from "../../access/access_service.ts";
import type { Caller } from "../../base/caller.ts";
import type { Clock } from "../../base/clock.ts";
import type { IdSource } from "../../base/ids.ts";
import type { Json, JsonObject } from "../../base/json.ts";
import type { Database } from "../../db/database.ts";
import { meansRules, rulesOfValue } from "../../models/custom_validators.ts";
import type { ModelRegistry } from "../../models/registry.ts";
import { raiseCatalogVersion } from "../installation_store.ts";
import { invalidOrganizationValue } from "./errors.ts";
import type { OrganizationValues } from "./organization_values.ts";
import { keepOrganizationValue, organizationValues } from "./value_store.ts";

/** What the service works with. */
export interface OrganizationValuesOptions {
  readonly database: Database;
  readonly registry: ModelRegistry;
  readonly access: AccessService;
  readonly clock: Clock;
  readonly ids: IdSource;
}

const KEY = /^[a-z][a-z0-9_]{0,62}$/;
const MAX_VALUE_BYTES = 16_384;
/** Values of one organization: all of them are read with its models. */
const MAX_VALUES = 1_000;

/**
 * Makes the service.
 *
 * @param options what it works with.
 * @returns the service.
 */
export function createOrganizationValues(options: OrganizationValuesOptions): OrganizationValues {
  const { database, registry, access, clock, ids } = options;
  return {
    list: async (caller) => {
      await access.check(caller, "organization.inspect");
      const values = await organizationValues(database.kysely, caller.organizationId);
      return Object.fromEntries(values) satisfies JsonObject;
    },
    set: async (caller, key, value) => {
      await access.check(caller, "organization.configure");
      checkValue(key, value);
      const { organizationId } = caller;
      const at = new Date(clock.nowMs()).toISOString();
      await database.transaction(organizationId, async (tx) => {
        await tx.lock(`values:${organizationId}`);
        const known = await organizationValues(tx.kysely, organizationId);
        if (value !== null && !known.has(key) && known.size >= MAX_VALUES) {
          throw invalidOrganizationValue(`an organization has at most ${MAX_VALUES} values`, key);
        }
        await keepOrganizationValue(tx.kysely, { organizationId, key, value, at });
        // Columns that name the value have other rules from now on, on every replica.
        await raiseCatalogVersion(tx.kysely, organizationId);
        await tx.kysely.insertInto("events").values(changeEvent(caller, key, ids.next(), at))
          .execute();
      });
      registry.invalidate(organizationId);
    },
  };
}

/** The value itself stays out of the log: it may be anything. */
function changeEvent(caller: Caller, key: string, id: string, at: string) {
  return {
    id,
    organization_id: caller.organizationId,
    name: "kernel.organization_value.updated",
    addon_key: "kernel",
    model: "organization_value",
    table_name: "",
    record_id: null,
    payload: JSON.stringify({ key }),
    actor_id: caller.kind === "user" ? caller.userId : null,
    request_id: caller.requestId,
    created_at: at,
  };
}

function checkValue(key: string, value: Json): void {
  if (!KEY.test(key)) {
    throw invalidOrganizationValue(
      "a key is a small letter with up to 62 small letters, digits and underscores behind it",
      key,
    );
  }
  const size = new TextEncoder().encode(JSON.stringify(value)).length;
  if (size > MAX_VALUE_BYTES) {
    throw invalidOrganizationValue(`a value has at most ${MAX_VALUE_BYTES} bytes of JSON`, key);
  }
  if (meansRules(value) && rulesOfValue(value) === undefined) {
    throw invalidOrganizationValue(
      "rules are {regex?, min?, max?}: an RE2 pattern, and numbers of which min is not the greater",
      key,
    );
  }
}

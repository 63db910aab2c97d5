/**
 * Which tables a guest's SQL may name: its own, and those of other addons of the same organization
 * that its capabilities name. Everything else does not exist for it.
 *
 * @module
 */

import type { GuestRelations } from "../../db/guest_sql/guest_sql.ts";
import type { HostInvocation } from "./host_function.ts";

const PREFIX = "addon_";

type Found = ReturnType<GuestRelations["find"]>;
type Access = "read" | "write";

/** Relations of one statement. */
export interface OwnedRelations extends GuestRelations {
  /** The addon that a physical schema belongs to. */
  ownerOf(physicalSchema: string): string;
}

/**
 * Makes the relations of one statement.
 *
 * @param invocation who is asking.
 * @returns what names mean, and which schemas may be reached.
 */
export function relationsOf(invocation: HostInvocation): OwnedRelations {
  const { context } = invocation;
  const own = context.schemaName;
  const ownName = logicalSchema(context.subject.addonKey);
  const readable = new Set([own, ...capableSchemas(invocation, "read")]);
  const writable = new Set([own, ...capableSchemas(invocation, "write")]);
  const owners = new Map<string, string>();
  return {
    ownSchema: own,
    ownerOf: (physical) => owners.get(physical) ?? context.subject.addonKey,
    find: (schema, table, access) => {
      if (schema === undefined || schema === ownName) return { schema: own, table };
      return findForeign(invocation, { schema, table, access }, (found) => {
        // In shadow mode a right can hold that no capability names.
        (access === "read" ? readable : writable).add(found);
        owners.set(found, schema.slice(PREFIX.length));
      });
    },
    get readable() {
      return [...readable];
    },
    get writable() {
      return [...writable];
    },
  };
}

/**
 * Names the schema of an addon as guests write it; the physical one may differ.
 *
 * @param addonKey the addon.
 * @returns such as `addon_tickets`.
 */
export function logicalSchema(addonKey: string): string {
  return `${PREFIX}${addonKey.toLowerCase()}`;
}

function findForeign(
  { context, services }: HostInvocation,
  { schema, table, access }: {
    readonly schema: string;
    readonly table: string;
    readonly access: Access;
  },
  reached: (physical: string) => void,
): Found {
  const name = `${schema}.${table}`;
  if (!schema.startsWith(PREFIX)) return { refused: `relation "${name}" is not accessible` };
  // The right first: whether another addon is installed is not for everybody to find out.
  if (!services.enforcer.check(context.subject, `db:${access}`, name)) {
    return { refused: `addon "${context.subject.addonKey}" lacks db:${access} "${name}"` };
  }
  const physical = context.findSchema(schema.slice(PREFIX.length));
  if (physical === undefined) return { refused: `relation "${name}" is not accessible` };
  reached(physical);
  return { schema: physical, table };
}

/** Schemas of other addons that capabilities name, as far as they are installed here. */
function capableSchemas({ context }: HostInvocation, access: Access): string[] {
  const { capabilities } = context.subject;
  // Whoever may write may read the same (contract/metacore.md §6.2).
  const kinds = access === "read" ? ["db:read", "db:write"] : ["db:write"];
  const targets = kinds.flatMap((kind) => capabilities.targets(kind));
  return targets.flatMap((target) => {
    const schema = target.split(".", 1)[0] ?? "";
    if (!schema.startsWith(PREFIX)) return [];
    return context.findSchema(schema.slice(PREFIX.length)) ?? [];
  });
}

/**
 * `gn_users_read` and `gn_media_read` (contract/gonext.md §2.5), of the same organization only.
 *
 * @module
 */

import { isJsonObject, type Json } from "../../../base/json.ts";
import { parseJson, textOf } from "../arguments.ts";
import type { HostFunction, HostInvocation } from "../host_function.ts";
import { Refusal } from "../refusal.ts";
import { jsonReply, numericRefusal } from "../reply.ts";
import { ownRight } from "./rights.ts";

const REQUEST = { what: "the request", maxBytes: 65_536 };
const MAX_ID_LENGTH = 256;

type Found = Readonly<Record<string, Json>>;
type Finder = (organizationId: string, id: string) => Promise<Found | undefined>;

/** Gives id, name and roles of a user. */
export const usersRead: HostFunction = lookup("users:read", ({ services }) => {
  const { findUser } = services;
  if (findUser === undefined) return undefined;
  return async (organizationId, id) => {
    const user = await findUser(organizationId, id);
    // Spelled out: whatever else the service gives of a user stays here.
    return user && { id: user.id, display_name: user.displayName, roles: user.roles };
  };
});

/** Gives what the host knows of a medium. */
export const mediaRead: HostFunction = lookup("media:read", ({ services }) => services.findMedium);

function lookup(
  kind: string,
  finder: (invocation: HostInvocation) => Finder | undefined,
): HostFunction {
  return {
    budget: "lookup",
    maxTimeMs: 5_000,
    right: ownRight(kind),
    refuse: () => numericRefusal("net"),
    prepare: (invocation, call) => {
      const find = finder(invocation);
      if (find === undefined) throw new Refusal("unavailable", `this host has no ${kind}`);
      const id = idOf(parseJson(textOf(call.arguments[0], REQUEST), REQUEST));
      return {
        run: async () => {
          const found = await find(invocation.context.subject.organizationId, id);
          if (found === undefined) throw new Refusal("not_found", "there is no such id");
          return jsonReply(found);
        },
      };
    },
  };
}

function idOf(value: Json): string {
  const id = isJsonObject(value) ? value.id : undefined;
  if (typeof id === "string" && id !== "" && id.length <= MAX_ID_LENGTH) return id;
  throw new Refusal("bad_request", "the request is not {id}");
}

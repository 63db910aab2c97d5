/**
 * Login, registration and who one is (contract/metacore.md §1.4, contract/client.md §2).
 *
 * @module
 */

import type { Session } from "../../auth/auth_service.ts";
import { isKernelError } from "../../base/error.ts";
import { isJsonObject } from "../../base/json.ts";
import type { JsonObject } from "../../base/json.ts";
import { data } from "../answer.ts";
import type { Answer } from "../answer.ts";
import { invalidRequestFormat } from "../errors.ts";
import type { Exchange } from "../exchange.ts";
import { readJson } from "../middleware/body.ts";
import type { Route, RouteContext } from "../route.ts";

const SESSION = "{success, data: {user: User, organization: Organization, token, expires_at}}";
const JSON_BODY: readonly string[] = ["application/json"];

/** Routes under `/api/auth`. */
export const AUTH_ROUTES: readonly Route[] = [
  {
    method: "POST",
    path: "/api/auth/login",
    summary: "Checks a password and gives a token.",
    access: "public",
    body: { contentTypes: JSON_BODY, shape: "{email: string, password: string}" },
    answer: { status: 200, shape: SESSION },
    handle: login,
  },
  {
    method: "POST",
    path: "/api/auth/register",
    summary: "Opens an organization with its owner, where registration is open.",
    access: "public",
    body: {
      contentTypes: JSON_BODY,
      shape: "{name: string, email: string, password: string, organization_name?: string}",
    },
    answer: { status: 201, shape: SESSION },
    handle: register,
  },
  {
    method: "GET",
    path: "/api/auth/me",
    summary: "Gives the caller's user and organization.",
    access: "user",
    answer: { status: 200, shape: "{success, data: {user: User, organization: Organization}}" },
    handle: async (_exchange, { services }, caller) => data(await services.auth.me(caller)),
  },
  {
    method: "POST",
    path: "/api/auth/logout",
    summary: "Says goodbye; tokens are not kept, so the client drops its own.",
    access: "user",
    answer: { status: 200, shape: "{success, message}" },
    handle: () => Promise.resolve(LOGGED_OUT),
  },
];

const LOGGED_OUT: Answer = {
  status: 200,
  body: JSON.stringify({ success: true, message: "Logged out successfully" }),
};

async function login(exchange: Exchange, context: RouteContext): Promise<Answer> {
  const body = await readForm(exchange, context);
  const credentials = { email: text(body, "email"), password: text(body, "password") };
  const address = exchange.remoteAddress ?? "unknown";
  return session(await context.services.auth.login(credentials, address), 200);
}

async function register(exchange: Exchange, context: RouteContext): Promise<Answer> {
  const body = await readForm(exchange, context);
  const name = text(body, "name");
  const opened = await context.services.auth.register({
    name,
    email: text(body, "email"),
    password: text(body, "password"),
    // Only these fields are read: a role of the client's choosing would be authority for the asking.
    organizationName: text(body, "organization_name") || (name && `${name}'s Organization`),
  });
  return session(opened, 201);
}

async function readForm(exchange: Exchange, { limits }: RouteContext): Promise<JsonObject> {
  const body = await readJson(exchange, limits).catch((error) => {
    // What JSON calls an invalid body, these two routes call so (contract/metacore.md §14).
    throw isKernelError(error, "http.invalid_body")
      ? invalidRequestFormat("the body is not a JSON object")
      : error;
  });
  if (!isJsonObject(body)) throw invalidRequestFormat("the body is not a JSON object");
  return body;
}

/** A missing field is the empty text, about which the service complains in its own words. */
function text(body: JsonObject, field: string): string {
  const value = Object.hasOwn(body, field) ? body[field] : "";
  if (value === undefined || value === null) return "";
  if (typeof value !== "string") throw invalidRequestFormat(`${field} is not a text`);
  return value;
}

function session({ user, organization, token, expires_at }: Session, status: number): Answer {
  return { ...data({ user, organization, token, expires_at }), status };
}

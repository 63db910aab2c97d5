/**
 * What the operator of the process sees and does: metrics, the sandbox, the enforcer's mode. They
 * prove themselves by the operator's token, not as a user: this is about every organization.
 *
 * @module
 */

import type { EnforcementMode } from "../../access/capability.ts";
import { isJsonObject } from "../../base/json.ts";
import type { Json } from "../../base/json.ts";
import { METRICS_CONTENT_TYPE } from "../../telemetry/metrics_text.ts";
import { data } from "../answer.ts";
import type { Answer } from "../answer.ts";
import { invalidBody } from "../errors.ts";
import type { Exchange } from "../exchange.ts";
import { readJson } from "../middleware/body.ts";
import type { OperatorRoute, RouteContext } from "../route.ts";

const MODES: readonly EnforcementMode[] = ["enforce", "shadow"];

/** Routes for operators. */
export const OPERATOR_ROUTES: readonly OperatorRoute[] = [
  {
    method: "GET",
    path: "/metrics",
    summary: "Gives the metrics in Prometheus' text format.",
    access: "operator",
    answer: { status: 200, shape: "text/plain; version=0.0.4" },
    handle: (_exchange, { services }) =>
      Promise.resolve({
        status: 200,
        body: services.operator.metrics(),
        headers: { "content-type": METRICS_CONTENT_TYPE },
      }),
  },
  {
    method: "GET",
    path: "/api/operator/sandbox",
    summary: "Gives the figures of the sandbox.",
    access: "operator",
    answer: { status: 200, shape: "{success, data: SandboxStats}" },
    handle: (_exchange, { services }) => Promise.resolve(data(services.operator.sandboxStats())),
  },
  {
    method: "POST",
    path: "/api/operator/sandbox/stop",
    summary: "Stops the running calls of an addon in every organization, or in one.",
    access: "operator",
    body: { contentTypes: ["application/json"], shape: "{addon_key, organization_id?}" },
    answer: { status: 200, shape: "{success, data: {stopped: number}}" },
    handle: stop,
  },
  {
    method: "GET",
    path: "/api/operator/enforcement",
    summary: "Tells whether capabilities are enforced.",
    access: "operator",
    answer: { status: 200, shape: '{success, data: {mode: "enforce" | "shadow"}}' },
    handle: (_exchange, { services }) =>
      Promise.resolve(data({ mode: services.operator.enforcement() })),
  },
  {
    method: "PUT",
    path: "/api/operator/enforcement",
    summary: "Changes whether capabilities are enforced, until the process ends; audited.",
    access: "operator",
    body: { contentTypes: ["application/json"], shape: '{mode: "enforce" | "shadow"}' },
    answer: { status: 200, shape: '{success, data: {mode: "enforce" | "shadow"}}' },
    handle: setEnforcement,
  },
];

async function stop(exchange: Exchange, { services, limits }: RouteContext): Promise<Answer> {
  const body = await readObject(exchange, limits);
  const { addon_key: addonKey, organization_id: organizationId } = body;
  if (typeof addonKey !== "string" || addonKey === "") throw invalidBody("addon_key is required");
  if (organizationId !== undefined && typeof organizationId !== "string") {
    throw invalidBody("organization_id is a text, or absent");
  }
  return data({ stopped: services.operator.stop(addonKey, organizationId) });
}

async function setEnforcement(
  exchange: Exchange,
  { services, limits }: RouteContext,
): Promise<Answer> {
  const { mode } = await readObject(exchange, limits);
  const known = MODES.find((each) => each === mode);
  if (known === undefined) throw invalidBody(`mode is one of ${MODES.join(", ")}`);
  await services.operator.setEnforcement(known);
  return data({ mode: known });
}

async function readObject(
  exchange: Exchange,
  limits: RouteContext["limits"],
): Promise<Readonly<Record<string, Json>>> {
  // Border: what was parsed as JSON is JSON.
  const value = await readJson(exchange, limits) as Json;
  if (!isJsonObject(value)) throw invalidBody("the body is a JSON object");
  return value;
}

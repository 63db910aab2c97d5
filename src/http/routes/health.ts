/**
 * Probes: is the process alive, can it do its work. Neither tells more than a word per check.
 *
 * @module
 */

import { bare } from "../answer.ts";
import type { Answer } from "../answer.ts";
import type { Readiness } from "../http_services.ts";
import type { OpenRoute, RouteContext } from "../route.ts";

/** Routes of probes, outside `/api`. */
export const HEALTH_ROUTES: readonly OpenRoute[] = [
  {
    method: "GET",
    path: "/healthz",
    summary: "Tells that the process is alive.",
    access: "probe",
    answer: { status: 200, shape: '{status: "ok"}' },
    timeLimit: "probe",
    handle: () => Promise.resolve(bare({ status: "ok" })),
  },
  {
    method: "GET",
    path: "/readyz",
    summary: "Tells whether requests can be served: 200, or 503 with what failed.",
    access: "probe",
    answer: { status: 200, shape: '{ready: boolean, checks: Record<string, "ok" | "failed">}' },
    timeLimit: "probe",
    handle: (_exchange, context) => ready(context),
  },
];

async function ready(context: RouteContext): Promise<Answer> {
  if (context.stopping()) return notReady({ ready: false, checks: { running: "failed" } });
  let readiness: Readiness;
  try {
    readiness = await context.services.readiness();
  } catch (error) {
    context.services.logger.error("readiness could not be told", { error });
    readiness = { ready: false, checks: { readiness: "failed" } };
  }
  return readiness.ready ? bare(readiness) : notReady(readiness);
}

function notReady({ ready, checks }: Readiness): Answer {
  return {
    status: 503,
    body: JSON.stringify({ ready, checks }),
    headers: { "retry-after": "1" },
  };
}

/**
 * The HTTP surface. Every request takes the same way, which is this file read from the top: named,
 * counted, checked, routed, proven, answered within its time, logged.
 *
 * @module
 */

import { Hono } from "@hono/hono";
import type { KernelError } from "../base/error.ts";
import type { Answer } from "./answer.ts";
import { methodNotAllowed, routeNotFound, serverStopping } from "./errors.ts";
import { Exchange } from "./exchange.ts";
import { asKernelError, failureAnswer } from "./failure.ts";
import type { HttpApp, HttpServices } from "./http_services.ts";
import { completeLimits } from "./limits.ts";
import type { HttpLimits } from "./limits.ts";
import { AccessLog } from "./middleware/access_log.ts";
import { authenticate } from "./middleware/authenticate.ts";
import { CorsPolicy, publicPreflight } from "./middleware/cors.ts";
import { Deadlines } from "./middleware/deadlines.ts";
import { Gate } from "./middleware/gate.ts";
import { answerOnce } from "./middleware/idempotency.ts";
import { proveOperator } from "./middleware/operator.ts";
import { requestIdOf } from "./middleware/request_id.ts";
import { UploadSlots } from "./middleware/upload_slots.ts";
import { checkUrl } from "./middleware/url.ts";
import { respond } from "./respond.ts";
import type { Route, RouteContext } from "./route.ts";
import { RouteTree } from "./route_tree.ts";
import { ROUTES } from "./routes.ts";

/**
 * Makes the HTTP surface of a kernel.
 *
 * @param services what it speaks for, and its settings.
 * @returns the function that answers requests, and the way to stop.
 * @throws {KernelError} http.invalid_origin, http.invalid_limit — when a setting would not do what
 *   its writer meant.
 * @example
 * ```ts ignore
 * const app = createHttpApp(services);
 * Deno.serve((request, info) => app.fetch(request, { remoteAddress: info.remoteAddr.hostname }));
 * ```
 */
export function createHttpApp(services: HttpServices): HttpApp {
  const limits = completeLimits(services.limits);
  const gate = new Gate();
  const cors = new CorsPolicy(services.cors?.origins ?? []);
  const log = new AccessLog(services.logger, services.clock);
  const uploads = new UploadSlots(limits.concurrentUploads);
  const deadlines = new Deadlines(services.clock, lookEveryMs(limits));
  const stopping = () => gate.closed;
  const holdOpen = (work: Promise<unknown>) => {
    gate.enter();
    const leave = () => gate.leave();
    work.then(leave, leave);
  };
  const routes = mountRoutes({ services, limits, uploads, stopping, holdOpen }, deadlines);

  const fetch: HttpApp["fetch"] = async (request, info) => {
    const id = requestIdOf(request, services.ids);
    const exchange = new Exchange(request, id, services.clock.nowMs(), info?.remoteAddress);
    let error: KernelError | undefined;
    let response: Response;
    gate.enter();
    try {
      checkUrl(exchange, limits.urlLength);
      const preflight = routes.preflight(exchange) ?? cors.preflight(exchange);
      response = preflight === undefined ? await routes.answer(exchange) : respond(preflight, id);
    } catch (thrown) {
      error = asKernelError(thrown, request);
      const answer = failureAnswer(error, id);
      response = respond(request.method === "HEAD" ? { ...answer, body: null } : answer, id);
    } finally {
      gate.leave();
    }
    cors.permit(exchange, response);
    log.write(exchange, response.status, error);
    return response;
  };
  const drain = () => gate.drain().then(() => deadlines.close());
  return { fetch, drain };
}

/** Often enough for the shortest limit, and at most once a second. */
function lookEveryMs(limits: HttpLimits): number {
  return Math.min(1_000, limits.requestTimeoutMs, limits.uploadTimeoutMs, limits.probeTimeoutMs);
}

interface MountedRoutes {
  readonly answer: (exchange: Exchange) => Response | Promise<Response>;
  /** Answers what browsers ask before they read a file that anybody may have. */
  readonly preflight: (exchange: Exchange) => Answer | undefined;
}

function mountRoutes(context: RouteContext, deadlines: Deadlines): MountedRoutes {
  const tree = new RouteTree<never>();
  const open = new RouteTree<true>();
  const hono = new Hono<{ Bindings: Exchange }>({
    router: tree,
    getPath: (_request, options) => (options?.env as Exchange).path,
  });
  for (const route of ROUTES) {
    if (route.readableBy === "any origin") open.add("OPTIONS", route.path, true);
    const timeoutMs = timeoutOf(route, context.limits);
    hono.on(route.method, route.path, async (c) => {
      const exchange = c.env;
      exchange.routePath = route.path;
      exchange.readableBy = route.readableBy;
      exchange.params = c.req.param();
      const work = answerRoute(route, exchange, context);
      return respond(await deadlines.bound(work, exchange, timeoutMs), exchange.requestId);
    });
  }
  hono.notFound((c) => answerUnrouted(c.env, tree.methods(c.env.path)));
  // Failures become answers in one place, above.
  hono.onError((error) => {
    throw error;
  });
  return {
    answer: (exchange) => hono.fetch(exchange.request, exchange),
    preflight: ({ request, path }) => {
      if (request.method !== "OPTIONS" || open.match("OPTIONS", path)[0].length === 0) return;
      return publicPreflight();
    },
  };
}

async function answerRoute(
  route: Route,
  exchange: Exchange,
  context: RouteContext,
): Promise<Answer> {
  if (route.access === "probe") return await route.handle(exchange, context);
  if (context.stopping()) throw serverStopping();
  if (route.access === "public") return await route.handle(exchange, context);
  if (route.access === "operator") {
    proveOperator(exchange, context.services.operator.token);
    return await route.handle(exchange, context);
  }
  const isNobody = !exchange.request.headers.has("authorization");
  if (isNobody && route.access === "user" && route.answerToNobody !== undefined) {
    return route.answerToNobody(context);
  }
  const caller = await authenticate(exchange, context.services.auth);
  const answer = () => route.handle(exchange, context, caller);
  const given = route.access === "user" && route.repeatable === true
    ? await answerOnce(exchange, context, route, answer)
    : await answer();
  if (route.method !== "GET") context.services.changed?.(caller.organizationId);
  return given;
}

function timeoutOf(route: Route, limits: HttpLimits): number {
  if (route.timeLimit === "upload") return limits.uploadTimeoutMs;
  return route.timeLimit === "probe" ? limits.probeTimeoutMs : limits.requestTimeoutMs;
}

function answerUnrouted(exchange: Exchange, methods: readonly string[]): Response {
  const { method } = exchange.request;
  if (methods.length === 0) throw routeNotFound(method, exchange.path);
  if (method !== "OPTIONS") throw methodNotAllowed(method, exchange.path, methods);
  return respond(
    { status: 204, body: null, headers: { allow: methods.join(", ") } },
    exchange.requestId,
  );
}

/**
 * One line per request. The query is left out: it holds what people search for.
 *
 * @module
 */

import type { Clock } from "../../base/clock.ts";
import type { KernelError } from "../../base/error.ts";
import type { Logger } from "../../telemetry/log.ts";
import type { Exchange } from "../exchange.ts";

const MAX_PATH_LENGTH = 512;

/** Writes the lines. */
export class AccessLog {
  readonly #logger: Logger;
  readonly #clock: Clock;

  /**
   * Makes the log.
   *
   * @param logger takes the lines.
   * @param clock measures how long an answer took.
   */
  constructor(logger: Logger, clock: Clock) {
    this.#logger = logger;
    this.#clock = clock;
  }

  /**
   * Writes the line of an answered request: what was not meant to fail at level error with stack
   * and cause, other failures of the server at level warn, probes at level debug, the rest at info.
   *
   * @param exchange the request.
   * @param status of the answer.
   * @param error what failed, if something did.
   */
  write(exchange: Exchange, status: number, error: KernelError | undefined): void {
    const { caller } = exchange;
    const fields: Record<string, unknown> = {
      requestId: exchange.requestId,
      method: exchange.request.method,
      route: exchange.routePath,
      path: exchange.path.slice(0, MAX_PATH_LENGTH),
      status,
      durationMs: this.#clock.nowMs() - exchange.startMs,
      userId: caller?.userId,
      organizationId: caller?.organizationId,
    };
    if (error !== undefined) fields["code"] = error.code;
    if (error?.kind === "internal") this.#logger.error("request", { ...fields, error });
    else if (status >= 500) this.#logger.warn("request", { ...fields, error });
    else if (isProbe(exchange)) this.#logger.debug("request", fields);
    else this.#logger.info("request", fields);
  }
}

function isProbe(exchange: Exchange): boolean {
  return exchange.routePath === "/healthz" || exchange.routePath === "/readyz";
}

/**
 * What a route is: a description that programs can read (the README's reference and an OpenAPI
 * document come from it) and the function that answers.
 *
 * @module
 */

import type { UserCaller } from "../base/caller.ts";
import type { Answer } from "./answer.ts";
import type { Exchange } from "./exchange.ts";
import type { HttpServices } from "./http_services.ts";
import type { HttpLimits } from "./limits.ts";
import type { UploadSlots } from "./middleware/upload_slots.ts";

/** A body that a route reads. */
export interface BodyDescription {
  /** Media types that are understood. */
  readonly contentTypes: readonly string[];
  /** The value, in the notation of TypeScript types. */
  readonly shape: string;
}

/** A route as programs and people read it. */
export interface RouteDescription {
  readonly method: "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
  /**
   * Path with `:name` for variable segments, `*name` for the rest of it; letter case of the others
   * and a trailing slash do not count.
   */
  readonly path: string;
  readonly summary: string;
  /**
   * `public`: anybody; `user`: a valid token; `operator`: the operator's token; `probe`: anybody,
   * also while the server stops.
   */
  readonly access: "public" | "user" | "probe" | "operator";
  /** Permission that the service demands, with `<model>` where the path gives it. */
  readonly permission?: string;
  /** Names of the query's parameters. */
  readonly query?: readonly string[];
  readonly body?: BodyDescription;
  readonly answer: {
    readonly status: number;
    /** The value, in the notation of TypeScript types; absent where there is no body. */
    readonly shape?: string;
  };
  /** Which time limit holds. @default "request" */
  readonly timeLimit?: "request" | "upload" | "probe";
  /** Whether a client may send an `Idempotency-Key` and repeat the request safely. @default false */
  readonly repeatable?: boolean;
  /** Which pages of other origins may read the answer. @default those that the operator names */
  readonly readableBy?: "any origin";
}

/** What every route works with. */
export interface RouteContext {
  readonly services: HttpServices;
  readonly limits: HttpLimits;
  readonly uploads: UploadSlots;
  /** True once the server is stopping. */
  readonly stopping: () => boolean;
  /** Lets a stopping server wait for work that goes on after its answer has begun. */
  readonly holdOpen: (work: Promise<unknown>) => void;
}

/** A route that asks for no token. */
export interface OpenRoute extends RouteDescription {
  readonly access: "public" | "probe";
  readonly handle: (exchange: Exchange, context: RouteContext) => Promise<Answer>;
}

/** A route for a person who has proven who they are. */
export interface UserRoute extends RouteDescription {
  readonly access: "user";
  /**
   * Makes the answer of what the service gave, for a repeat whose first answer was never given; of
   * repeatable routes whose service keeps its result.
   */
  readonly answerOfResult?: (result: string) => Answer;
  /** The answer to whoever sends no token at all, on routes where that is no failure. */
  readonly answerToNobody?: (context: RouteContext) => Answer;
  readonly handle: (
    exchange: Exchange,
    context: RouteContext,
    caller: UserCaller,
  ) => Promise<Answer>;
}

/** A route for whoever runs the process. */
export interface OperatorRoute extends RouteDescription {
  readonly access: "operator";
  readonly handle: (exchange: Exchange, context: RouteContext) => Promise<Answer>;
}

/** Any route. */
export type Route = OpenRoute | UserRoute | OperatorRoute;

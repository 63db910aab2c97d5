/**
 * Answers of work that may take long, as server-sent events: where it stands, from its second second
 * on, then what a plain answer would have said. The work does not stop when nobody listens any more:
 * half an install is none, and whoever began it may look at its outcome later.
 *
 * @module
 */

import type { InstallProgress } from "../../addons/addon_service.ts";
import type { Answer } from "../answer.ts";
import type { Exchange } from "../exchange.ts";
import { asKernelError, failureAnswer } from "../failure.ts";
import type { RouteContext } from "../route.ts";

/** Told of each station. */
export type Tell = (progress: InstallProgress) => void;

/** Work that is quicker shows no stations: they would only flicker. */
const QUIET_MS = 1_000;
/** Proxies close connections on which nothing passes, commonly after 30 s and more. */
const HEARTBEAT_MS = 10_000;

const HEADERS = {
  "content-type": "text/event-stream; charset=utf-8",
  // A compressor, and a proxy's buffer, would hold events back.
  "cache-control": "no-store, no-transform",
  "x-accel-buffering": "no",
} as const;

/**
 * Does work and answers as the client asked: at the end, or with its progress.
 *
 * @param exchange the request; `Accept: text/event-stream` or `?progress=1` asks for events.
 * @param context the clock, the log, and what waits for the work when the server stops.
 * @param work called at once, exactly once; its answer is JSON.
 * @returns the work's answer, or the stream of events.
 */
export async function answerWithProgress(
  exchange: Exchange,
  context: RouteContext,
  work: (tell: Tell) => Promise<Answer>,
): Promise<Answer> {
  if (!wantsProgress(exchange)) return await work(() => {});
  const events = new EventStream(context.services.clock.nowMs);
  const ended = work((progress) => events.progress(progress)).then(
    (answer) => events.end("done", answer),
    (thrown) => {
      const error = asKernelError(thrown, exchange.request);
      const { logger } = context.services;
      const fields = { code: error.code, requestId: exchange.requestId, error };
      if (error.kind === "internal") logger.error("work with progress failed", fields);
      else logger.info("work with progress failed", fields);
      events.end("failed", failureAnswer(error, exchange.requestId));
    },
  );
  context.holdOpen(ended);
  return { status: 200, body: events.readable, headers: HEADERS };
}

function wantsProgress({ request, query }: Exchange): boolean {
  const accepted = request.headers.get("accept") ?? "";
  if (/(?:^|,)\s*text\/event-stream\s*(?:;|,|$)/i.test(accepted)) return true;
  return ["1", "true"].includes(query.get("progress") ?? "");
}

class EventStream {
  readonly readable: ReadableStream<Uint8Array>;
  readonly #nowMs: () => number;
  readonly #startMs: number;
  readonly #encoder = new TextEncoder();
  readonly #quiet: ReturnType<typeof setTimeout>;
  readonly #heartbeat: ReturnType<typeof setInterval>;
  #controller: ReadableStreamDefaultController<Uint8Array> | undefined;
  #latest: InstallProgress | undefined;
  #isQuiet = true;

  constructor(nowMs: () => number) {
    this.#nowMs = nowMs;
    this.#startMs = nowMs();
    this.readable = new ReadableStream({
      start: (controller) => {
        this.#controller = controller;
      },
      // The listener has gone; the work has not.
      cancel: () => this.#close(),
    });
    this.#quiet = setTimeout(() => this.#speakUp(), QUIET_MS);
    this.#heartbeat = setInterval(() => this.#send(":\n\n"), HEARTBEAT_MS);
  }

  progress(progress: InstallProgress): void {
    this.#latest = progress;
    if (this.#isQuiet) return;
    const { station, detail } = progress;
    const elapsed = Math.max(0, Math.round(this.#nowMs() - this.#startMs));
    this.#event("progress", { station, detail, elapsed_ms: elapsed });
  }

  /** Tells the outcome: the body of the plain answer, with the status it would have had. */
  end(event: "done" | "failed", answer: Answer): void {
    const body: object = typeof answer.body === "string" ? JSON.parse(answer.body) : {};
    this.#event(event, { ...body, http_status: answer.status });
    const controller = this.#controller;
    this.#close();
    controller?.close();
  }

  #speakUp(): void {
    this.#isQuiet = false;
    if (this.#latest !== undefined) this.progress(this.#latest);
  }

  #event(name: string, data: object): void {
    this.#send(`event: ${name}\ndata: ${JSON.stringify(data)}\n\n`);
  }

  #send(text: string): void {
    this.#controller?.enqueue(this.#encoder.encode(text));
  }

  #close(): void {
    this.#controller = undefined;
    clearTimeout(this.#quiet);
    clearInterval(this.#heartbeat);
  }
}

/**
 * Entry of a guest worker: takes the messages of the main thread. The order is fixed: walls tried,
 * scope emptied, module taken, invocations. The built text of this file is `guest_source.ts`.
 *
 * @module
 */

import { emptyScope, onEvent, send } from "./own_globals.ts";
import { describeFailure } from "./failure.ts";
import { Guest } from "./guest.ts";
import {
  type CallMessage,
  type FailedMessage,
  type FromWorker,
  type InitMessage,
  type InvokeMessage,
  type LoadMessage,
  type ReplyMessage,
  type ToWatchdog,
  type ToWorker,
  TRANSFER_BYTES,
  UNHEARD_EPOCHS,
  type WireArgument,
} from "./protocol.ts";
import { Scope } from "./scope.ts";
import { ring } from "./slots.ts";
import { StopState } from "./stop.ts";
import { findBreaches } from "./walls.ts";

const stop = new StopState();
const scope = new Scope(stop, ask);
let tellWatchdog: ((message: ToWatchdog) => void) | undefined;
let guest: Guest | undefined;
/** What the worker does; the next thing waits for it. */
let busy: Promise<void> | undefined;
let calls = 0;
let answer: ((reply: ReplyMessage) => void) | undefined;

onEvent("message", (event) => {
  // The only sender is the main thread.
  const message = (event as MessageEvent<ToWorker>).data;
  if (message.t === "reply") takeReply(message);
  else if (message.t === "invoke") inTurn(() => invoke(message));
  else if (message.t === "load") inTurn(() => load(message));
  else inTurn(() => init(message));
});

function inTurn(work: () => Promise<void>): void {
  const mine = busy === undefined ? work() : busy.then(work);
  const settled = mine.then(() => {
    if (busy === settled) busy = undefined;
  }, fail);
  busy = settled;
}

async function init(message: InitMessage): Promise<void> {
  if (tellWatchdog !== undefined) return;
  const { watchdog } = message;
  const bell = new Int32Array(message.bell);
  let unheard = 0;
  stop.attach(new Int32Array(message.stop));
  tellWatchdog = (sent) => {
    watchdog.postMessage(sent);
    unheard = (unheard + 1) % UNHEARD_EPOCHS;
    // A budget runs from now; buffers are heard when one is needed, but must not pile up.
    if (unheard === 0 || (typeof sent === "number" && sent > 0)) ring(bell);
  };
  watchdog.onmessage = () => stop.interrupt();
  const breaches = [...await findBreaches(), ...emptyScope().map((name) => `global ${name}`)];
  post({ t: "ready", breaches });
}

async function load(message: LoadMessage): Promise<void> {
  if (guest !== undefined || tellWatchdog === undefined) {
    return post(failedToLoad(new Error("a module was sent at the wrong time")));
  }
  try {
    guest = new Guest(message, scope, tellWatchdog);
  } catch (thrown) {
    return post(failedToLoad(thrown));
  }
  const failed = await guest.prepare();
  post(failed ?? { t: "loaded", memoryBytes: guest.memoryBytes, ...scope.log.take() });
}

function failedToLoad(thrown: unknown): FailedMessage {
  const { message } = describeFailure(thrown, undefined, "");
  return { t: "failed", id: 0, code: "instantiation_failed", message, spent: true, memoryBytes: 0 };
}

async function invoke(message: InvokeMessage): Promise<void> {
  if (guest === undefined) return fail(new Error("there is no module"));
  const result = await guest.invoke(message);
  if (result.t === "failed") {
    post(result);
    if (result.spent) return;
  } else if (result.output.length >= TRANSFER_BYTES) {
    post(result, [result.output.buffer as ArrayBuffer]);
  } else {
    post(result);
  }
  const failed = await guest.prepare();
  // A failing start shows in the next invocation, which tries again; a stop does not wait for it.
  if (failed !== undefined && stop.isStopped) post(failed);
}

function ask(name: string, args: readonly WireArgument[]): Promise<ReplyMessage> {
  const id = ++calls;
  return stop.wait<ReplyMessage>((resolve) => {
    answer = (reply) => {
      if (reply.id === id) resolve(reply);
    };
    const call: CallMessage = { t: "call", id, name, args, ...scope.log.take() };
    post(call, args.flatMap(transferable));
  });
}

function transferable(argument: WireArgument): Transferable[] {
  if (!(argument instanceof Uint8Array) || argument.length < TRANSFER_BYTES) return [];
  return [argument.buffer as ArrayBuffer];
}

function takeReply(reply: ReplyMessage): void {
  const take = answer;
  answer = undefined;
  take?.(reply);
}

function post(message: FromWorker, transfer?: Transferable[]): void {
  send(message, transfer);
}

/** What nobody expected: the main thread ends this worker. */
function fail(thrown: unknown): void {
  const message = thrown instanceof Error ? thrown.message : "unknown";
  post({ t: "failed", id: 0, code: "worker_failed", message, spent: true, memoryBytes: 0 });
}

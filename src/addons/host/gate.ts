/**
 * The gate that stands before every host function: budget and rate, capability, figures, and only
 * then the function, within what is left of the invocation's time. Nothing that the kernel throws
 * passes it as it is.
 *
 * @module
 */

import { KernelError } from "../../base/error.ts";
import type { HostCall, HostReply } from "../../sandbox/sandbox.ts";
import { sizeOf } from "./arguments.ts";
import type {
  CallBounds,
  FailureCodes,
  HostFunction,
  HostFunctionTable,
  HostInvocation,
  NeededRight,
} from "./host_function.ts";
import { Refusal } from "./refusal.ts";

/** What figures call a function that is in no table: its name is the guest's. */
const UNKNOWN = "unknown";

/**
 * Passes one call.
 *
 * @param table the functions of the guest's interface.
 * @param invocation who is calling, and what it has used.
 * @param call the call.
 * @returns the answer, a refusal included.
 * @throws {KernelError} addon.unknown_host_function — no such function is in the table.
 */
export async function passGate(
  table: HostFunctionTable,
  invocation: HostInvocation,
  call: HostCall,
): Promise<HostReply> {
  const startedMs = performance.now();
  const { figures } = invocation.services;
  const row = table.get(call.name);
  if (row === undefined) {
    figures.called(UNKNOWN, "denied", 0);
    throw new KernelError({
      code: "addon.unknown_host_function",
      kind: "unsupported",
      message: `the interface ${invocation.context.abi} has no host function ` +
        JSON.stringify(call.name.slice(0, 80)),
    });
  }
  let outcome = "ok";
  let reply: HostReply;
  try {
    reply = await admitted(row, invocation, call);
  } catch (thrown) {
    const refusal = thrown instanceof Refusal ? thrown : hidden(thrown, row, invocation, call);
    outcome = refusal.kind;
    reply = row.refuse(invocation)(refusal, Math.round(performance.now() - startedMs));
  }
  const durationMs = performance.now() - startedMs;
  invocation.budget.end(row.budget, "bytes" in reply ? reply.bytes.length : 0, durationMs);
  figures.called(call.name, outcome, durationMs);
  return reply;
}

async function admitted(
  row: HostFunction,
  invocation: HostInvocation,
  call: HostCall,
): Promise<HostReply> {
  refuseOverBounds(row, invocation, call);
  if (row.right !== undefined) refuseWithoutRight(invocation, row.right(invocation));
  const prepared = row.prepare(invocation, call);
  if (prepared.right !== undefined) refuseWithoutRight(invocation, prepared.right);
  return await withinTime(row, invocation, call, (bounds) => prepared.run(bounds));
}

function refuseOverBounds(row: HostFunction, invocation: HostInvocation, call: HostCall): void {
  const { budget, services, context } = invocation;
  const bytes = sizeOf(call);
  budget.begin(row.budget, bytes, row.codes?.budget);
  const { organizationId, addonKey } = context.subject;
  const { callsPerMinute, bytesPerMinute } = services.limits[row.budget];
  const key = `${organizationId}\n${addonKey}\n${row.budget}`;
  if (!services.rates.take(key, callsPerMinute)) {
    throw new Refusal(
      "rate_limited",
      `more than ${callsPerMinute} ${row.budget} calls in a minute`,
    );
  }
  if (services.rates.take(`${key}\nbytes`, bytesPerMinute, bytes)) return;
  throw new Refusal(
    "rate_limited",
    `more than ${bytesPerMinute} bytes in ${row.budget} calls within a minute`,
  );
}

function refuseWithoutRight({ context, services }: HostInvocation, right: NeededRight): void {
  const { subject } = context;
  if (services.enforcer.check(subject, right.kind, right.target)) return;
  const message = `addon "${subject.addonKey}" lacks ${right.kind} "${right.target.slice(0, 256)}"`;
  throw new Refusal("denied", message);
}

/** The function is told to stop, and not waited for when it does not. */
async function withinTime(
  row: HostFunction,
  { budget }: HostInvocation,
  call: HostCall,
  run: (bounds: CallBounds) => Promise<HostReply> | HostReply,
): Promise<HostReply> {
  const leftMs = Math.min(
    call.deadlineMs - performance.now(),
    budget.remainingMs(row.budget),
    row.maxTimeMs,
  );
  if (leftMs <= 0 || call.signal.aborted) throw tookTooLong(row.codes);
  const stop = new LazyStop();
  const work = run({
    timeoutMs: Math.ceil(leftMs),
    get signal() {
      return stop.signal;
    },
  });
  // What answers at once needs neither timer nor listener: they would cost more than the answer.
  if (!(work instanceof Promise)) return work;
  const late = Promise.withResolvers<never>();
  const expire = () => {
    late.reject(tookTooLong(row.codes));
    stop.abort();
  };
  const timer = setTimeout(expire, Math.ceil(leftMs));
  call.signal.addEventListener("abort", expire, { once: true });
  try {
    return await Promise.race([work, late.promise]);
  } finally {
    clearTimeout(timer);
    call.signal.removeEventListener("abort", expire);
  }
}

/** An abort signal that is made when somebody asks for it. */
class LazyStop {
  #controller: AbortController | undefined;
  #isAborted = false;

  get signal(): AbortSignal {
    // Asked for late, it has to say so.
    if (this.#isAborted) return AbortSignal.abort();
    this.#controller ??= new AbortController();
    return this.#controller.signal;
  }

  abort(): void {
    this.#isAborted = true;
    this.#controller?.abort();
  }
}

function tookTooLong(codes: FailureCodes | undefined): Refusal {
  return new Refusal("upstream", "the call took too long", codes?.timeout ?? "timeout");
}

/** What the kernel throws may name tables, addresses and secrets: it is logged, and the guest is not told. */
function hidden(
  thrown: unknown,
  row: HostFunction,
  { context, services }: HostInvocation,
  call: HostCall,
): Refusal {
  const { addonKey, installationId, organizationId, requestId } = context.subject;
  services.logger.error("a host function failed", {
    function: call.name,
    addon: addonKey,
    installation_id: installationId,
    organization_id: organizationId,
    request_id: requestId,
    error: thrown,
  });
  const message = `internal error; the kernel's log has it under request ${requestId}`;
  return new Refusal("internal", message, row.codes?.internal);
}

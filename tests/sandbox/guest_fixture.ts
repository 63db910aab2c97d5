/**
 * What the tests of guest workers share: modules from WebAssembly text through the real rewriter, a
 * worker with a module, invocations with a host that answers as told.
 *
 * @module
 */

import type { Abi, Target } from "../../src/sandbox/abi.ts";
import { inspectModule } from "../../src/sandbox/module/inspect.ts";
import { readModule, rewriteChecked } from "../../src/sandbox/module/instrument.ts";
import { startFunctions } from "../../src/sandbox/module/entry_points.ts";
import type {
  GuestLogLine,
  HostCall,
  HostPort,
  HostReply,
  Interrupt,
  Invocation,
  LoadedModule,
} from "../../src/sandbox/sandbox.ts";
import { WalledWorkers } from "../../src/sandbox/worker_source.ts";
import type { GuestWorker } from "../../src/sandbox/worker_port.ts";
import { assembleWat } from "../_support/guests/wat.ts";

/** Pages that guests of these tests may have. */
export const MEMORY_LIMIT_PAGES = 512;

/** Makes a module ready to run, as the kernel does after admission. */
export async function loadedFromWat(
  text: string,
  options: { readonly abi?: Abi; readonly interrupt?: Interrupt } = {},
): Promise<LoadedModule> {
  const { abi = "metacore/1", interrupt = "epoch" } = options;
  const bytes = await assembleWat(text);
  const info = inspectModule(bytes);
  const rewritten = rewriteChecked(readModule(bytes), {
    memoryLimitPages: MEMORY_LIMIT_PAGES,
    tableLimit: 100_000,
    interrupt,
  });
  return {
    module: await WebAssembly.compile(rewritten.bytes),
    abi,
    level: "1.3",
    startFunctions: startFunctions(info),
    imports: info.imports.map(({ module, name, type }) => ({
      module,
      name,
      parameters: type?.parameters ?? [],
      results: type?.results ?? [],
    })),
    interrupt,
    memoryLimitBytes: MEMORY_LIMIT_PAGES * 65_536,
    restorable: rewritten.restorable,
  };
}

/** A host that answers as told and remembers. */
export class FakeHost implements HostPort {
  readonly calls: HostCall[] = [];
  readonly lines: GuestLogLine[] = [];
  dropped = 0;
  /** How it answers. */
  constructor(readonly answer: (call: HostCall) => HostReply | Promise<HostReply> = nothing) {}

  async call(call: HostCall): Promise<HostReply> {
    this.calls.push(call);
    return await this.answer(call);
  }

  log(lines: readonly GuestLogLine[], dropped: number): void {
    this.lines.push(...lines);
    this.dropped += dropped;
  }
}

function nothing(): HostReply {
  return { nothing: true };
}

/** An invocation; what is not given has a harmless value. */
export function invocation(
  target: string | Target,
  given: Partial<Omit<Invocation, "target" | "input">> & { input?: string | Uint8Array } = {},
): Invocation {
  const { input = "", ...rest } = given;
  return {
    target: typeof target === "string" ? { kind: "export", name: target } : target,
    input: typeof input === "string" ? new TextEncoder().encode(input) : input,
    organizationId: "org-1",
    timeoutMs: 5_000,
    host: new FakeHost(),
    ...rest,
  };
}

/** Runs with workers, and ends them all. */
export async function withWorkers(
  run: (start: (loaded: LoadedModule) => Promise<GuestWorker>) => Promise<void>,
  source: WalledWorkers = new WalledWorkers(),
): Promise<void> {
  const workers: GuestWorker[] = [];
  try {
    await run(async (loaded) => {
      const worker = await source.start();
      workers.push(worker);
      await worker.load(loaded);
      return worker;
    });
  } finally {
    await Promise.all(workers.map((worker) => worker.close()));
    await source.close();
  }
}

/** Text of an output. */
export function textOf(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes);
}

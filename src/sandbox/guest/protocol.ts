/**
 * Messages between the main thread and a guest worker, and between a guest worker and the watchdog.
 * Types and bounds only; what comes out of a worker is checked by `worker_messages.ts` outside.
 *
 * @module
 */

/** First message: what the worker needs before it may answer. */
export interface InitMessage {
  readonly t: "init";
  /** One `Int32Array` word: not zero once the worker has to stop for good. */
  readonly stop: SharedArrayBuffer;
  /** To the watchdog: buffers of epochs and preparation budgets out, {@link STOPPED} in. */
  readonly watchdog: MessagePort;
  /** Wakes the watchdog, which looks at its ports only when it is awake. */
  readonly bell: SharedArrayBuffer;
}

/** Gives the worker its module, once. */
export interface LoadMessage {
  readonly t: "load";
  readonly module: WebAssembly.Module;
  readonly abi: "metacore/1" | "gonext/1";
  readonly startFunctions: readonly string[];
  readonly imports: readonly ImportDeclaration[];
  readonly interrupt: "epoch" | "counter" | "both";
  readonly memoryLimitBytes: number;
  /** How instances can be set back: the globals that are exported for it. */
  readonly restorable?: { readonly globals: number } | undefined;
  /** For start functions while no invocation runs, in milliseconds. */
  readonly prepareMs: number;
}

/** A function import as the module declares it. */
export interface ImportDeclaration {
  readonly module: string;
  readonly name: string;
  readonly parameters: readonly string[];
  readonly results: readonly string[];
}

/** Runs the guest. */
export interface InvokeMessage {
  readonly t: "invoke";
  readonly id: number;
  readonly kind: "export" | "hook" | "job";
  readonly name: string;
  readonly input: Uint8Array;
  readonly organizationId: string;
  /** What is left, in milliseconds. */
  readonly timeoutMs: number;
  /** CPU budget in checks. */
  readonly fuel?: number | undefined;
}

/** Answers a host call. */
export interface ReplyMessage {
  readonly t: "reply";
  readonly id: number;
  readonly bytes?: Uint8Array | undefined;
  readonly status?: number | bigint | undefined;
  /** The host function failed: the invocation ends. */
  readonly failed?: true;
}

/** What the main thread sends. */
export type ToWorker = InitMessage | LoadMessage | InvokeMessage | ReplyMessage;

/** Log lines that ride along; absent when there are none. */
export interface LogPart {
  /** Level and text of each line. */
  readonly lines?: readonly (readonly [level: number, text: string])[];
  /** Lines that were over a bound. */
  readonly dropped?: number;
}

/** The walls have been tried. */
export interface ReadyMessage {
  readonly t: "ready";
  /** What could be done that must not be possible; empty in a sound worker. */
  readonly breaches: readonly string[];
}

/** The module is in place. */
export interface LoadedMessage extends LogPart {
  readonly t: "loaded";
  readonly memoryBytes: number;
}

/** What a guest hands to a host function; see `HostArgument` of the port. */
export type WireArgument = Uint8Array | number | bigint | "unreadable" | "too_large";

/** A guest waits for a host function. */
export interface CallMessage extends LogPart {
  readonly t: "call";
  readonly id: number;
  /** Module and name of the import. */
  readonly name: string;
  readonly args: readonly WireArgument[];
}

/** An invocation has ended well. */
export interface DoneMessage extends LogPart {
  readonly t: "done";
  readonly id: number;
  readonly output: Uint8Array;
  readonly memoryBytes: number;
  readonly fuelUsed?: number | undefined;
  /** Organization of the instance that is kept. */
  readonly keptFor?: string | undefined;
}

/** How an invocation, or the loading of a module, has failed. */
export type FailureCode =
  | "instantiation_failed"
  | "trap"
  | "stopped"
  | "timeout"
  | "fuel_exhausted"
  | "out_of_memory"
  | "missing_export"
  | "unknown_target"
  | "bad_payload"
  | "bad_result"
  | "payload_too_large"
  | "guest_error"
  | "worker_failed";

/** Something has failed. */
export interface FailedMessage extends LogPart {
  readonly t: "failed";
  /** Of the invocation; 0 for the loading of the module. */
  readonly id: number;
  readonly code: FailureCode;
  /** Normalised word, of traps. */
  readonly reason?: string | undefined;
  readonly message: string;
  /** Of the engine, for symbols. */
  readonly stack?: string | undefined;
  /** What the guest itself said before it trapped. */
  readonly guestMessage?: string | undefined;
  /** Code that ran to a trap: the worker is not used again. */
  readonly spent: boolean;
  readonly memoryBytes: number;
}

/** What a worker sends. */
export type FromWorker = ReadyMessage | LoadedMessage | CallMessage | DoneMessage | FailedMessage;

/** From the watchdog to a worker: the stop word is set, look at it. */
export const STOPPED = 1;

/**
 * From a worker to the watchdog: the buffer of a new instance's epoch, which replaces the one before;
 * or for how many milliseconds the worker may prepare from now, 0 for "prepared".
 */
export type ToWatchdog = SharedArrayBuffer | number;

/** How many buffers of epochs may wait for the watchdog before it is woken for them. */
export const UNHEARD_EPOCHS = 16;

/** Bytes from which a buffer is handed over instead of copied (measured: less takes longer that way). */
export const TRANSFER_BYTES = 16_384;

/** Most bytes of a name of a hook, job or export. */
export const MAX_NAME_BYTES = 256;

/** Most bytes of a result, by interface. */
export const MAX_OUTPUT_BYTES = { "metacore/1": 8_388_608, "gonext/1": 1_048_576 } as const;

/** Most bytes of an input, by interface; the guest's memory bounds it as well. */
export const MAX_INPUT_BYTES = { "metacore/1": 8_388_608, "gonext/1": 1_048_576 } as const;

/**
 * How much an invocation, and an addon within an organization, may ask of the kernel
 * (contract/two_abis.md §5). The figures; counting is in `budget.ts` and `rate.ts`.
 *
 * @module
 */

/** What is counted together. */
export type BudgetKind =
  | "http"
  | "db_read"
  | "db_write"
  | "event"
  | "kv"
  | "secret"
  | "audit"
  | "schedule"
  | "metric"
  | "setting"
  | "lookup";

/** Bounds of one kind. */
export interface BudgetLimit {
  /** Calls of one invocation. */
  readonly calls: number;
  /** Bytes that the calls of one invocation hand over; of `http`, reads and lookups, answers too. */
  readonly bytes: number;
  /** Time inside such calls during one invocation, in milliseconds. */
  readonly timeMs: number;
  /** Calls of one addon in one organization within a minute, over all its invocations. */
  readonly callsPerMinute: number;
  /** Bytes that those calls hand over. */
  readonly bytesPerMinute: number;
}

/** Bounds of every kind. */
export type HostLimits = Readonly<Record<BudgetKind, BudgetLimit>>;

const MIB = 1024 * 1024;

/** Bounds where an operator set no others. */
export const DEFAULT_HOST_LIMITS: HostLimits = {
  http: {
    calls: 8,
    bytes: 64 * MIB,
    timeMs: 120_000,
    callsPerMinute: 60,
    bytesPerMinute: 256 * MIB,
  },
  db_read: {
    calls: 32,
    bytes: 64 * MIB,
    timeMs: 30_000,
    callsPerMinute: 6_000,
    bytesPerMinute: 128 * MIB,
  },
  db_write: {
    calls: 32,
    bytes: 16 * MIB,
    timeMs: 30_000,
    callsPerMinute: 3_000,
    bytesPerMinute: 128 * MIB,
  },
  event: {
    calls: 64,
    bytes: 4 * MIB,
    timeMs: 30_000,
    callsPerMinute: 3_000,
    bytesPerMinute: 16 * MIB,
  },
  kv: { calls: 64, bytes: MIB, timeMs: 30_000, callsPerMinute: 6_000, bytesPerMinute: 32 * MIB },
  secret: { calls: 32, bytes: MIB, timeMs: 10_000, callsPerMinute: 1_000, bytesPerMinute: 4 * MIB },
  audit: { calls: 32, bytes: MIB, timeMs: 10_000, callsPerMinute: 1_000, bytesPerMinute: 4 * MIB },
  schedule: { calls: 8, bytes: 16_384, timeMs: 10_000, callsPerMinute: 60, bytesPerMinute: MIB },
  metric: {
    calls: 256,
    bytes: MIB,
    timeMs: 10_000,
    callsPerMinute: 30_000,
    bytesPerMinute: 32 * MIB,
  },
  setting: {
    calls: 256,
    bytes: MIB,
    timeMs: 10_000,
    callsPerMinute: 60_000,
    bytesPerMinute: 32 * MIB,
  },
  lookup: {
    calls: 64,
    bytes: 4 * MIB,
    timeMs: 30_000,
    callsPerMinute: 3_000,
    bytesPerMinute: 32 * MIB,
  },
};

/**
 * The latest trap reports of each organization and addon, in memory, bounded: an addon that traps
 * without end pushes out its own reports first. Who may read them is decided elsewhere.
 *
 * @module
 */

import type { TrapReport } from "./trap_report.ts";

const MAX_EACH = 50;
const MAX_ALL = 5_000;

/** Bounds of a ring. */
export interface TrapRingLimits {
  /** Reports of one addon in one organization. @default 50 */
  readonly maxEach?: number;
  /** Reports of all. @default 5,000 */
  readonly maxAll?: number;
}

/** Keeps reports. */
export class TrapRing {
  readonly #maxEach: number;
  readonly #maxAll: number;
  /** Oldest first; who trapped last is at the end. */
  readonly #rings = new Map<string, TrapReport[]>();
  #size = 0;

  /**
   * Creates an empty ring.
   *
   * @param limits how many reports are kept, each 1 and up.
   */
  constructor({ maxEach = MAX_EACH, maxAll = MAX_ALL }: TrapRingLimits = {}) {
    this.#maxEach = maxEach;
    this.#maxAll = maxAll;
  }

  /** Reports kept. */
  get size(): number {
    return this.#size;
  }

  /** Keeps a report. */
  add(report: TrapReport): void {
    const key = keyOf(report.organizationId, report.addonKey);
    const ring = this.#rings.get(key) ?? [];
    this.#rings.delete(key);
    this.#rings.set(key, ring);
    ring.push(report);
    this.#size++;
    if (ring.length > this.#maxEach) this.#dropOldest(key, ring);
    if (this.#size <= this.#maxAll) return;
    const [quietest] = this.#rings;
    if (quietest !== undefined) this.#dropOldest(...quietest);
  }

  /**
   * Lists reports.
   *
   * @param organizationId whose; nobody sees another's.
   * @param addonKey of which addon.
   * @returns the newest first.
   */
  list(organizationId: string, addonKey: string): TrapReport[] {
    return (this.#rings.get(keyOf(organizationId, addonKey)) ?? []).toReversed();
  }

  #dropOldest(key: string, ring: TrapReport[]): void {
    ring.shift();
    this.#size--;
    if (ring.length === 0) this.#rings.delete(key);
  }
}

/** Ids hold no line break, so two parts cannot be read as two others. */
function keyOf(organizationId: string, addonKey: string): string {
  return `${organizationId}\n${addonKey}`;
}

/**
 * The dam before guests' metrics (contract/gonext.md §2.2): at most 1,000 distinct values for each
 * addon, metric and tag key. It bounds names, keys and their combinations too, which the contract
 * leaves open: a guest could fill the process's memory with them.
 *
 * @module
 */

/** Most distinct values of a tag key, and most combinations of tags of one metric. */
const MAX_VALUES = 1_000;
/** Most metrics of an addon. */
const MAX_METRICS = 100;
/** Most tag keys of a metric. */
const MAX_KEYS = 16;
/** Most combinations over all metrics of an addon. */
const MAX_SERIES = 5_000;

interface Metric {
  readonly values: Map<string, Set<string>>;
  readonly series: Set<string>;
}

interface Addon {
  readonly metrics: Map<string, Metric>;
  series: number;
}

/** What there is too much of. */
interface Excess {
  /** Tag key, or another word. */
  readonly tag: string;
  /** Most there may be. */
  readonly limit: number;
}

/** What the dam says to an observation. */
export type DamVerdict =
  | {
    readonly admitted: true;
    /** Known values in a combination too many are counted without their tags. */
    readonly tags: "kept" | "left out";
  }
  | (Excess & {
    readonly admitted: false;
    /** Whether this is the first refusal for this addon, metric and tag. */
    readonly isFirst: boolean;
  });

/** Admits observations. */
export class MetricDam {
  readonly #addons = new Map<string, Addon>();
  readonly #reported = new Set<string>();

  /**
   * Admits an observation with all of its tags, or changes nothing. A value that was admitted once
   * always is.
   *
   * @param addonKey whose.
   * @param metric its metric.
   * @param tags tags by key; empty values are not counted.
   * @returns whether it is admitted, and what there would be too much of.
   */
  admit(addonKey: string, metric: string, tags: ReadonlyMap<string, string>): DamVerdict {
    const addon = this.#addons.get(addonKey) ?? { metrics: new Map(), series: 0 };
    const standing = addon.metrics.get(metric) ?? { values: new Map(), series: new Set() };
    const counted = [...tags].filter(([, value]) => value !== "").sort(byKey);
    const series = JSON.stringify(counted);
    if (standing.series.has(series)) return KEPT;
    const excess = excessOf(addon, metric, standing, counted);
    if (excess !== undefined) {
      const isKnown = addon.metrics.has(metric) &&
        counted.every(([key, value]) => standing.values.get(key)?.has(value));
      return isKnown ? LEFT_OUT : this.#report(addonKey, metric, excess);
    }
    this.#addons.set(addonKey, addon);
    addon.metrics.set(metric, standing);
    addon.series++;
    standing.series.add(series);
    for (const [key, value] of counted) {
      const values = standing.values.get(key) ?? new Set();
      standing.values.set(key, values.add(value));
    }
    return KEPT;
  }

  /**
   * Forgets what an addon used.
   *
   * @param addonKey whose.
   */
  forget(addonKey: string): void {
    this.#addons.delete(addonKey);
    for (const key of this.#reported) {
      if (key.startsWith(`${addonKey}\n`)) this.#reported.delete(key);
    }
  }

  #report(addonKey: string, metric: string, found: Excess): DamVerdict {
    const key = `${addonKey}\n${metric}\n${found.tag}`;
    // Names are the guest's: what has been reported is bounded like what has been admitted.
    const isFirst = !this.#reported.has(key) && this.#reported.size < MAX_SERIES;
    if (isFirst) this.#reported.add(key);
    return { ...found, admitted: false, isFirst };
  }
}

const KEPT: DamVerdict = { admitted: true, tags: "kept" };
const LEFT_OUT: DamVerdict = { admitted: true, tags: "left out" };

function excessOf(
  addon: Addon,
  name: string,
  metric: Metric,
  tags: readonly (readonly [string, string])[],
): Excess | undefined {
  if (!addon.metrics.has(name) && addon.metrics.size >= MAX_METRICS) {
    return { tag: "metrics", limit: MAX_METRICS };
  }
  for (const [key, value] of tags) {
    const values = metric.values.get(key);
    if (values !== undefined && !values.has(value) && values.size >= MAX_VALUES) {
      return { tag: key, limit: MAX_VALUES };
    }
  }
  const keys = new Set([...metric.values.keys(), ...tags.map(([key]) => key)]);
  if (keys.size > MAX_KEYS) return { tag: "keys", limit: MAX_KEYS };
  if (metric.series.size >= MAX_VALUES) return { tag: "combinations", limit: MAX_VALUES };
  if (addon.series >= MAX_SERIES) return { tag: "combinations", limit: MAX_SERIES };
  return undefined;
}

function byKey(a: readonly [string, string], b: readonly [string, string]): number {
  return a[0] < b[0] ? -1 : a[0] > b[0] ? 1 : 0;
}

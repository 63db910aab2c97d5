/**
 * Counters, gauges and histograms as their users see them. `metrics_registry.ts` keeps them,
 * `metrics_text.ts` prints them.
 *
 * @module
 */

/** Values of a metric's labels by name. */
export type Labels = Readonly<Record<string, string>>;

/** A count that only rises. */
export interface Counter {
  add(labels?: Labels, amount?: number): void;
}

/** A value that rises and falls. */
export interface Gauge {
  set(value: number, labels?: Labels): void;
}

/** A distribution. */
export interface Histogram {
  observe(value: number, labels?: Labels): void;
}

/** Makes metrics and prints them. */
export interface Metrics {
  /** @param help one sentence. Asking twice for one name gives the same metric. */
  counter(name: string, help: string): Counter;
  gauge(name: string, help: string): Gauge;
  /** @param buckets upper bounds, rising. */
  histogram(name: string, help: string, buckets: readonly number[]): Histogram;
  /** Everything in text form. */
  text(): string;
}

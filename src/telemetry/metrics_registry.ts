/**
 * Keeps metrics in memory and prints them. A metric holds a bounded number of series: what comes
 * beyond it is counted in one series whose labels say `_overflow`, so that no caller and no guest can
 * fill the memory with label values.
 *
 * @module
 */

import type { Counter, Gauge, Histogram, Labels, Metrics } from "./metrics.ts";
import {
  type HistogramSeries,
  histogramText,
  labelsText,
  metricHeader,
  numberText,
} from "./metrics_text.ts";

/** How metrics are made. */
export interface MetricsOptions {
  /** Series one metric may have, 1 or more. @default 1,000 */
  readonly maxSeries?: number;
}

/** Value of every label of the series that takes what is too much. */
const OVERFLOW = "_overflow";
const DEFAULT_MAX_SERIES = 1_000;
const MAX_VALUE_LENGTH = 128;
/** Different sets of label names that overflow apart. */
const MAX_OVERFLOWS = 8;
const NAME = /^[a-zA-Z_:][a-zA-Z0-9_:]*$/;
const NO_LABELS: Labels = {};

type Kind = "counter" | "gauge" | "histogram";

interface Metric {
  readonly kind: Kind;
  readonly help: string;
  /** What was given back when it was made. */
  readonly handle: Counter | Gauge | Histogram;
  /** Its lines, without the header. */
  lines(name: string): string[];
}

/**
 * Makes an empty registry.
 *
 * @param options bounds.
 * @returns the registry.
 */
export function createMetrics(options: MetricsOptions = {}): Metrics {
  return new Registry(options.maxSeries ?? DEFAULT_MAX_SERIES);
}

class Registry implements Metrics {
  readonly #maxSeries: number;
  readonly #metrics = new Map<string, Metric>();

  constructor(maxSeries: number) {
    this.#maxSeries = maxSeries;
  }

  counter(name: string, help: string): Counter {
    return this.#numbers(name, help, "counter", (series): Counter => ({
      add: (labels = NO_LABELS, amount = 1) => {
        // A count never falls; NaN would make it useless for ever.
        if (amount > 0) series.at(labels).value += amount;
      },
    }));
  }

  gauge(name: string, help: string): Gauge {
    return this.#numbers(name, help, "gauge", (series): Gauge => ({
      set: (value, labels = NO_LABELS) => {
        series.at(labels).value = value;
      },
    }));
  }

  histogram(name: string, help: string, buckets: readonly number[]): Histogram {
    const bounds = Float64Array.from(buckets);
    return this.#make(name, help, "histogram", () => {
      const series = new SeriesMap<HistogramSeries>(this.#maxSeries, (labels) => ({
        labels,
        counts: new Float64Array(bounds.length + 1),
        sum: 0,
      }));
      const handle: Histogram = {
        observe: (value, labels = NO_LABELS) => {
          if (Number.isNaN(value)) return;
          const found = series.at(labels);
          let at = 0;
          while (at < bounds.length && value > bounds[at]!) at++;
          found.counts[at]! += 1;
          found.sum += value;
        },
      };
      return { handle, lines: (shown) => series.map((one) => histogramText(shown, bounds, one)) };
    });
  }

  text(): string {
    const parts = [...this.#metrics].map(([name, { kind, help, lines }]) =>
      [metricHeader(name, help, kind), ...lines(name)].join("\n")
    );
    return parts.length === 0 ? "" : `${parts.join("\n")}\n`;
  }

  #numbers<Handle extends Counter | Gauge>(
    name: string,
    help: string,
    kind: "counter" | "gauge",
    make: (series: SeriesMap<{ readonly labels: Labels; value: number }>) => Handle,
  ): Handle {
    return this.#make(name, help, kind, () => {
      const series = new SeriesMap(this.#maxSeries, (labels) => ({ labels, value: 0 }));
      const lines = (shown: string) =>
        series.map(({ labels, value }) => `${shown}${labelsText(labels)} ${numberText(value)}`);
      return { handle: make(series), lines };
    });
  }

  #make<Handle extends Counter | Gauge | Histogram>(
    name: string,
    help: string,
    kind: Kind,
    make: () => { readonly handle: Handle; readonly lines: Metric["lines"] },
  ): Handle {
    if (!NAME.test(name)) throw new TypeError(`${JSON.stringify(name)} is no name of a metric`);
    const known = this.#metrics.get(name);
    if (known === undefined) {
      const made = make();
      this.#metrics.set(name, { kind, help, ...made });
      return made.handle;
    }
    if (known.kind !== kind) throw new TypeError(`metric ${name} is a ${known.kind} already`);
    // Border: the kind decides the handle's type, and it was compared above.
    return known.handle as Handle;
  }
}

/** Series of one metric by the values of their labels. */
class SeriesMap<Series> {
  readonly #limit: number;
  readonly #make: (labels: Labels) => Series;
  readonly #byLabels = new Map<string, Series>();
  /** Labels as objects: callers on hot paths give the same object again and again. */
  readonly #byObject = new WeakMap<Labels, Series>();

  constructor(limit: number, make: (labels: Labels) => Series) {
    this.#limit = limit;
    this.#make = make;
  }

  at(labels: Labels): Series {
    const known = this.#byObject.get(labels);
    if (known !== undefined) return known;
    const found = this.#find(labels);
    // A frozen object cannot come to mean another series.
    if (Object.isFrozen(labels)) this.#byObject.set(labels, found);
    return found;
  }

  map<T>(text: (series: Series) => T): T[] {
    return [...this.#byLabels.values()].map(text);
  }

  #find(labels: Labels): Series {
    const names = Object.keys(labels).sort();
    const valueOf = (name: string) => labels[name]!.slice(0, MAX_VALUE_LENGTH);
    let key = "";
    // The length before each value keeps two lists of values from reading alike. Values that are
    // equal where they are cut are printed alike, so they are one series.
    for (const name of names) key += `${name}=${valueOf(name).length}:${valueOf(name)},`;
    const known = this.#byLabels.get(key);
    if (known !== undefined) return known;
    if (this.#byLabels.size < this.#limit) {
      return this.#add(key, names, valueOf);
    }
    const overflow = `${OVERFLOW} ${names.join(",").slice(0, MAX_VALUE_LENGTH)}`;
    return this.#byLabels.get(overflow) ?? this.#addOverflow(overflow, names);
  }

  /** Names are the kernel's own and few; should they not be, one series takes it all. */
  #addOverflow(key: string, names: readonly string[]): Series {
    if (this.#byLabels.size < this.#limit + MAX_OVERFLOWS) {
      return this.#add(key, names, () => OVERFLOW);
    }
    return this.#byLabels.get(OVERFLOW) ?? this.#add(OVERFLOW, ["labels"], () => OVERFLOW);
  }

  #add(key: string, names: readonly string[], value: (name: string) => string): Series {
    const series = this.#make(Object.fromEntries(names.map((name) => [name, value(name)])));
    this.#byLabels.set(key, series);
    return series;
  }
}

/**
 * Figures about host functions: how often each was called with what outcome, and how long it took.
 *
 * @module
 */

import type { Metrics } from "../../telemetry/metrics.ts";

/** Takes figures. */
export interface HostFigures {
  /**
   * Counts a call.
   *
   * @param name name of the function, of a closed set.
   * @param outcome `ok` or the kernel's word for a refusal.
   * @param durationMs from the gate to the answer.
   */
  called(name: string, outcome: string, durationMs: number): void;
  /** Counts log lines that were over a bound and are gone. */
  linesDropped(addonKey: string, count: number): void;
  /** Takes a guest's own observation; its labels have passed the dam. */
  observed(addonKey: string, labels: Readonly<Record<string, string>>, value: number): void;
  /** Counts an observation that the dam refused. */
  observationRefused(addonKey: string): void;
}

const CALL_SECONDS = [1e-5, 5e-5, 1e-4, 5e-4, 1e-3, 5e-3, 0.01, 0.05, 0.1, 0.5, 1, 5];
const VALUES = [0.001, 0.01, 0.1, 1, 10, 100, 1_000, 10_000, 100_000, 1_000_000];

/**
 * Makes the figures.
 *
 * @param metrics where they are shown.
 * @returns the figures.
 */
export function createHostFigures(metrics: Metrics): HostFigures {
  const calls = metrics.counter(
    "metacore_host_calls_total",
    "Calls of host functions by addon code",
  );
  const seconds = metrics.histogram(
    "metacore_host_call_duration_seconds",
    "Time inside host functions",
    CALL_SECONDS,
  );
  const dropped = metrics.counter(
    "metacore_addon_log_lines_dropped_total",
    "Log lines of addon code that were over a bound",
  );
  const refused = metrics.counter(
    "metacore_addon_metric_cardinality_exceeded_total",
    "Observations of addon code that were refused for too many label values",
  );
  // A metric of its own for each addon: the series of one metric are bounded, and one addon's must
  // not use up another's. The colon keeps an addon's key from making up a kernel's name.
  const observationsOf = (addonKey: string) => ({
    values: metrics.histogram(
      `metacore_guest:${addonKey}`,
      "Observations that the addon's code made",
      VALUES,
    ),
    last: metrics.gauge(
      `metacore_guest_last:${addonKey}`,
      "Last observation that the addon's code made",
    ),
  });
  return {
    called: (name, outcome, durationMs) => {
      calls.add({ function: name, outcome });
      seconds.observe(durationMs / 1000, { function: name });
    },
    linesDropped: (addonKey, count) => dropped.add({ addon: addonKey }, count),
    observed: (addonKey, labels, value) => {
      const { values, last } = observationsOf(addonKey);
      values.observe(value, labels);
      last.set(value, labels);
    },
    observationRefused: (addonKey) => refused.add({ addon: addonKey }),
  };
}

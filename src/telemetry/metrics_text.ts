/**
 * The text form of metrics: Prometheus exposition format 0.0.4. It keeps nothing.
 *
 * @module
 */

import type { Labels } from "./metrics.ts";

/** Content type of the text form. */
export const METRICS_CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8";

/** One series of a histogram. */
export interface HistogramSeries {
  readonly labels: Labels;
  /** Observations by bucket, not summed up; the last is everything above the last bound. */
  readonly counts: Float64Array;
  sum: number;
}

/**
 * The two lines above a metric's series.
 *
 * @param name its name.
 * @param help one sentence.
 * @param kind counter, gauge or histogram.
 * @returns `# HELP` and `# TYPE`.
 */
export function metricHeader(name: string, help: string, kind: string): string {
  const text = help.replaceAll("\\", "\\\\").replaceAll(/\r?\n|\r/g, "\\n");
  return `# HELP ${name} ${text}\n# TYPE ${name} ${kind}`;
}

/**
 * Labels in braces.
 *
 * @param labels names and values, of any characters.
 * @returns such as `{kind="db:read"}`, or nothing where there are none.
 */
export function labelsText(labels: Labels): string {
  // Two names may come out alike; the format knows a name once only, and the last one is the host's.
  const values = new Map(Object.entries(labels).map(([name, value]) => [labelName(name), value]));
  const pairs = [...values].map(([name, value]) => `${name}="${escaped(value)}"`);
  return pairs.length === 0 ? "" : `{${pairs.join(",")}}`;
}

/** A number as the format writes it. */
export function numberText(value: number): string {
  if (Number.isNaN(value)) return "NaN";
  if (Number.isFinite(value)) return String(value);
  return value > 0 ? "+Inf" : "-Inf";
}

/**
 * The lines of one series of a histogram.
 *
 * @param name the metric's name.
 * @param bounds upper bounds of the buckets, rising.
 * @param series the series.
 * @returns its buckets summed up, sum and count.
 */
export function histogramText(
  name: string,
  bounds: Float64Array,
  { labels, counts, sum }: HistogramSeries,
): string {
  const lines: string[] = [];
  let total = 0;
  for (const [at, count] of counts.entries()) {
    total += count;
    const le = numberText(bounds[at] ?? Infinity);
    lines.push(`${name}_bucket${labelsText({ ...labels, le })} ${total}`);
  }
  const shown = labelsText(labels);
  return [...lines, `${name}_sum${shown} ${numberText(sum)}`, `${name}_count${shown} ${total}`]
    .join("\n");
}

/** Guests name labels of their own metrics: what the format does not allow becomes `_`. */
function labelName(name: string): string {
  const plain = name.replace(/[^a-zA-Z0-9_]/g, "_");
  return /^[a-zA-Z_]/.test(plain) ? plain : `_${plain}`;
}

function escaped(value: string): string {
  return value.toWellFormed().replaceAll("\\", "\\\\").replaceAll('"', '\\"')
    .replaceAll(/\r?\n|\r/g, "\\n");
}

import assert from "node:assert/strict";
import fc from "fast-check";
import { createMetrics } from "../../src/telemetry/metrics_registry.ts";

Deno.test("metrics: the text form is that of Prometheus", () => {
  const metrics = createMetrics();
  assert.equal(metrics.text(), "");
  const requests = metrics.counter("requests_total", "Requests\nby \\ outcome");
  requests.add();
  requests.add({ b: "x", a: 'quote " back \\ line\nend' }, 2);
  requests.add({ a: 'quote " back \\ line\nend', b: "x" }, 3);
  requests.add({}, -1);
  requests.add({}, NaN);
  metrics.gauge("temperature", "Now").set(-1.5, { room: "a" });
  metrics.gauge("temperature", "Now").set(Infinity, { room: "b" });
  const seconds = metrics.histogram("seconds", "Time", [0.1, 1]);
  for (const value of [0.05, 0.1, 0.5, 7, NaN]) seconds.observe(value, { le: "guest's", k: "v" });
  assert.equal(
    metrics.text(),
    [
      "# HELP requests_total Requests\\nby \\\\ outcome",
      "# TYPE requests_total counter",
      "requests_total 1",
      'requests_total{a="quote \\" back \\\\ line\\nend",b="x"} 5',
      "# HELP temperature Now",
      "# TYPE temperature gauge",
      'temperature{room="a"} -1.5',
      'temperature{room="b"} +Inf',
      "# HELP seconds Time",
      "# TYPE seconds histogram",
      'seconds_bucket{k="v",le="0.1"} 2',
      'seconds_bucket{k="v",le="1"} 3',
      'seconds_bucket{k="v",le="+Inf"} 4',
      'seconds_sum{k="v",le="guest\'s"} 7.65',
      'seconds_count{k="v",le="guest\'s"} 4',
      "",
    ].join("\n"),
  );
});

Deno.test("metrics: one name is one metric of one kind", () => {
  const metrics = createMetrics();
  metrics.counter("a", "A").add();
  metrics.counter("a", "A").add();
  assert.match(metrics.text(), /\na 2\n/);
  assert.throws(() => metrics.gauge("a", "A"), TypeError);
  for (const name of ["", "1a", "a b", "a\n"]) {
    assert.throws(() => metrics.counter(name, ""), TypeError);
  }
});

Deno.test("metrics: series are bounded, and what is too much is counted together", () => {
  const metrics = createMetrics({ maxSeries: 3 });
  const counter = metrics.counter("a", "A");
  for (let at = 0; at < 100; at++) counter.add({ user: `u${at}` });
  counter.add({ user: "u1" });
  const text = metrics.text();
  assert.match(text, /a\{user="u1"\} 2\n/);
  assert.match(text, /a\{user="_overflow"\} 97\n/);
  assert.equal(text.match(/^a\{/gm)!.length, 4);
  // What is printed alike is one series: the format knows each once only.
  const cut = createMetrics();
  for (const end of ["x", "y"]) cut.counter("b", "B").add({ user: "u".repeat(500) + end });
  assert.match(cut.text(), /\nb\{user="u+"\} 2\n$/);
  // Names of labels that differ every time are bounded too.
  for (let at = 0; at < 100; at++) counter.add({ [`n${at}`]: "x" });
  assert.ok(metrics.text().match(/^a\{/gm)!.length <= 13);
  const long = createMetrics();
  long.counter("a", "A").add({ k: "x".repeat(100_000) });
  assert.ok(long.text().length < 300);
});

Deno.test("metrics: every line can be read back, whatever labels hold (property)", () => {
  const labels = fc.dictionary(fc.string({ unit: "binary" }), fc.string({ unit: "binary" }));
  fc.assert(fc.property(fc.array(labels, { maxLength: 20 }), (all) => {
    const metrics = createMetrics();
    const counter = metrics.counter("a", "A");
    for (const one of all) counter.add(one);
    const lines = metrics.text().split("\n").slice(2, -1);
    const total = lines.map((line) => {
      const read = /^a(?:\{((?:[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\\n]|\\[\\"n])*",?)*)\})? (\d+)$/u
        .exec(line);
      assert.ok(read, JSON.stringify(line));
      const names = [...(read[1] ?? "").matchAll(/([a-zA-Z0-9_]+)="(?:[^"\\]|\\.)*"/g)].map((
        [, n],
      ) => n);
      assert.equal(new Set(names).size, names.length, line);
      return Number(read[2]);
    });
    assert.equal(total.reduce((sum, count) => sum + count, 0), all.length);
  }));
});

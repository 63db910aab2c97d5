/**
 * A server's view of outbound requests, run in a process of its own: prints what `https://a.test` at
 * the port given as argument answers. The process is started with the rights of a real one.
 *
 * @module
 */

import { createEgress } from "../../src/egress/create_egress.ts";
import { silentLogger } from "../../src/telemetry/log.ts";
import { createMetrics } from "../../src/telemetry/metrics_registry.ts";

const port = Number(Deno.args[0]);
const egress = createEgress({
  policy: "any",
  privateAddresses: [`127.0.0.1:${port}`],
  resolve: () => Promise.resolve(["127.0.0.1"]),
  clock: { nowMs: () => Date.now() },
  logger: silentLogger,
  metrics: createMetrics(),
  audit: { record: () => {}, flush: () => Promise.resolve() },
});
const { status, body } = await egress.fetch({
  addonKey: "tickets",
  organizationId: "01890a5d-ac96-774b-bcce-b302099a8001",
  method: "GET",
  url: `https://a.test:${port}/`,
  headers: [],
  isAllowed: () => true,
  maxResponseBytes: 100,
  timeoutMs: 20_000,
});
await egress.close();
Deno.stdout.writeSync(new TextEncoder().encode(`${status} ${new TextDecoder().decode(body)}\n`));

/**
 * What is measured: one model of a host application with 100,000 rows in one organization.
 *
 * @module
 */

import type { HostModelDefinition } from "../../mod.ts";

/** Signs tokens of both servers. */
export const JWT_SECRET = "a secret for measurements, 32 bytes and more";
/** Master key of the kernel. */
export const MASTER_KEY = "07".repeat(32);
/** Rows in the table. */
export const ROWS = 100_000;

/** The model. */
export const BENCH_MODEL: HostModelDefinition = {
  key: "tickets",
  label: "Tickets",
  columns: {
    title: { type: "string", size: 200, required: true },
    status: { type: "string", size: 20, index: true, default: "open" },
    priority: { type: "integer", default: 0 },
    amount: { type: "decimal" },
    notes: { type: "text" },
  },
};

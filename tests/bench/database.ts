/**
 * Databases to measure on: an organization with 100,000 records, on
 * SQLite in a temporary file and on a throwaway Postgres where a server is installed.
 *
 * @module
 */

import { DatabaseSync } from "node:sqlite";
// @ts-types="@types/pg"
import pg from "pg";
import { createKernel } from "../../mod.ts";
import { findPostgres, startCluster } from "../../scripts/postgres_cluster.ts";
import type { Engine } from "../_support/engines.ts";
import { BENCH_MODEL, JWT_SECRET, MASTER_KEY, ROWS } from "./subject.ts";

/** A database with its records. */
export interface BenchDatabase {
  /** As the kernel opens it. */
  readonly kernelUrl: string;
  /** As hand-written code opens it. */
  readonly plainUrl: string;
  /** The records' table as SQL. */
  readonly table: string;
  /** Token of the organization's owner. */
  readonly token: string;
  readonly organizationId: string;
  /** Identifiers of some records. */
  readonly ids: readonly string[];
  remove(): Promise<void>;
}

/** Engines that can be measured here. */
export async function availableEngines(): Promise<Engine[]> {
  return await findPostgres() === undefined ? ["sqlite"] : ["sqlite", "postgres"];
}

/** Makes a database of an engine and fills it. */
export async function prepareDatabase(engine: Engine): Promise<BenchDatabase> {
  const folder = await Deno.makeTempDir();
  await Deno.chmod(folder, 0o755);
  return engine === "sqlite" ? await prepareSqlite(folder) : await preparePostgres(folder);
}

async function prepareSqlite(folder: string): Promise<BenchDatabase> {
  const url = `sqlite:${folder}/bench.db`;
  const owner = await openOrganization(url);
  const table = '"addon_kernel.tickets"';
  const database = new DatabaseSync(`${folder}/bench.db`);
  database.exec("begin");
  const insert = database.prepare(
    `insert into ${table} (id, organization_id, title, status, priority, amount, notes, created_at)
     values (?, ?, ?, ?, ?, ?, ?, ?)`,
  );
  for (const row of rows(owner.organizationId)) insert.run(...row);
  database.exec("commit; analyze");
  database.close();
  const remove = () => Deno.remove(folder, { recursive: true });
  return { kernelUrl: url, plainUrl: url, table, ...owner, remove };
}

async function preparePostgres(folder: string): Promise<BenchDatabase> {
  const cluster = `${folder}/cluster`;
  await Deno.mkdir(cluster);
  const server = await startCluster((await findPostgres())!, cluster);
  const admin = new pg.Client({ connectionString: server.url });
  await admin.connect();
  await admin.query("create role bench_app login password 'bench_app' nosuperuser nobypassrls");
  await admin.query("create database bench owner bench_app");
  await admin.end();
  const plain = new URL(server.url);
  plain.pathname = "/bench";
  const kernelUrl = new URL(plain);
  kernelUrl.username = kernelUrl.password = "bench_app";
  const owner = await openOrganization(kernelUrl.href);
  const table = "addon_kernel.tickets";
  const client = new pg.Client({ connectionString: plain.href });
  await client.connect();
  const columns = ["uuid", "uuid", "text", "text", "int", "numeric", "text", "timestamptz"];
  const all = [...rows(owner.organizationId)];
  await client.query(
    `insert into ${table} (id, organization_id, title, status, priority, amount, notes, created_at)
     select * from unnest(${columns.map((type, at) => `$${at + 1}::${type}[]`).join(", ")})`,
    columns.map((_, at) => all.map((row) => row[at])),
  );
  await client.query(
    `create index bench_list on ${table} (organization_id, status, created_at, id)`,
  );
  await client.query("vacuum analyze");
  await client.end();
  const remove = async () => {
    await server.stop();
    await Deno.remove(folder, { recursive: true });
  };
  return { kernelUrl: kernelUrl.href, plainUrl: plain.href, table, ...owner, remove };
}

async function openOrganization(databaseUrl: string) {
  const kernel = createKernel({
    databaseUrl,
    jwtSecret: JWT_SECRET,
    masterKey: MASTER_KEY,
    models: [BENCH_MODEL],
  });
  await kernel.start();
  const { auth } = kernel.services;
  const credentials = { email: "owner@example.test", password: "correct horse battery" };
  const { organization } = await auth.createOrganization({
    organizationName: "Bench",
    name: "Owner",
    ...credentials,
  });
  const { token } = await auth.login(credentials, "127.0.0.1");
  await kernel.stop();
  const ids = [...rows(organization.id)].slice(0, 512).map(([id]) => String(id));
  return { token, organizationId: organization.id, ids };
}

/** The records: a quarter of them open, a second apart. */
function* rows(organizationId: string): Generator<(string | number)[]> {
  for (let n = 0; n < ROWS; n++) {
    yield [
      `01900000-0000-7000-8000-${n.toString(16).padStart(12, "0")}`,
      organizationId,
      `Ticket number ${n}`,
      ["open", "waiting", "resolved", "closed"][n % 4]!,
      n % 5,
      n / 8,
      "Third floor, left of the coffee machine.",
      new Date(1_700_000_000_000 + n * 1000).toISOString(),
    ];
  }
}

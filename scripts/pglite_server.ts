/**
 * A stand-in where no Postgres server is installed: PGlite, Postgres compiled to WebAssembly,
 * behind a socket of the loopback address. It has one session only, whoever connects.
 *
 * @module
 */

import { PGlite } from "@electric-sql/pglite";
import { PGLiteSocketServer } from "@electric-sql/pglite-socket";
import type { PostgresServer } from "./postgres_cluster.ts";

/**
 * Starts the stand-in in this process.
 *
 * @returns the running server.
 */
export async function startStandIn(): Promise<PostgresServer> {
  const db = await PGlite.create();
  const server = new PGLiteSocketServer({ db, host: "127.0.0.1", port: 0, maxConnections: 20 });
  await server.start();
  const { rows } = await db.query<{ version: string }>("select version()");
  return {
    url: `postgres://postgres@${server.getServerConn()}/postgres`,
    version: `PGlite (${rows[0]?.version.split(" ").slice(0, 2).join(" ")})`,
    stop: async () => {
      await server.stop();
      await db.close();
    },
  };
}

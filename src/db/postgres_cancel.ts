/**
 * Asks a Postgres server to interrupt the statement that another connection runs (PostgreSQL
 * documentation, "Canceling Requests in Progress").
 *
 * @module
 */

// @ts-types="@types/pg"
import pg from "pg";

/** What a server session is found by. */
export interface CancelTarget {
  readonly host?: string | undefined;
  readonly port: number;
  readonly ssl: unknown;
  readonly processID: number | null;
  readonly secretKey: number | null;
}

/** What of `pg`'s connection is used; its declared type leaves most of it out. */
interface CancelConnection {
  once(event: "connect" | "sslconnect" | "end" | "error", listener: () => void): unknown;
  on(event: "error", listener: () => void): unknown;
  connect(portOrPath: number | string, host?: string): void;
  requestSsl(): void;
  cancel(processId: number, secretKey: number): void;
  readonly stream: { destroy(): void };
}

/** A server that takes longer is left to the watchdog of the connection. */
const PATIENCE_MS = 1_000;

/**
 * Sends the request. It may come too late: then it is without effect, or hits what the session runs
 * next.
 *
 * @param target the client whose statement is to end.
 * @returns when the server has taken note, or cannot be reached.
 */
export async function requestCancel(target: CancelTarget): Promise<void> {
  const { processID, secretKey, host = "localhost" } = target;
  if (processID === null || secretKey === null) return;
  // Named border: `pg` declares neither the options nor the methods of this class in full.
  const Connection = pg.Connection as unknown as new (options: unknown) => CancelConnection;
  const connection = new Connection({ ssl: target.ssl });
  const { promise, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, PATIENCE_MS);
  connection.on("error", resolve);
  connection.once("end", resolve);
  connection.once("connect", () => {
    if (target.ssl) connection.requestSsl();
    else connection.cancel(processID, secretKey);
  });
  connection.once("sslconnect", () => connection.cancel(processID, secretKey));
  if (host.startsWith("/")) connection.connect(`${host}/.s.PGSQL.${target.port}`);
  else connection.connect(target.port, host);
  await promise;
  clearTimeout(timer);
  connection.stream.destroy();
}

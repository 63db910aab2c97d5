/**
 * A small load generator: keep-alive connections over raw TCP that send one request after the other
 * and count answers. Lean enough that on two cores the server, not the generator, is measured.
 *
 * @module
 */

/** What a load run measured. */
export interface Load {
  readonly perSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
}

/** How a load run goes. */
export interface LoadOptions {
  readonly port: number;
  readonly connections: number;
  readonly durationMs: number;
  /** The bytes of the n-th request. */
  readonly request: (n: number) => Uint8Array;
  /** Status that every answer must have. */
  readonly status: number;
}

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** Makes the bytes of a request. */
export function requestBytes(method: string, path: string, token: string, body = ""): Uint8Array {
  const lines = [
    `${method} ${path} HTTP/1.1`,
    "host: 127.0.0.1",
    `authorization: Bearer ${token}`,
    ...(body === "" ? [] : [
      "content-type: application/json",
      `content-length: ${encoder.encode(body).length}`,
    ]),
  ];
  return encoder.encode(`${lines.join("\r\n")}\r\n\r\n${body}`);
}

/** Sends requests for a while and counts the answers. */
export async function runLoad(options: LoadOptions): Promise<Load> {
  const latencies: number[] = [];
  const end = performance.now() + options.durationMs;
  const started = performance.now();
  let n = 0;
  await Promise.all(Array.from({ length: options.connections }, async () => {
    const connection = await Deno.connect({ hostname: "127.0.0.1", port: options.port });
    connection.setNoDelay(true);
    const buffer = new Uint8Array(1 << 18);
    while (performance.now() < end) {
      const sent = performance.now();
      await writeAll(connection, options.request(n++));
      await readAnswer(connection, buffer, options.status);
      latencies.push(performance.now() - sent);
    }
    connection.close();
  }));
  const seconds = (performance.now() - started) / 1000;
  latencies.sort((a, b) => a - b);
  const at = (share: number) => latencies[Math.floor((latencies.length - 1) * share)] ?? 0;
  return { perSecond: latencies.length / seconds, p50Ms: at(0.5), p99Ms: at(0.99) };
}

async function writeAll(connection: Deno.TcpConn, bytes: Uint8Array): Promise<void> {
  let rest = bytes;
  while (rest.length > 0) rest = rest.subarray(await connection.write(rest));
}

async function readAnswer(
  connection: Deno.TcpConn,
  buffer: Uint8Array,
  status: number,
): Promise<void> {
  let filled = 0;
  let needed = -1;
  while (needed < 0 || filled < needed) {
    const count = await connection.read(buffer.subarray(filled));
    if (count === null) throw new Error("The server closed the connection");
    filled += count;
    if (needed < 0) needed = answerLength(buffer, filled, status);
  }
}

/** Length of the whole answer once its head is there, else -1. */
function answerLength(buffer: Uint8Array, filled: number, status: number): number {
  const head = decoder.decode(buffer.subarray(0, Math.min(filled, 2048)));
  const end = head.indexOf("\r\n\r\n");
  if (end < 0) return -1;
  const got = Number(head.slice(9, 12));
  if (got !== status) {
    throw new Error(`Expected ${status}: ${decoder.decode(buffer.subarray(0, filled))}`);
  }
  const length = /content-length: (\d+)/i.exec(head.slice(0, end));
  if (length === null) throw new Error(`No content-length: ${head.slice(0, end)}`);
  return end + 4 + Number(length[1]);
}

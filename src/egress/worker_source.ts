/**
 * What the worker that performs requests runs: JavaScript as text, because a worker without the right
 * to read files can only be started from text. It holds no addon's code and follows no redirect.
 *
 * @module
 */

/**
 * Protocol, in messages. To the worker: first `{address, family, port, certificates}`, then
 * `{id, secure, hostname, isName, path, method, headers, body, maxBytes, maxHeaderBytes, connectMs,
 * timeoutMs}` or `{abort: id}`. From it: `{ready: true}` or `{wall}` naming the wall that is missing;
 * then one of `{id, answer: {status, headers, body, truncated}}` and `{id, failure: {code, text}}`
 * for each request.
 */
export const WORKER_SOURCE = `
import http from "node:http";
import net from "node:net";
import tls from "node:tls";

let pin;
const running = new Map();

// A permission object that was lost on the way would give this worker everything the server may do.
function missingWall({ address, family, port }) {
  for (const name of ["read", "write", "env", "run", "ffi", "sys", "import", "net"]) {
    if (Deno.permissions.querySync({ name }).state === "granted") return name;
  }
  const host = (family === 6 ? "[" + address + "]" : address) + ":" + port;
  if (Deno.permissions.querySync({ name: "net", host }).state !== "granted") return "address";
  const attempts = {
    read: () => Deno.statSync("."),
    env: () => Deno.env.toObject(),
    listen: () => Deno.listen({ hostname: "127.0.0.1", port: port === 65535 ? 1 : port + 1 }).close(),
  };
  for (const [name, attempt] of Object.entries(attempts)) {
    try {
      attempt();
      return name;
    } catch (error) {
      if (!(error instanceof Deno.errors.NotCapable)) return name;
    }
  }
  return undefined;
}

self.onmessage = ({ data }) => {
  if (pin === undefined) {
    const wall = missingWall(data);
    if (wall !== undefined) return self.postMessage({ wall });
    pin = data;
    return self.postMessage({ ready: true });
  }
  if (data.abort !== undefined) return running.get(data.abort)?.("EABORTED", "");
  perform(data);
};

function perform(order) {
  const { id, secure, maxBytes } = order;
  let request;
  const timers = [];
  const finish = (message, transfer) => {
    if (!running.delete(id)) return;
    for (const timer of timers) clearTimeout(timer);
    request?.destroy();
    self.postMessage({ id, ...message }, transfer ?? []);
  };
  const fail = (code, text) => finish({ failure: { code, text } });
  running.set(id, fail);
  timers.push(setTimeout(() => fail("ETIMEDOUT", ""), order.timeoutMs));
  timers.push(setTimeout(() => fail("ECONNECTTIMEOUT", ""), order.connectMs));
  try {
    request = http.request({
      createConnection: () => connect(order),
      path: order.path,
      method: order.method,
      headers: order.headers,
      setHost: false,
      maxHeaderSize: order.maxHeaderBytes,
    }, (response) => receive(response, maxBytes, finish, fail));
    request.on("socket", (socket) => {
      socket.once(secure ? "secureConnect" : "connect", () => clearTimeout(timers[1]));
    });
    request.on("error", (error) => fail(String(error.code ?? error.name), String(error.message)));
    request.on("upgrade", (_response, socket) => {
      socket.destroy();
      fail("EUPGRADE", "");
    });
    request.on("close", () => fail("ECONNRESET", ""));
    request.end(order.body);
  } catch (error) {
    fail(String(error.code ?? error.name), String(error.message));
  }
}

// Whatever the name leads to by now: the address that was checked is the one. An agent of node:https
// is not used: it asks for rights to find certificates, which this worker does not have.
function connect({ secure, hostname, isName }) {
  const { address: host, port, certificates } = pin;
  if (!secure) return net.connect({ host, port });
  return tls.connect({
    host,
    port,
    servername: isName ? hostname : "",
    ALPNProtocols: ["http/1.1"],
    ...(certificates.length > 0 ? { ca: certificates } : {}),
  });
}

function receive(response, maxBytes, finish, fail) {
  const chunks = [];
  let length = 0;
  const answer = (truncated) => {
    const body = new Uint8Array(length);
    let at = 0;
    for (const chunk of chunks) {
      body.set(chunk, at);
      at += chunk.length;
    }
    const headers = [];
    for (let i = 0; i + 1 < response.rawHeaders.length; i += 2) {
      headers.push([response.rawHeaders[i], response.rawHeaders[i + 1]]);
    }
    const { statusCode: status } = response;
    finish({ answer: { status, headers, body, truncated } }, [body.buffer]);
  };
  response.on("data", (chunk) => {
    const rest = maxBytes - length;
    // A view would keep the whole chunk, and the next ones of a body that drips are small.
    const kept = chunk.length > rest ? chunk.subarray(0, rest) : chunk;
    chunks.push(kept);
    length += kept.length;
    if (chunk.length > rest) answer(true);
  });
  response.on("end", () => response.complete ? answer(false) : fail("ECONNRESET", ""));
  response.on("aborted", () => fail("ECONNRESET", ""));
  response.on("error", (error) => fail(String(error.code ?? error.name), ""));
}
`;

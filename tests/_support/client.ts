/**
 * A browser's side of the API, for tests: one person with a token, speaking to a kernel without a
 * port.
 *
 * @module
 */

import assert from "node:assert/strict";
import type { Kernel } from "../../mod.ts";

/** An answer, read. */
export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  // Tests look into answers of every shape.
  // deno-lint-ignore no-explicit-any
  readonly body: any;
}

/** One person, logged in. */
export class Client {
  readonly #kernel: Kernel;
  readonly token: string;
  readonly userId: string;
  readonly organizationId: string;

  constructor(kernel: Kernel, token: string, userId: string, organizationId: string) {
    this.#kernel = kernel;
    this.token = token;
    this.userId = userId;
    this.organizationId = organizationId;
  }

  /** Sends a request as this person. */
  async send(method: string, path: string, body?: unknown): Promise<Answer> {
    const headers: Record<string, string> = { authorization: `Bearer ${this.token}` };
    if (body !== undefined && !(body instanceof FormData)) {
      headers["content-type"] = "application/json";
    }
    const payload = body === undefined || body instanceof FormData ? body : JSON.stringify(body);
    const request = new Request(`http://kernel.test${path}`, {
      method,
      headers,
      body: payload ?? null,
    });
    return await read(await this.#kernel.fetch(request, { remoteAddress: "192.0.2.1" }));
  }

  /** Reads, and demands status 200. */
  async get(path: string): Promise<Answer> {
    const answer = await this.send("GET", path);
    assert.equal(answer.status, 200, `GET ${path}: ${JSON.stringify(answer.body)}`);
    return answer;
  }

  /** Creates, and demands status 201. */
  async create(model: string, input: unknown): Promise<Record<string, unknown>> {
    const answer = await this.send("POST", `/api/dynamic/${model}`, input);
    assert.equal(answer.status, 201, `create ${model}: ${JSON.stringify(answer.body)}`);
    return answer.body.data;
  }

  /** Uploads a bundle. */
  async install(archive: Uint8Array, key = ""): Promise<Answer> {
    const form = new FormData();
    form.set("bundle", new Blob([archive as Uint8Array<ArrayBuffer>]), "bundle.tgz");
    return await this.send("POST", `/api/metacore/installations${key && `/${key}`}`, form);
  }
}

async function read(response: Response): Promise<Answer> {
  const text = await response.text();
  const json = response.headers.get("content-type")?.includes("json");
  return {
    status: response.status,
    headers: response.headers,
    body: json ? JSON.parse(text) : text,
  };
}

/** Sends a request as nobody. */
export async function sendAnonymous(
  kernel: Kernel,
  method: string,
  path: string,
  body?: unknown,
): Promise<Answer> {
  const request = new Request(`http://kernel.test${path}`, {
    method,
    headers: body === undefined ? {} : { "content-type": "application/json" },
    body: body === undefined ? null : JSON.stringify(body),
  });
  return await read(await kernel.fetch(request, { remoteAddress: "192.0.2.1" }));
}

let organizations = 0;

/** Opens an organization and logs its owner in. */
export async function newOwner(kernel: Kernel, name = "Acme"): Promise<Client> {
  const email = `owner${++organizations}@example.test`;
  const password = "correct horse battery";
  await kernel.services.auth.createOrganization({
    organizationName: name,
    name: "Olivia Owner",
    email,
    password,
  });
  return await logIn(kernel, email, password);
}

/** Logs a person in. */
export async function logIn(kernel: Kernel, email: string, password: string): Promise<Client> {
  const answer = await sendAnonymous(kernel, "POST", "/api/auth/login", { email, password });
  assert.equal(answer.status, 200, JSON.stringify(answer.body));
  const { token, user } = answer.body.data;
  return new Client(kernel, token, user.id, user.organization_id);
}

/**
 * What an addon's code says to the kernel and hears from it, in strings and JSON.
 *
 * Every call of an action runs in a new instance: nothing in memory outlives it, so nothing is ever
 * freed, and what has to last belongs in the database.
 */

import * as host from "./metacore_host";
import * as wasi from "./wasi_snapshot_preview1";
import { Json } from "./json";

export { Json, JsonKind } from "./json";

/** The kernel asks for room here before it writes into our memory. */
export function alloc(size: usize): usize {
  return heap.alloc(size);
}

/** What an action is given. */
export class ActionInput {
  constructor(private readonly document: Json) {}

  /** A member of the whole input. */
  field(name: string): Json {
    return this.document.get(name);
  }

  /** The record the action was called on. */
  get row(): Json {
    return this.document.get("row");
  }

  /** What the user filled in. */
  get payload(): Json {
    return this.document.get("payload");
  }

  /** `{id, email, role, organization_id}`; null for the system. */
  get user(): Json {
    return this.document.get("user");
  }

  /** `{organization_id, installation_id, addon, user_id, request_id, locale}`. */
  get context(): Json {
    return this.document.get("ctx");
  }
}

/** Runs an action: reads its input, packs its answer. Every export of an addon is one call of this. */
export function action(ptr: usize, length: usize, body: (input: ActionInput) => Json): u64 {
  return pack(body(new ActionInput(Json.parse(read(ptr, length)))).toString());
}

/** The answer of an action that did what it was asked. */
export function done(data: Json): Json {
  return Json.object().set("success", Json.boolean(true)).set("data", data);
}

/** The answer of an action that says no: in a transaction, everything it wrote is rolled back. */
export function declined(code: string, message: string): Json {
  return Json.object()
    .set("success", Json.boolean(false))
    .set(
      "error",
      Json.object().set("code", Json.string(code)).set("message", Json.string(message)),
    );
}

/** Writes a line to the kernel's log. */
export function log(text: string): void {
  const bytes = String.UTF8.encode(text);
  host.log(changetype<usize>(bytes), bytes.byteLength);
}

/** A setting of this installation; empty when it is not set. */
export function setting(key: string): string {
  const bytes = String.UTF8.encode(key);
  return unpack(host.env_get(changetype<usize>(bytes), bytes.byteLength));
}

/** What a statement gave. */
export class DbResult {
  constructor(private readonly envelope: Json) {}

  get ok(): bool {
    return this.envelope.get("success").asBoolean();
  }

  /** Why it failed: `forbidden`, `invalid_sql`, `db_error` and others; empty when it did not. */
  get errorCode(): string {
    return this.envelope.get("error").get("code").asString();
  }

  get errorMessage(): string {
    return this.envelope.get("error").get("message").asString();
  }

  /** Rows of a query, each an object. */
  get rows(): Json {
    return this.envelope.get("data").get("rows");
  }

  /** Rows that were inserted, updated or deleted. */
  get rowsAffected(): i32 {
    return this.envelope.get("data").get("rowsAffected").asNumber() as i32;
  }
}

/** Runs a SELECT; `values` are for `$1`, `$2` and so on. Sees this organization's rows only. */
export function dbQuery(sql: string, values: Json[] = []): DbResult {
  const text = String.UTF8.encode(sql);
  const list = listBytes(values);
  return new DbResult(Json.parse(unpack(host.db_query(
    changetype<usize>(text),
    text.byteLength,
    changetype<usize>(list),
    list.byteLength,
  ))));
}

/** Runs an INSERT, UPDATE or DELETE, in the action's transaction where it has one. */
export function dbExec(sql: string, values: Json[] = []): DbResult {
  const text = String.UTF8.encode(sql);
  const list = listBytes(values);
  return new DbResult(Json.parse(unpack(host.db_exec(
    changetype<usize>(text),
    text.byteLength,
    changetype<usize>(list),
    list.byteLength,
  ))));
}

/** A UUID for a statement. */
export function uuid(text: string): Json {
  return Json.object().set("$uuid", Json.string(text));
}

/** Publishes an event. Returns why it failed, or an empty string. */
export function emit(name: string, payload: Json): string {
  const nameBytes = String.UTF8.encode(name);
  const bytes = String.UTF8.encode(payload.toString());
  const answer = unpack(host.event_emit(
    changetype<usize>(nameBytes),
    nameBytes.byteLength,
    changetype<usize>(bytes),
    bytes.byteLength,
  ));
  if (answer.length == 0) return "";
  const document = Json.parse(answer);
  if (document.get("success").asBoolean()) return "";
  return document.get("message").asString(answer);
}

/** Calls a web service: `{status, body}` or `{error, message}`. */
export function httpFetch(url: string, method: string = "GET", body: string = ""): Json {
  const urlBytes = String.UTF8.encode(url);
  const methodBytes = String.UTF8.encode(method);
  const bodyBytes = String.UTF8.encode(body);
  return Json.parse(unpack(host.http_fetch(
    changetype<usize>(urlBytes),
    urlBytes.byteLength,
    changetype<usize>(methodBytes),
    methodBytes.byteLength,
    changetype<usize>(bodyBytes),
    bodyBytes.byteLength,
  )));
}

/**
 * Takes the place of AssemblyScript's own `abort`, which would be an import that the kernel does not
 * give: the reason goes to standard error, where the kernel finds the words of a trap.
 */
export function onAbort(
  message: string | null,
  file: string | null,
  line: u32,
  column: u32,
): void {
  const reason = message == null ? "aborted" : message;
  const place = file == null ? "unknown file" : file;
  const text = String.UTF8.encode(`${reason} (${place}:${line}:${column})`);
  const part = heap.alloc(12);
  store<usize>(part, changetype<usize>(text));
  store<usize>(part, text.byteLength, 4);
  wasi.fd_write(2, part, 1, part + 8);
  unreachable();
}

function listBytes(values: Json[]): ArrayBuffer {
  const list = Json.array();
  for (let i = 0; i < values.length; i++) list.push(values[i]);
  return String.UTF8.encode(list.toString());
}

/** Text at an address. */
export function read(ptr: usize, length: usize): string {
  return String.UTF8.decodeUnsafe(ptr, length);
}

/** A text as a result: address in the upper half, length in the lower. */
export function pack(text: string): u64 {
  const bytes = String.UTF8.encode(text);
  return ((changetype<usize>(bytes) as u64) << 32) | (bytes.byteLength as u64);
}

/** The text that a packed result means. */
export function unpack(packed: u64): string {
  return read((packed >> 32) as usize, (packed & 0xffffffff) as usize);
}

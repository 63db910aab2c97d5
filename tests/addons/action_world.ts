/**
 * An installed addon with tables and the services that actions and tools work with, without a kernel:
 * its module is a function of the test, its backend what the test says or a real server.
 *
 * @module
 */

import { createHash, createHmac } from "node:crypto";
import { createEnforcer } from "../../src/access/enforcer.ts";
import type { AccessService } from "../../src/access/access_service.ts";
import type { ActionService } from "../../src/addons/actions/action_service.ts";
import { createActionService } from "../../src/addons/actions/service.ts";
import type {
  BackendAnswer,
  BackendCall,
  BackendCaller,
} from "../../src/addons/backend/backend.ts";
import { createBackendCaller } from "../../src/addons/backend/caller.ts";
import type { FunctionCall, FunctionOpener } from "../../src/addons/code/open_function.ts";
import type { CompiledAddon } from "../../src/addons/compiled/compiled_addon.ts";
import { makeInstallSecret } from "../../src/addons/install/secret.ts";
import { catalogVersion } from "../../src/addons/installation_store.ts";
import { LiveInstallations } from "../../src/addons/live_installations.ts";
import { initialSettings } from "../../src/addons/settings/initial.ts";
import { SettingTexts } from "../../src/addons/settings/texts.ts";
import { createToolService } from "../../src/addons/tools/service.ts";
import type { ToolService } from "../../src/addons/tools/tool_service.ts";
import type { UserCaller } from "../../src/base/caller.ts";
import { KernelError } from "../../src/base/error.ts";
import { SystemIds } from "../../src/base/ids.ts";
import { isJsonObject, type Json, type JsonObject } from "../../src/base/json.ts";
import { parseManifest } from "../../src/bundle/manifest/parse.ts";
import type { Database, Transaction } from "../../src/db/database.ts";
import { applyChange } from "../../src/db/schema/apply.ts";
import type { SchemaChange, SchemaState } from "../../src/db/schema/spec.ts";
import { createEgress } from "../../src/egress/create_egress.ts";
import { createIdempotency } from "../../src/idempotency/store.ts";
import { modelsOf } from "../../src/models/from_definition.ts";
import { createModelRegistry } from "../../src/models/snapshot_registry.ts";
import { tableSpecsOf } from "../../src/models/table_spec.ts";
import type { RecordService } from "../../src/records/record_service.ts";
import { createRecordService } from "../../src/records/service.ts";
import { silentLogger } from "../../src/telemetry/log.ts";
import { createMetrics } from "../../src/telemetry/metrics_registry.ts";

export const ORG = "0193a000-0000-7000-8000-00000000000a";
export const OTHER_ORG = "0193a000-0000-7000-8000-00000000000b";
const MASTER_KEY: Uint8Array = new Uint8Array(32).fill(7);
const NOW_MS = 1_795_219_578_000;
const AT = "2026-01-01T00:00:00.000Z";

export const OWNER: UserCaller = {
  kind: "user",
  organizationId: ORG,
  userId: "0193a000-0000-7000-8000-0000000000a1",
  role: "owner",
  email: "ana@example.com",
  requestId: "request-1",
};

/** What a function of the addon's module is in a test. */
export type GuestFunction = (
  input: JsonObject,
  transaction: Transaction | undefined,
) => Promise<Json | undefined> | Json | undefined;

/** What a test decides. */
export interface ActionWorldOptions {
  readonly manifests: readonly JsonObject[];
  /** Settings given at the install, by addon. */
  readonly given?: Readonly<Record<string, JsonObject>>;
  readonly guest?: Readonly<Record<string, GuestFunction>>;
  readonly compiled?: Readonly<Record<string, Omit<CompiledAddon, "manifest">>>;
  /** Answers backends' calls; `real` goes out to 127.0.0.1. */
  readonly backend?: "real" | ((call: BackendCall) => Promise<BackendAnswer> | BackendAnswer);
}

/** What a test works with. */
export interface ActionWorld extends AsyncDisposable {
  readonly actions: ActionService;
  readonly tools: ToolService;
  readonly records: RecordService;
  readonly database: Database;
  /** Permissions that are refused. */
  readonly denied: Set<string>;
  /** Every call of a backend. */
  readonly calls: BackendCall[];
  /** Install secrets and ids by addon. */
  readonly installed: ReadonlyMap<string, { readonly id: string; readonly secret: string }>;
  readonly clock: { ms: number; nowMs(): number };
  /** Makes the next look see what was written to the rows of installations. */
  refresh(): void;
}

/** Installs addons and makes the services. */
export async function makeActionWorld(
  database: Database,
  options: ActionWorldOptions,
): Promise<ActionWorld> {
  const installed = new Map<string, { id: string; secret: string }>();
  for (const manifest of options.manifests) {
    const { metadata } = manifest;
    const isFlat = !isJsonObject(metadata);
    const key = String(isFlat ? manifest["key"] : metadata["key"]);
    const given = options.given?.[key];
    const text = JSON.stringify({
      ...isFlat && { name: key, version: "1.0.0", kernel: ">=2.0.0 <3.0.0" },
      ...manifest,
    });
    installed.set(key, await putInstallation(database, key, text, given));
    await createTables(database, key, text);
  }
  const clock = { ms: NOW_MS, nowMs: () => clock.ms };
  const installations = new LiveInstallations(silentLogger);
  const registry = createModelRegistry({
    load: (organizationId) => installations.models(database.kysely, organizationId),
    isCurrent: async (organizationId, version) =>
      String(await catalogVersion(database.kysely, organizationId)) === version,
    clock,
  });
  const denied = new Set<string>();
  const access = accessWithout(denied);
  const ids = new SystemIds();
  const records = createRecordService({ database, registry, access, ids });
  const calls: BackendCall[] = [];
  const { backend, close } = backendOf(options.backend, clock);
  const ports = {
    database,
    registry,
    access,
    records,
    clock,
    ids,
    code: guestOpener(options.guest ?? {}),
    backend: {
      call: (call: BackendCall) => {
        calls.push(call);
        return backend.call(call);
      },
    },
    compiled: {
      all: [],
      find: (key: string) => {
        const found = options.compiled?.[key];
        return found === undefined ? undefined : { manifest: {}, ...found };
      },
    },
    idempotency: createIdempotency({ database, clock, ids, logger: silentLogger }),
    settings: new SettingTexts(MASTER_KEY),
  };
  return {
    actions: createActionService(ports),
    tools: createToolService(ports),
    records,
    database,
    denied,
    calls,
    installed,
    clock,
    refresh: () => registry.invalidate(ORG),
    [Symbol.asyncDispose]: close,
  };
}

/** A function that is opened needs no module: the test is it. */
function guestOpener(functions: Readonly<Record<string, GuestFunction>>): FunctionOpener {
  const call = (name: string) => async ({ input, transaction }: FunctionCall) => {
    const given = input({ installationId: "unused" });
    const answer = await functions[name]!(
      given as JsonObject,
      transaction === "missing" ? undefined : transaction,
    );
    return answer === undefined
      ? new Uint8Array()
      : new TextEncoder().encode(JSON.stringify(answer));
  };
  return {
    open: (_caller, _addonKey, name, work) => work(call(name)),
    openOf: (_caller, _installation, name, work) => work(call(name)),
  };
}

function backendOf(
  given: ActionWorldOptions["backend"],
  clock: { nowMs(): number },
): { readonly backend: BackendCaller; readonly close: () => Promise<void> } {
  if (given !== "real") {
    const answer = given ?? (() => Promise.reject(new Error("no backend was expected")));
    const call = async (asked: BackendCall) => await answer(asked);
    return { backend: { call }, close: async () => {} };
  }
  const ports = { clock, logger: silentLogger, metrics: createMetrics() };
  const audit = { record: () => {}, flush: async () => {} };
  const egress = createEgress({
    policy: "any",
    privateAddresses: ["127.0.0.1"],
    audit,
    ...ports,
  });
  const enforcer = createEnforcer({ mode: "enforce", audit, ...ports });
  return {
    backend: createBackendCaller({ egress, enforcer, masterKey: MASTER_KEY, ...ports }),
    close: () => egress.close(),
  };
}

function accessWithout(denied: ReadonlySet<string>): AccessService {
  const nothing = (): Promise<void> => Promise.resolve();
  return {
    check: (_caller, permission) => {
      if (!denied.has(permission)) return Promise.resolve();
      const message = `permission denied: missing capability "${permission}"`;
      return Promise.reject(
        new KernelError({ code: "access.denied", kind: "forbidden", message }),
      );
    },
    allows: (_caller, permission) => Promise.resolve(!denied.has(permission)),
    grantToRole: nothing,
    grantToUser: nothing,
    revokeFromRole: nothing,
    revokeFromUser: nothing,
  };
}

/** Writes the rows that an install would. */
async function putInstallation(
  { kysely: tables }: Database,
  key: string,
  text: string,
  given: JsonObject | undefined,
): Promise<{ readonly id: string; readonly secret: string }> {
  const id = new SystemIds().next();
  const secret = await makeInstallSecret(MASTER_KEY);
  const place = { organizationId: ORG, addonKey: key };
  const kept = await initialSettings(parseManifest(text), given, place, MASTER_KEY);
  const named = { name: "Acme", slug: "acme", created_at: AT, updated_at: AT };
  await tables.insertInto("organizations").values({ id: ORG, ...named })
    .onConflict((conflict) => conflict.doNothing()).execute();
  await tables.insertInto("bundles").values({
    digest: id,
    addon_key: key,
    version: "1.0.0",
    manifest: text,
    entries: "{}",
    archive: new Uint8Array(),
    created_at: AT,
  }).execute();
  await tables.insertInto("installations").values({
    id,
    organization_id: ORG,
    addon_key: key,
    version: "1.0.0",
    status: "enabled",
    source: "bundle",
    isolation: "shared",
    schema_name: `addon_${key}`,
    bundle_digest: id,
    secret_hash: secret.hash,
    secret_enc: secret.sealed,
    settings: JSON.stringify(kept.values),
    sealed_settings: JSON.stringify(kept.sealed),
    installed_at: AT,
    enabled_at: AT,
    disabled_at: null,
    updated_at: AT,
  }).execute();
  return { id, secret: secret.text };
}

async function createTables(database: Database, key: string, manifest: string): Promise<void> {
  const schema = `addon_${key}`;
  const parsed = parseManifest(manifest);
  const specs = tableSpecsOf(modelsOf(parsed, schema));
  const changes: SchemaChange[] = [
    { kind: "createSchema", schema },
    ...specs.map((table): SchemaChange => ({ kind: "createTable", table })),
  ];
  await database.schemaTransaction(null, async (tx) => {
    let state: SchemaState = new Map();
    for (const change of changes) {
      for (const statement of tx.profile.render(change, state)) await tx.execute(statement);
      state = applyChange(state, change);
    }
  });
}

/** JSON as a backend answers it. */
export function backendAnswer(status: number, body?: Json | string): BackendAnswer {
  const text = body === undefined ? "" : typeof body === "string" ? body : JSON.stringify(body);
  return {
    status,
    body: new TextEncoder().encode(text),
    truncated: false,
    contentType: "application/json",
  };
}

/** A request as a backend got it. */
export interface ReceivedRequest {
  readonly method: string;
  readonly url: string;
  readonly headers: Headers;
  readonly body: string;
}

/** Whether a request is signed as contract/metacore.md §6.4 says, computed apart from the kernel. */
export function isSigned({ method, url, headers, body }: ReceivedRequest, secret: string): boolean {
  const { pathname, search } = new URL(url);
  const timestamp = headers.get("x-metacore-timestamp");
  const nonce = headers.get("x-metacore-nonce");
  const hash = createHash("sha256").update(body).digest("hex");
  const path = decodeURIComponent(pathname) + search;
  const message = [timestamp, method, path, nonce, hash].join(".");
  const expected = createHmac("sha256", secret).update(message).digest("hex");
  return headers.get("x-metacore-signature") === `sha256=${expected}`;
}

/** A backend on a port of this machine. */
export interface TestBackend extends AsyncDisposable {
  readonly url: string;
  /** What came, oldest first. */
  readonly requests: ReceivedRequest[];
  /** What it answers. */
  answer: () => Response;
  shutdown(): Promise<void>;
}

/** Starts a backend that remembers what it gets. */
export function serveBackend(): TestBackend {
  const requests: ReceivedRequest[] = [];
  const server = Deno.serve(
    { port: 0, hostname: "127.0.0.1", onListen: () => {} },
    async (request) => {
      const { method, url } = request;
      const headers = new Headers(request.headers);
      requests.push({ method, url, headers, body: await request.text() });
      return backend.answer();
    },
  );
  const backend: TestBackend = {
    url: `http://127.0.0.1:${server.addr.port}`,
    requests,
    answer: () => Response.json({ ok: 1 }),
    shutdown: () => server.shutdown(),
    [Symbol.asyncDispose]: () => server.shutdown(),
  };
  return backend;
}

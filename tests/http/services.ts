/**
 * Services for the tests of the HTTP room: each answers a constant and remembers how it was asked;
 * a test replaces what it is about.
 *
 * @module
 */

import type { ActionService } from "../../src/addons/actions/action_service.ts";
import type { AddonService, Installation } from "../../src/addons/addon_service.ts";
import type { AddonAssets, Asset } from "../../src/addons/assets/addon_assets.ts";
import type { BackendEvents, SignedCallVerifier } from "../../src/addons/backend/backend.ts";
import type {
  AddonCatalog,
  Marketplace,
  MarketplaceRequest,
} from "../../src/addons/catalog/addon_catalog.ts";
import type { AddonCode } from "../../src/addons/code/addon_code.ts";
import type { OrganizationValues } from "../../src/addons/extensions/organization_values.ts";
import type { InstallationPlan } from "../../src/addons/plan/installation_plan.ts";
import type { AddonSettings } from "../../src/addons/settings/addon_settings.ts";
import type { ToolService } from "../../src/addons/tools/tool_service.ts";
import type { AddonTranslations } from "../../src/addons/translations/addon_translations.ts";
import type { Idempotency } from "../../src/idempotency/idempotency.ts";
import type { AuthService, Organization, User } from "../../src/auth/auth_service.ts";
import { KernelError } from "../../src/base/error.ts";
import { JsonText } from "../../src/base/json_text.ts";
import type { JsonObject } from "../../src/base/json.ts";
import type { Manifest } from "../../src/bundle/manifest/manifest.ts";
import { createHttpApp } from "../../src/http/app.ts";
import type { HttpApp, HttpServices, OperatorServices } from "../../src/http/http_services.ts";
import type { MetadataService } from "../../src/models/metadata_service.ts";
import type { RecordService } from "../../src/records/record_service.ts";
import type { LogFields, Logger, LogLevel } from "../../src/telemetry/log.ts";

export const ORGANIZATION_ID = "0190a000-0000-7000-8000-00000000000a";
export const USER_ID = "0190a000-0000-7000-8000-00000000000b";
export const RECORD_ID = "0190a000-0000-7000-8000-00000000000c";
export const TOKEN = "good.token.here";

const TIME = "2026-11-21T08:50:59.123Z";

export const USER: User = {
  id: USER_ID,
  organization_id: ORGANIZATION_ID,
  name: "Ana",
  email: "ana@example.com",
  role: "owner",
  created_at: TIME,
  updated_at: TIME,
};

const ORGANIZATION: Organization = { id: ORGANIZATION_ID, name: "Acme", slug: "acme" };

const SESSION = { user: USER, organization: ORGANIZATION, token: TOKEN, expires_at: TIME };

export const INSTALLATION: Installation = {
  id: "0190a000-0000-7000-8000-00000000000d",
  organization_id: ORGANIZATION_ID,
  addon_key: "tickets",
  version: "1.0.0",
  revision: 3,
  signature: { status: "verified", key_id: "k1" },
  status: "enabled",
  source: "federated",
  settings: { color: "red" },
  installed_at: TIME,
  enabled_at: TIME,
};

/** A row whose text only survives when nobody parses and prints it again. */
export const ROW_TEXT = `{"id":"${RECORD_ID}", "title":"one","price":10.50,"big":9007199254740993}`;
const ROW = new JsonText<JsonObject>(ROW_TEXT);

/** One remembered call: the method's name, then its arguments. */
export type Call = readonly [name: string, ...args: unknown[]];

/** One remembered log line. */
export interface Line {
  readonly level: LogLevel;
  readonly message: string;
  readonly fields: LogFields;
}

/** An app with everything a test looks at. */
export interface Bench {
  readonly app: HttpApp;
  readonly calls: Call[];
  readonly lines: Line[];
  /** Asks with a valid token, unless the headers say otherwise. */
  readonly ask: (path: string, init?: RequestInit) => Promise<Response>;
  /** Asks with a JSON body. */
  readonly send: (method: string, path: string, body: unknown) => Promise<Response>;
}

/** Services of an addon's life. */
type LifeService =
  | "settings"
  | "tools"
  | "assets"
  | "catalog"
  | "marketplace"
  | "translations"
  | "organizationValues"
  | "signedCalls"
  | "backendEvents"
  | "idempotency"
  | "access"
  | "registry";

/** What a test replaces. */
export interface Replacements
  extends
    Omit<Partial<HttpServices>, "actions" | "auth" | "records" | "addons" | "code" | LifeService> {
  readonly actions?: Partial<ActionService>;
  readonly code?: Partial<AddonCode>;
  readonly settings?: Partial<AddonSettings>;
  readonly tools?: Partial<ToolService>;
  readonly assets?: Partial<AddonAssets>;
  readonly catalog?: Partial<AddonCatalog>;
  readonly marketplace?: Partial<Marketplace>;
  readonly translations?: Partial<AddonTranslations>;
  readonly organizationValues?: Partial<OrganizationValues>;
  readonly signedCalls?: Partial<SignedCallVerifier>;
  readonly backendEvents?: Partial<BackendEvents>;
  readonly idempotency?: Partial<Idempotency>;
  readonly access?: HttpServices["access"];
  readonly registry?: HttpServices["registry"];
  readonly auth?: Partial<AuthService>;
  readonly records?: Partial<RecordService>;
  readonly addons?: Partial<AddonService>;
}

/** Makes an app over constant services and runs a test with it. */
export async function withApp(
  replaced: Replacements,
  test: (bench: Bench) => Promise<void>,
): Promise<void> {
  const calls: Call[] = [];
  const lines: Line[] = [];
  let count = 0;
  const app = createHttpApp({
    logger: loggerInto(lines),
    clock: { nowMs: () => Date.now() },
    ids: { next: () => `request-${++count}` },
    readiness: () => Promise.resolve({ ready: true, checks: { database: "ok" } }),
    kernelContractVersion: "2.0.0",
    ...replaced,
    auth: { ...constantAuth(calls), ...replaced.auth },
    records: { ...constantRecords(calls), ...replaced.records },
    metadata: replaced.metadata ?? constantMetadata(calls),
    addons: { ...constantAddons(calls), ...replaced.addons },
    actions: { ...constantActions(calls), ...replaced.actions },
    ...lifeServices(calls, replaced),
    code: { ...constantCode(calls), ...replaced.code },
    secrets: replaced.secrets ?? {
      names: gives(calls, "names", ["api_key"]),
      set: gives(calls, "set", undefined),
      remove: gives(calls, "remove", true),
    },
    audit: replaced.audit ?? { list: gives(calls, "audit", []) },
    operator: replaced.operator ?? constantOperator(calls),
  });
  const ask: Bench["ask"] = (path, init = {}) => {
    const headers = new Headers(init.headers);
    if (!headers.has("authorization")) headers.set("authorization", `Bearer ${TOKEN}`);
    return app.fetch(new Request(`http://kernel.test${path}`, { ...init, headers }), {
      remoteAddress: "192.0.2.1",
    });
  };
  const send: Bench["send"] = (method, path, body) =>
    ask(path, {
      method,
      body: JSON.stringify(body),
      headers: { "content-type": "application/json" },
    });
  await test({ app, calls, lines, ask, send });
  // Not in a `finally`: what a failed test left running would be waited for in vain.
  await app.drain();
}

function loggerInto(lines: Line[]): Logger {
  const write = (level: LogLevel) => (message: string, fields: LogFields = {}) => {
    lines.push({ level, message, fields });
  };
  const logger: Logger = {
    debug: write("debug"),
    info: write("info"),
    warn: write("warn"),
    error: write("error"),
    with: () => logger,
  };
  return logger;
}

/** A service method that remembers its arguments and gives a constant. */
function gives<T>(calls: Call[], name: string, value: T): (...args: unknown[]) => Promise<T> {
  return (...args) => {
    calls.push([name, ...args]);
    return Promise.resolve(value);
  };
}

function constantAuth(calls: Call[]): AuthService {
  return {
    login: gives(calls, "login", SESSION),
    register: gives(calls, "register", SESSION),
    me: gives(calls, "me", { user: USER, organization: ORGANIZATION }),
    createOrganization: gives(calls, "createOrganization", {
      user: USER,
      organization: ORGANIZATION,
    }),
    createUser: gives(calls, "createUser", USER),
    countOrganizations: gives(calls, "countOrganizations", 1),
    listOrganizations: gives(calls, "listOrganizations", [ORGANIZATION]),
    verify: (token) => {
      if (token !== TOKEN) return Promise.reject(invalidToken());
      return Promise.resolve({
        userId: USER_ID,
        organizationId: ORGANIZATION_ID,
        role: "owner",
        expiresAt: 1_800_000_000,
      });
    },
  };
}

function invalidToken(): KernelError {
  return new KernelError({
    code: "auth.token_invalid",
    kind: "unauthenticated",
    message: "Unauthorized",
  });
}

function constantRecords(calls: Call[]): RecordService {
  return {
    list: gives(calls, "list", {
      rows: new JsonText<JsonObject[]>(`[${ROW_TEXT}]`),
      meta: { total: 1, page: 1, per_page: 15, last_page: 1 },
    }),
    get: gives(calls, "get", ROW),
    create: gives(calls, "create", ROW),
    update: gives(calls, "update", ROW),
    remove: gives(calls, "remove", undefined),
    facets: gives(calls, "facets", [{ value: "open", label: "Open", count: 2 }]),
    aggregate: gives(calls, "aggregate", { price: 21 }),
    options: gives(calls, "options", {
      type: "static" as const,
      options: [{ id: "open", value: "open", label: "Open", name: "Open", color: "green" }],
    }),
    search: gives(calls, "search", [{ id: 1, value: 1, label: "One", name: "One" }]),
  };
}

function constantMetadata(calls: Call[]): MetadataService {
  return {
    table: gives(calls, "table", { title: "Tickets", columns: [] }),
    modal: gives(calls, "modal", { title: "Ticket", fields: [] }),
    all: gives(calls, "all", {
      version: "a.1",
      tables: { tickets: { title: "Tickets", columns: [] } },
      modals: {},
    }),
  };
}

/** A plan without anything in it. */
export const PLAN: InstallationPlan = {
  operation: "install",
  addon_key: "tickets",
  name: "Tickets",
  to_version: "1.0.0",
  digest: "ab".repeat(32),
  signature: { status: "unsigned" },
  revision: 0,
  schema: "addon_tickets",
  changes: [],
  migrations: [],
  data_at_risk: [],
  capabilities: { added: [], removed: [], kept: [] },
  models: { added: [], changed: [], removed: [] },
  routes: [],
  navigation: [],
  settings_needed: [],
  requirements: [],
  dependents: [],
  extends: [],
  warnings: [],
  obstacles: [],
  plan_hash: "cd".repeat(32),
};

function constantAddons(calls: Call[]): AddonService {
  const document = { key: "tickets", version: "1.0.0", unread: { kept: true } };
  const result = {
    operation: "install" as const,
    installation: INSTALLATION,
    installSecret: "ab".repeat(32),
    // The route sends the document for clients and nothing else of the manifest.
    manifest: { document, client_document: document, settings: [] } as unknown as Manifest,
    warnings: ["hooks are not run"],
  };
  return {
    checkInstall: () => Promise.resolve(),
    plan: gives(calls, "plan", PLAN),
    planRegistered: gives(calls, "planRegistered", PLAN),
    planRollback: gives(calls, "planRollback", PLAN),
    install: gives(calls, "install", result),
    installRegistered: gives(calls, "installRegistered", result),
    rollback: gives(calls, "rollback", { ...result, operation: "rollback" as const }),
    enable: gives(calls, "enable", INSTALLATION),
    disable: gives(calls, "disable", { ...INSTALLATION, status: "disabled" as const }),
    installation: gives(calls, "installation", INSTALLATION),
    uninstall: gives(calls, "uninstall", undefined),
    installations: gives(calls, "installations", [INSTALLATION]),
    manifests: gives(calls, "manifests", [document]),
    navigation: gives(calls, "navigation", [
      {
        title: "Core",
        target: "core",
        items: [{ title: "Home", url: "/" }, { title: "In", url: "/x", owner: "addon:tickets" }],
      },
      { title: "Tickets", icon: "Box", items: [{ title: "All", owner: "addon:tickets" }] },
      { title: "Empty", items: [] },
    ]),
  };
}

function constantActions(calls: Call[]): ActionService {
  const meta = { model: "tickets", action: "close", trigger_type: "wasm" };
  const done = { outcome: "done" as const, data: { closed: true }, meta };
  return {
    run: gives(calls, "run", done),
    runOnModel: gives(calls, "runOnModel", done),
    intercept: () => () => {},
  };
}

/** A file of an addon's frontend. */
export const ASSET: Asset = {
  contentType: "application/javascript",
  sha256: "ab".repeat(32),
  immutable: false,
  size: 8,
  read: () => Promise.resolve(new TextEncoder().encode("export{}")),
};

const WISH: MarketplaceRequest = {
  id: "0190a000-0000-7000-8000-00000000000e",
  organization_id: ORGANIZATION_ID,
  addon_key: "tickets",
  name: "",
  category: "",
  version: "latest",
  bundle_url: "",
  status: "requested",
  error_message: "",
  requested_by_id: USER_ID,
  requested_at: TIME,
  completed_at: null,
};

function lifeServices(calls: Call[], replaced: Replacements): Pick<HttpServices, LifeService> {
  return {
    settings: { ...constantSettings(calls), ...replaced.settings },
    tools: {
      list: gives(calls, "tools", []),
      execute: gives(calls, "execute", { success: true, data: { sent: true } }),
      ...replaced.tools,
    },
    assets: { find: gives(calls, "find", ASSET), ...replaced.assets },
    catalog: { ...constantCatalog(calls), ...replaced.catalog },
    marketplace: {
      install: gives(calls, "wish", { request: WISH }),
      list: gives(calls, "wishes", [WISH]),
      ...replaced.marketplace,
    },
    translations: {
      texts: gives(calls, "texts", { hello: "Hola" }),
      publicTexts: gives(calls, "publicTexts", { hello: "Hola" }),
      translator: gives(calls, "translator", (_addonKey: string, text: string) => text),
      ...replaced.translations,
    },
    organizationValues: {
      list: gives(calls, "values", {}),
      set: gives(calls, "setValue", undefined),
      ...replaced.organizationValues,
    },
    signedCalls: {
      verify: gives(calls, "verifyCall", {
        organizationId: ORGANIZATION_ID,
        addonKey: "tickets",
      }),
      ...replaced.signedCalls,
    },
    backendEvents: { publish: gives(calls, "publish", undefined), ...replaced.backendEvents },
    idempotency: {
      once: async ({ caller: { organizationId } }, work) => {
        const claim = {
          organizationId,
          key: "key",
          owner: "owner",
          keptUntil: "2026-11-22T00:00:00.000Z",
        };
        return { answer: await work(claim), kept: false };
      },
      ...replaced.idempotency,
    },
    access: { check: gives(calls, "check", undefined), ...replaced.access },
    registry: replaced.registry ?? { snapshot: () => Promise.reject(new Error("no models")) },
  };
}

function constantSettings(calls: Call[]): AddonSettings {
  return {
    list: gives(calls, "settings", [
      {
        key: "color",
        label: "Color",
        type: "string",
        secret: false,
        required: false,
        value: "red",
        is_set: true,
      },
    ]),
    values: gives(calls, "settingValues", { color: "red" }),
    update: gives(calls, "updateSettings", { color: "blue" }),
    rotateSecret: gives(calls, "rotateSecret", { install_secret: "cd".repeat(32) }),
  };
}

function constantCatalog(calls: Call[]): AddonCatalog {
  const manifest = { key: "tickets", version: "2.0.0" };
  return {
    entries: gives(calls, "entries", [{
      manifest,
      version: "2.0.0",
      installable: true,
      entitled: true,
      installed: true,
      enabled: true,
      installed_version: "1.0.0",
      source: "catalog" as const,
    }]),
    find: gives(calls, "findBundle", {
      archive: new Uint8Array([1]),
      source: "catalog" as const,
    }),
  };
}

function constantCode(calls: Call[]): AddonCode {
  return {
    call: gives(calls, "call", new Uint8Array()),
    runJob: gives(calls, "runJob", undefined),
    traps: gives(calls, "traps", []),
    status: gives(calls, "status", { breaker: "closed" as const, failures: 0 }),
    resetBreaker: gives(calls, "resetBreaker", undefined),
    stop: gives(calls, "stop", 2),
  };
}

/** The operator's token of {@link withApp}. */
export const OPERATOR_TOKEN = "an operator's token of 32 characters and more".replaceAll(" ", "-");

function constantOperator(calls: Call[]): OperatorServices {
  return {
    token: OPERATOR_TOKEN,
    metrics: () => "# HELP up Whether it runs.\n# TYPE up gauge\nup 1\n",
    sandboxStats: () => ({
      workers: 2,
      spareWorkers: 1,
      busyWorkers: 1,
      waiting: 0,
      invocations: 7,
      traps: 1,
      timeouts: 0,
      refused: 0,
    }),
    stop: (...args) => {
      calls.push(["stop", ...args]);
      return 3;
    },
    enforcement: () => "enforce",
    setEnforcement: gives(calls, "setEnforcement", undefined),
  };
}

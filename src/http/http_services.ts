/**
 * What the HTTP room is given and what it gives: the services it speaks for, its settings, and the
 * one function that answers requests. No type of the router library appears here.
 *
 * @module
 */

import type { AccessService } from "../access/access_service.ts";
import type { AuditLog } from "../access/audit_log.ts";
import type { EnforcementMode } from "../access/capability.ts";
import type { ActionService } from "../addons/actions/action_service.ts";
import type { AddonService } from "../addons/addon_service.ts";
import type { AddonCode } from "../addons/code/addon_code.ts";
import type { AddonSecrets } from "../addons/code/addon_secrets.ts";
import type { AddonAssets } from "../addons/assets/addon_assets.ts";
import type { BackendEvents, SignedCallVerifier } from "../addons/backend/backend.ts";
import type { AddonCatalog, Marketplace } from "../addons/catalog/addon_catalog.ts";
import type { OrganizationValues } from "../addons/extensions/organization_values.ts";
import type { AddonSettings } from "../addons/settings/addon_settings.ts";
import type { ToolService } from "../addons/tools/tool_service.ts";
import type { AddonTranslations } from "../addons/translations/addon_translations.ts";
import type { Idempotency } from "../idempotency/idempotency.ts";
import type { AuthService } from "../auth/auth_service.ts";
import type { Clock } from "../base/clock.ts";
import type { IdSource } from "../base/ids.ts";
import type { MetadataService } from "../models/metadata_service.ts";
import type { ModelRegistry } from "../models/registry.ts";
import type { RecordService } from "../records/record_service.ts";
import type { SandboxStats } from "../sandbox/sandbox.ts";
import type { Logger } from "../telemetry/log.ts";
import type { HttpLimits } from "./limits.ts";

/** Whether the kernel can do its work right now. */
export interface Readiness {
  /** False makes `/readyz` answer 503. */
  readonly ready: boolean;
  /** One word per thing that was looked at. Anybody may read it: no addresses, no error texts. */
  readonly checks: Readonly<Record<string, "ok" | "failed">>;
}

/** Which web pages of other origins may read answers. */
export interface CorsSettings {
  /** Exact origins such as `https://app.example.com`; a wildcard is refused. */
  readonly origins: readonly string[];
}

/** What the operator of the process may see and do. */
export interface OperatorServices {
  /** What they present as bearer token; absent refuses everybody. */
  readonly token?: string;
  /** Every metric in text form. */
  readonly metrics: () => string;
  readonly sandboxStats: () => SandboxStats;
  /** Stops running calls of an addon. @returns how many */
  readonly stop: (addonKey: string, organizationId?: string) => number;
  readonly enforcement: () => EnforcementMode;
  readonly setEnforcement: (mode: EnforcementMode) => Promise<void>;
}

/** What the HTTP room is made of. */
export interface HttpServices {
  readonly auth: AuthService;
  readonly records: RecordService;
  readonly metadata: MetadataService;
  readonly addons: AddonService;
  readonly actions: ActionService;
  readonly code: AddonCode;
  readonly secrets: AddonSecrets;
  readonly settings: AddonSettings;
  readonly tools: ToolService;
  readonly assets: AddonAssets;
  readonly catalog: AddonCatalog;
  readonly marketplace: Marketplace;
  readonly translations: AddonTranslations;
  readonly organizationValues: OrganizationValues;
  readonly signedCalls: SignedCallVerifier;
  /** Takes events of addons' backends. */
  readonly backendEvents: BackendEvents;
  readonly idempotency: Idempotency;
  /** Asked before a kept answer is given again; what works asks by itself. */
  readonly access: Pick<AccessService, "check">;
  /** Names models as permissions do. */
  readonly registry: Pick<ModelRegistry, "snapshot">;
  /** Told after a request that may have changed something. @default nobody is told */
  readonly changed?: (organizationId: string) => void;
  readonly audit: AuditLog;
  readonly operator: OperatorServices;
  readonly logger: Logger;
  readonly clock: Clock;
  readonly ids: IdSource;
  /** Asked by `/readyz`; what it throws counts as not ready. */
  readonly readiness: () => Promise<Readiness>;
  /** Contract version sent as `X-Metacore-Kernel-Version`, such as `2.0.0`. */
  readonly kernelContractVersion: string;
  /** @default no other origin may read answers */
  readonly cors?: CorsSettings;
  /** @default {@link DEFAULT_HTTP_LIMITS} */
  readonly limits?: Partial<HttpLimits>;
}

/** What the server knows about a request beyond the request itself. */
export interface RequestInfo {
  /**
   * Address of the client as the login rate limit shall count it: behind a proxy, what the trusted
   * proxy says.
   */
  readonly remoteAddress?: string;
}

/** The HTTP surface of a kernel. */
export interface HttpApp {
  /**
   * Answers a request. Never rejects: every failure is an answer.
   *
   * @param request any request.
   * @param info what the server knows beyond it.
   */
  readonly fetch: (request: Request, info?: RequestInfo) => Promise<Response>;
  /**
   * Stops taking requests (they are answered 503 with `Connection: close`) and waits until the
   * running ones are answered. Probes go on being answered; `/readyz` says 503.
   */
  readonly drain: () => Promise<void>;
}

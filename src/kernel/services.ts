/**
 * What an embedding application calls without HTTP.
 *
 * @module
 */

import type { AuditLog } from "../access/audit_log.ts";
import type { AccessService } from "../access/access_service.ts";
import type { ActionService } from "../addons/actions/action_service.ts";
import type { AddonService } from "../addons/addon_service.ts";
import type { SignedCallVerifier } from "../addons/backend/backend.ts";
import type { AddonCatalog, Marketplace } from "../addons/catalog/addon_catalog.ts";
import type { AddonCode } from "../addons/code/addon_code.ts";
import type { AddonSecrets } from "../addons/code/addon_secrets.ts";
import type { OrganizationValues } from "../addons/extensions/organization_values.ts";
import type { AddonSettings } from "../addons/settings/addon_settings.ts";
import type { ToolService } from "../addons/tools/tool_service.ts";
import type { AddonTranslations } from "../addons/translations/addon_translations.ts";
import type { Hooks } from "../addons/hooks/hooks.ts";
import type { AuthService } from "../auth/auth_service.ts";
import type { EventLog } from "../events/log.ts";
import type { MetadataService } from "../models/metadata_service.ts";
import type { RecordService } from "../records/record_service.ts";

/** Everything the kernel does, as services that need no HTTP. */
export interface KernelServices {
  /** Who people are. */
  readonly auth: AuthService;
  /** What people may do. */
  readonly access: AccessService;
  /** Records of any model. */
  readonly records: RecordService;
  /** What a UI draws from. */
  readonly metadata: MetadataService;
  /** Installing and removing addons. */
  readonly addons: AddonService;
  /** Running actions of addons on records. */
  readonly actions: ActionService;
  /** Functions that addons offer outside records. */
  readonly tools: ToolService;
  /** Settings of installations, and their secrets. */
  readonly settings: AddonSettings;
  /** Addons that can be installed without an upload. */
  readonly catalog: AddonCatalog;
  /** Wishes for addons, as the marketplace's clients make them. */
  readonly marketplace: Marketplace;
  /** Translations that addons bring. */
  readonly translations: AddonTranslations;
  /** Values that `$org.<key>` names. */
  readonly organizationValues: OrganizationValues;
  /** Taking calls of addons' backends. */
  readonly signedCalls: SignedCallVerifier;
  /** Calling addon code, and looking after it. */
  readonly code: AddonCode;
  /** Secrets that organizations give to addons. */
  readonly secrets: AddonSecrets;
  /** Actions and filters that plugins and the host application listen to. */
  readonly hooks: Hooks;
  /** Decisions and changes that somebody may have to answer for. */
  readonly audit: AuditLog;
  /** The log of everything that happened, in order. */
  readonly events: EventLog;
}

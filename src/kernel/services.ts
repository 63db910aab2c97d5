/**
 * What an embedding application calls without HTTP.
 *
 * @module
 */

import type { AuditLog } from "../access/audit_log.ts";
import type { AccessService } from "../access/access_service.ts";
import type { ActionService } from "../addons/actions/action_service.ts";
import type { AddonService } from "../addons/addon_service.ts";
import type { AddonCode } from "../addons/code/addon_code.ts";
import type { AddonSecrets } from "../addons/code/addon_secrets.ts";
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

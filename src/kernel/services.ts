/**
 * What an embedding application calls without HTTP.
 *
 * @module
 */

import type { AccessService } from "../access/access_service.ts";
import type { AddonService } from "../addons/addon_service.ts";
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
  /** The log of everything that happened, in order. */
  readonly events: EventLog;
}

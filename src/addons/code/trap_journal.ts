/**
 * Keeps recent traps of addon code in a readable form: functions and, where the bundle brings a source
 * map, files and lines. Reading positions needs the original module, so it happens after the answer.
 *
 * @module
 */

import type { Caller } from "../../base/caller.ts";
import type { Clock } from "../../base/clock.ts";
import { isKernelError, type KernelError } from "../../base/error.ts";
import { PAGE_BYTES } from "../../sandbox/abi.ts";
import type { Target } from "../../sandbox/abi.ts";
import { countsAgainstGuest } from "../../sandbox/errors.ts";
import { functionNames } from "../../sandbox/module/function_names.ts";
import { originalOffsets } from "../../sandbox/module/positions.ts";
import { DEFAULT_TABLE_LIMIT } from "../../sandbox/module/prepare.ts";
import type { Logger } from "../../telemetry/log.ts";
import type { LiveInstallation } from "../live_installations.ts";
import type { AddonModules } from "./addon_modules.ts";

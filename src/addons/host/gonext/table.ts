/**
 * The host functions of the GoNext interface by module and name of their import, those of its SDKs
 * included (contract/gonext.md §2, §19).
 *
 * @module
 */

import type { HostFunctionTable } from "../host_function.ts";
import { cacheInvalidate } from "./cache.ts";
import { gonextHttpFetch } from "./http.ts";
import { mediaRead, usersRead } from "./lookups.ts";
import { gonextEventEmit, metricObserve, spanEvent, translate } from "./observability.ts";
import { auditEmit, cronRegister, secretsGet } from "./platform.ts";
import { dbRead, dbWrite } from "./sql.ts";
import { kvDelete, kvGet, kvIncrement, kvSet } from "./values.ts";

/** Everything that GoNext guests may call; log, panic and time go another way. */
export const gonextFunctions: HostFunctionTable = new Map([
  ["gonext_data.gn_kv_get", kvGet],
  ["gonext_data.gn_kv_set", kvSet],
  ["gonext_data.gn_kv_del", kvDelete],
  ["gonext_data.gn_kv_incr", kvIncrement],
  ["gonext_data.gn_db_read", dbRead],
  ["gonext_data.gn_db_write", dbWrite],
  ["gonext_data.gn_cache_invalidate", cacheInvalidate],
  ["env_net.gn_http_fetch", gonextHttpFetch],
  ["env_net.gn_users_read", usersRead],
  ["env_net.gn_media_read", mediaRead],
  ["env.gn_secrets_get", secretsGet],
  ["env.gn_audit_emit", auditEmit],
  ["env.gn_cron_register", cronRegister],
  ["env_platform.gn_secrets_get", secretsGet],
  ["env_platform.gn_audit_emit", auditEmit],
  ["env_platform.gn_cron_register", cronRegister],
  ["env.gn_metric_observe", metricObserve],
  ["env.gn_span_event", spanEvent],
  ["env.gn_event_emit", gonextEventEmit],
  ["env.gn_i18n_translate", translate],
]);

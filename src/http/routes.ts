/**
 * The route table: everything this kernel answers, in mount order. What is not here is a 404.
 *
 * @module
 */

import type { Route, RouteDescription } from "./route.ts";
import { ACTION_ROUTES } from "./routes/actions.ts";
import { ADDON_ASSET_ROUTES } from "./routes/addon_assets.ts";
import { ADDON_CODE_ROUTES } from "./routes/addon_code.ts";
import { ADDON_INSTALL_ROUTES } from "./routes/addon_installs.ts";
import { ADDON_SECRET_ROUTES } from "./routes/addon_secrets.ts";
import { ADDON_SETTING_ROUTES } from "./routes/addon_settings.ts";
import { ADDON_ROUTES } from "./routes/addons.ts";
import { AUTH_ROUTES } from "./routes/auth.ts";
import { BACKEND_CALL_ROUTES } from "./routes/backend_calls.ts";
import { CATALOG_ROUTES } from "./routes/catalog.ts";
import { HEALTH_ROUTES } from "./routes/health.ts";
import { KERNEL_ADDON_ROUTES } from "./routes/kernel_addons.ts";
import { LOOKUP_ROUTES } from "./routes/lookups.ts";
import { MARKETPLACE_ROUTES } from "./routes/marketplace.ts";
import { METADATA_ROUTES } from "./routes/metadata.ts";
import { OPERATOR_ROUTES } from "./routes/operator.ts";
import { ORGANIZATION_VALUE_ROUTES } from "./routes/organization_values.ts";
import { RECORD_ROUTES } from "./routes/records.ts";
import { TOOL_ROUTES } from "./routes/tools.ts";
import { TRANSLATION_ROUTES } from "./routes/translations.ts";

/** Every route. */
export const ROUTES: readonly Route[] = [
  ...HEALTH_ROUTES, //   /healthz, /readyz
  ...AUTH_ROUTES, //     /api/auth
  ...METADATA_ROUTES, // /api/metadata
  ...RECORD_ROUTES, //   /api/dynamic, /api/data
  ...ACTION_ROUTES, //   …/:id/action/:key
  ...TOOL_ROUTES, //     /api/metacore/tools
  ...LOOKUP_ROUTES, //   /api/options, /api/search
  ...ADDON_ROUTES, //    /api/metacore, /api/navigation
  ...ADDON_INSTALL_ROUTES, // /api/metacore/installations, …/:key/version, …/:key/rollback
  ...ADDON_SETTING_ROUTES, // …/:key/settings, …/:key/rotate-secret, /api/addons/:key/settings
  ...CATALOG_ROUTES, //  /api/metacore/catalog
  ...MARKETPLACE_ROUTES, // /api/marketplace
  ...KERNEL_ADDON_ROUTES, // /api/kernel/addons
  ...BACKEND_CALL_ROUTES, // /api/metacore/callbacks
  ...ADDON_ASSET_ROUTES, // /api/metacore/addons/:key/frontend
  ...TRANSLATION_ROUTES, // …/addons/:key/i18n/:lang, /v1/addons
  ...ORGANIZATION_VALUE_ROUTES, // /api/organization/values
  ...ADDON_CODE_ROUTES, // …/installations/:key/code, /traps, /api/metacore/audit
  ...ADDON_SECRET_ROUTES, // …/installations/:key/secrets
  ...OPERATOR_ROUTES, // /metrics, /api/operator
];

/**
 * Describes every route without its function: what a reference or an OpenAPI document is made of.
 *
 * @returns the descriptions in mount order.
 */
export function describeRoutes(): readonly RouteDescription[] {
  return ROUTES.map((route) => {
    const { handle: _handle, ...description } = route;
    if (route.access !== "user") return description;
    const { handle: _, answerOfResult: _result, answerToNobody: _nobody, ...rest } = route;
    return rest;
  });
}

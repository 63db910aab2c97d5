/**
 * The kernel's own tables as Kysely sees them. Physically `metacore.<name>` on Postgres and
 * `metacore_<name>` on SQLite. Times are RFC 3339 text, booleans come as engine values; JSON
 * columns hold JSON text.
 *
 * @module
 */

import type { Generated } from "kysely";

/** A tenant. */
export interface OrganizationTable {
  id: string;
  name: string;
  slug: string;
  created_at: string;
  updated_at: string;
}

/** A person of one organization. */
export interface UserTable {
  id: string;
  organization_id: string;
  name: string;
  /** As given; compared through `email_key`. */
  email: string;
  /** Lower-case form; unique. */
  email_key: string;
  password_hash: string;
  role: string;
  avatar: string | null;
  /** `active` or `disabled`. */
  status: Generated<string>;
  last_login_at: string | null;
  created_at: string;
  updated_at: string;
}

/** A permission held by a role or a user inside one organization. */
export interface PermissionGrantTable {
  organization_id: string;
  /** `role` or `user`. */
  holder_kind: string;
  /** Lower-case role name, or user id. */
  holder: string;
  /** `<resource>.<action>` or `*`. */
  permission: string;
  created_at: string;
}

/** One archive as uploaded. */
export interface BundleTable {
  /** SHA-256 of the archive, hex. */
  digest: string;
  addon_key: string;
  version: string;
  /** Manifest as JSON text. */
  manifest: string;
  /** SHA-256 per entry as JSON text. */
  entries: string;
  archive: Uint8Array;
  /** The verified signature as JSON text; null for an unsigned bundle. */
  signature: Generated<string | null>;
  created_at: string;
  /** Since when no installation runs it or could go back to it; null while one does. */
  left_at: Generated<string | null>;
}

/** A file of a bundle that is read one by one: what browsers load, and translations. */
export interface BundleFileTable {
  digest: string;
  /** Path in the bundle, such as `frontend/assets/index.js`. */
  path: string;
  /** Of the bytes, hex. */
  sha256: string;
  bytes: Uint8Array;
}

/** The highest version of an addon ever seen from one signer. */
export interface SeenVersionTable {
  addon_key: string;
  /** `key:<key id>`, or `organization:<id>` for unsigned bundles. */
  signer: string;
  version: string;
  /** SHA-256 of the bundle that brought that version, hex; null where it was not noted. */
  digest: string | null;
  seen_at: string;
}

/** A nonce that a signed call has used up. */
export interface CallNonceTable {
  installation_id: string;
  nonce: string;
  expires_at: string;
}

/** A request that can be repeated, and its answer once there is one. */
export interface IdempotencyKeyTable {
  organization_id: string;
  /** Hash of user, method, path and the client's key. */
  key: string;
  /** Hash of the body: another one under the same key is refused. */
  request_hash: string;
  /** Whose turn it is to answer; tells a crashed request's row from a running one's. */
  owner: string;
  /** Null while the request runs. */
  status: number | null;
  body: string | null;
  created_at: string;
  expires_at: string;
}

/** A value that an organization configures, which `$org.<key>` names. */
export interface OrganizationValueTable {
  organization_id: string;
  key: string;
  /** JSON text. */
  value: string;
  updated_at: string;
}

/** How far an addon's subscriptions have come in the event log of an organization. */
export interface SubscriptionCursorTable {
  organization_id: string;
  addon_key: string;
  /** Sequence of the last event that was dealt with. */
  position: number;
  /** Failures in a row at the next event. */
  failures: Generated<number>;
  last_error: string | null;
  retry_at: string | null;
  /** While another process delivers. */
  claimed_until: string | null;
  updated_at: string;
}

/** A wish for an addon, as the marketplace's clients make it. */
export interface MarketplaceRequestTable {
  id: string;
  organization_id: string;
  addon_key: string;
  name: string;
  category: string;
  version: string;
  bundle_url: string;
  /** `requested`, `downloading`, `installing`, `installed` or `failed`. */
  status: string;
  error_message: string;
  requested_by_id: string | null;
  requested_at: string;
  completed_at: string | null;
}

/** One addon in one organization. */
export interface InstallationTable {
  id: string;
  organization_id: string;
  addon_key: string;
  version: string;
  /** `enabled` or `disabled`. */
  status: string;
  /** `bundle`, `federated` or `compiled`. */
  source: string;
  isolation: string;
  /** Physical schema of the addon's tables. */
  schema_name: string;
  bundle_digest: string | null;
  secret_hash: string;
  /** base64(nonce ‖ ciphertext ‖ tag), AES-256-GCM under the master key. */
  secret_enc: string | null;
  /** JSON text. */
  settings: string;
  /** Secret values of settings by key, each sealed, as JSON text. */
  sealed_settings: Generated<string>;
  /** Rises with every change of the row: what was planned on an older one is refused. */
  revision: Generated<number>;
  /** Capabilities that somebody accepted, `<kind> <target>`, as JSON text. */
  accepted_capabilities: Generated<string>;
  /** Bundle that a rollback goes back to. */
  previous_digest: Generated<string | null>;
  /** The secret before the last rotation, sealed, while both hold. */
  previous_secret_enc: Generated<string | null>;
  previous_secret_until: Generated<string | null>;
  installed_at: string;
  enabled_at: string | null;
  disabled_at: string | null;
  updated_at: string;
}

/** An addon migration that has been applied to one schema. */
export interface AddonMigrationTable {
  schema_name: string;
  addon_key: string;
  version: string;
  checksum: string;
  applied_at: string;
}

/** The outbox, which is the event log: one row per change, written in its transaction. */
export interface EventTable {
  sequence: Generated<number>;
  id: string;
  organization_id: string;
  /** `<addon>.<model>.<created|updated|deleted>`. */
  name: string;
  addon_key: string;
  model: string;
  /** Physical table, for change tokens. */
  table_name: string;
  record_id: string | null;
  /** JSON text. */
  payload: string;
  actor_id: string | null;
  request_id: string;
  created_at: string;
}

/** Failed logins by key, for the rate limit. */
export interface LoginAttemptTable {
  /** What is counted, such as a client address or a hashed e-mail address. */
  key: string;
  failures: number;
  window_started_at: string;
  blocked_until: string | null;
}

/** A kernel migration that has been applied. */
export interface SchemaMigrationTable {
  /** Such as `0001_identity`. */
  name: string;
  /** SHA-256 of its SQL, hex. */
  checksum: string;
  applied_at: string;
}

/** A counter that rises with every change of an organization's catalog of addons. */
export interface CatalogTable {
  organization_id: string;
  version: number;
}

/** A module as it was admitted and rewritten. */
export interface PreparedModuleTable {
  /** Hash of the original, version of the rewriter and the limits built in. */
  id: string;
  bundle_digest: string;
  /** What the sandbox needs to know of it beside its bytes, as JSON text. */
  outline: string;
  bytes: Uint8Array;
  /** HMAC over id, outline and bytes under the master key, hex. */
  seal: Generated<string | null>;
  created_at: string;
}

/** The circuit breaker of an installation that has failed. */
export interface BreakerTable {
  installation_id: string;
  /** `closed` or `open`. */
  state: string;
  /** Times of recent failures as JSON text, milliseconds since 1970. */
  failures: string;
  opened_at: string | null;
  /** When a probe may be tried. */
  retry_at: string | null;
  /** Times it has opened in a row. */
  openings: number;
  updated_at: string;
}

/** One audit record. */
export interface AuditRecordTable {
  sequence: Generated<number>;
  name: string;
  /** `info` or `warning`. */
  severity: string;
  organization_id: string | null;
  addon_key: string | null;
  installation_id: string | null;
  actor_id: string | null;
  request_id: string | null;
  /** JSON text. */
  details: string;
  created_at: string;
}

/** A value of an addon's key-value store. */
export interface AddonValueTable {
  organization_id: string;
  addon_key: string;
  key: string;
  value: Uint8Array;
  created_at: string;
  updated_at: string;
}

/** A secret that an operator gave to an addon of an organization. */
export interface AddonSecretTable {
  organization_id: string;
  addon_key: string;
  name: string;
  /** base64(nonce ‖ ciphertext ‖ tag), AES-256-GCM under the master key. */
  sealed: string;
  updated_at: string;
}

/** A schedule that an addon's code registered. */
export interface AddonScheduleTable {
  organization_id: string;
  addon_key: string;
  handler: string;
  /** Cron expression as the guest gave it. */
  schedule: string;
  created_at: string;
}

/** Every kernel table by name. */
export interface KernelTables {
  organizations: OrganizationTable;
  users: UserTable;
  permission_grants: PermissionGrantTable;
  bundles: BundleTable;
  installations: InstallationTable;
  addon_migrations: AddonMigrationTable;
  events: EventTable;
  catalogs: CatalogTable;
  login_attempts: LoginAttemptTable;
  schema_migrations: SchemaMigrationTable;
  prepared_modules: PreparedModuleTable;
  breakers: BreakerTable;
  audit_records: AuditRecordTable;
  addon_values: AddonValueTable;
  addon_secrets: AddonSecretTable;
  addon_schedules: AddonScheduleTable;
  bundle_files: BundleFileTable;
  seen_versions: SeenVersionTable;
  call_nonces: CallNonceTable;
  idempotency_keys: IdempotencyKeyTable;
  organization_values: OrganizationValueTable;
  subscription_cursors: SubscriptionCursorTable;
  marketplace_requests: MarketplaceRequestTable;
}

const NAMES: Readonly<Record<keyof KernelTables, true>> = {
  organizations: true,
  users: true,
  permission_grants: true,
  bundles: true,
  installations: true,
  addon_migrations: true,
  events: true,
  catalogs: true,
  login_attempts: true,
  schema_migrations: true,
  prepared_modules: true,
  breakers: true,
  audit_records: true,
  addon_values: true,
  addon_secrets: true,
  addon_schedules: true,
  bundle_files: true,
  seen_versions: true,
  call_nonces: true,
  idempotency_keys: true,
  organization_values: true,
  subscription_cursors: true,
  marketplace_requests: true,
};

/** Names of every kernel table. */
export const KERNEL_TABLE_NAMES: ReadonlySet<string> = new Set(Object.keys(NAMES));

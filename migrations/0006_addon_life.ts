/**
 * What the life of an addon needs kept: who signed a bundle, the files that browsers load, versions
 * ever seen, what an installation may go back to, nonces, keys of repeated requests, values of
 * organizations, cursors of subscriptions, requests to the marketplace.
 *
 * @module
 */

import type { Migration } from "../src/db/migration.ts";

/** Tables and columns of addons' lives. */
export const addonLife: Migration = {
  name: "0006_addon_life",
  sql: {
    postgres: [
      `alter table metacore.bundles add column signature text, add column left_at timestamptz`,
      `alter table metacore.prepared_modules add column seal text`,
      `alter table metacore.installations
        add column revision bigint not null default 1,
        add column accepted_capabilities text not null default '[]',
        add column sealed_settings text not null default '{}',
        add column previous_digest text references metacore.bundles (digest),
        add column previous_secret_enc text,
        add column previous_secret_until timestamptz`,
      // Files and texts for whoever has no token are looked up by addon, in every organization.
      `create index installations_addon on metacore.installations (addon_key, status)`,
      `create index installations_previous on metacore.installations (previous_digest)`,
      `create table metacore.bundle_files (
        digest text not null references metacore.bundles (digest) on delete cascade,
        path text not null,
        sha256 text not null,
        bytes bytea not null,
        primary key (digest, path)
      )`,
      `create table metacore.seen_versions (
        addon_key text not null,
        signer text not null,
        version text not null,
        digest text,
        seen_at timestamptz not null,
        primary key (addon_key, signer)
      )`,
      `create table metacore.call_nonces (
        installation_id uuid not null
          references metacore.installations (id) on delete cascade,
        nonce text not null,
        expires_at timestamptz not null,
        primary key (installation_id, nonce)
      )`,
      `create index call_nonces_expiry on metacore.call_nonces (expires_at)`,
      `create table metacore.idempotency_keys (
        organization_id uuid not null references metacore.organizations (id) on delete cascade,
        key text not null,
        request_hash text not null,
        owner text not null,
        status integer,
        body text,
        created_at timestamptz not null,
        expires_at timestamptz not null,
        primary key (organization_id, key)
      )`,
      `create index idempotency_keys_expiry on metacore.idempotency_keys (expires_at)`,
      `create table metacore.organization_values (
        organization_id uuid not null references metacore.organizations (id) on delete cascade,
        key text not null,
        value text not null,
        updated_at timestamptz not null,
        primary key (organization_id, key)
      )`,
      `create table metacore.subscription_cursors (
        organization_id uuid not null references metacore.organizations (id) on delete cascade,
        addon_key text not null,
        position bigint not null,
        failures integer not null default 0,
        last_error text,
        retry_at timestamptz,
        claimed_until timestamptz,
        updated_at timestamptz not null,
        primary key (organization_id, addon_key)
      )`,
      `create table metacore.marketplace_requests (
        id uuid primary key,
        organization_id uuid not null references metacore.organizations (id) on delete cascade,
        addon_key text not null,
        name text not null,
        category text not null,
        version text not null,
        bundle_url text not null,
        status text not null
          check (status in ('requested', 'downloading', 'installing', 'installed', 'failed')),
        error_message text not null,
        requested_by_id uuid,
        requested_at timestamptz not null,
        completed_at timestamptz
      )`,
      `create index marketplace_requests_organization
        on metacore.marketplace_requests (organization_id, requested_at)`,
    ],
    sqlite: [
      `alter table metacore_bundles add column signature text`,
      `alter table metacore_bundles add column left_at text`,
      `alter table metacore_prepared_modules add column seal text`,
      `alter table metacore_installations add column revision integer not null default 1`,
      `alter table metacore_installations
        add column accepted_capabilities text not null default '[]'`,
      `alter table metacore_installations add column sealed_settings text not null default '{}'`,
      `alter table metacore_installations
        add column previous_digest text references metacore_bundles (digest)`,
      `alter table metacore_installations add column previous_secret_enc text`,
      `alter table metacore_installations add column previous_secret_until text`,
      `create index metacore_installations_addon on metacore_installations (addon_key, status)`,
      `create index metacore_installations_previous on metacore_installations (previous_digest)`,
      `create table metacore_bundle_files (
        digest text not null references metacore_bundles (digest) on delete cascade,
        path text not null,
        sha256 text not null,
        bytes blob not null,
        primary key (digest, path)
      ) strict`,
      `create table metacore_seen_versions (
        addon_key text not null,
        signer text not null,
        version text not null,
        digest text,
        seen_at text not null,
        primary key (addon_key, signer)
      ) strict`,
      `create table metacore_call_nonces (
        installation_id text not null
          references metacore_installations (id) on delete cascade,
        nonce text not null,
        expires_at text not null,
        primary key (installation_id, nonce)
      ) strict`,
      `create index metacore_call_nonces_expiry on metacore_call_nonces (expires_at)`,
      `create table metacore_idempotency_keys (
        organization_id text not null references metacore_organizations (id) on delete cascade,
        key text not null,
        request_hash text not null,
        owner text not null,
        status integer,
        body text,
        created_at text not null,
        expires_at text not null,
        primary key (organization_id, key)
      ) strict`,
      `create index metacore_idempotency_keys_expiry on metacore_idempotency_keys (expires_at)`,
      `create table metacore_organization_values (
        organization_id text not null references metacore_organizations (id) on delete cascade,
        key text not null,
        value text not null,
        updated_at text not null,
        primary key (organization_id, key)
      ) strict`,
      `create table metacore_subscription_cursors (
        organization_id text not null references metacore_organizations (id) on delete cascade,
        addon_key text not null,
        position integer not null,
        failures integer not null default 0,
        last_error text,
        retry_at text,
        claimed_until text,
        updated_at text not null,
        primary key (organization_id, addon_key)
      ) strict`,
      `create table metacore_marketplace_requests (
        id text primary key not null,
        organization_id text not null references metacore_organizations (id) on delete cascade,
        addon_key text not null,
        name text not null,
        category text not null,
        version text not null,
        bundle_url text not null,
        status text not null
          check (status in ('requested', 'downloading', 'installing', 'installed', 'failed')),
        error_message text not null,
        requested_by_id text,
        requested_at text not null,
        completed_at text
      ) strict`,
      `create index metacore_marketplace_requests_organization
        on metacore_marketplace_requests (organization_id, requested_at)`,
    ],
  },
};

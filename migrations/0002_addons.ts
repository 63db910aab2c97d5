/**
 * Bundles, installations, the addon migrations that were applied, and the catalog's counter.
 *
 * @module
 */

import type { Migration } from "../src/db/migration.ts";

/** Tables of addons. */
export const addons: Migration = {
  name: "0002_addons",
  sql: {
    postgres: [
      `create table metacore.bundles (
        digest text primary key,
        addon_key text not null,
        version text not null,
        manifest text not null,
        entries text not null,
        archive bytea not null,
        created_at timestamptz not null
      )`,
      `create table metacore.installations (
        id uuid primary key,
        organization_id uuid not null references metacore.organizations (id) on delete cascade,
        addon_key text not null,
        version text not null,
        status text not null check (status in ('enabled', 'disabled', 'removed')),
        source text not null check (source in ('bundle', 'federated', 'compiled')),
        isolation text not null check (isolation in ('shared', 'schema-per-tenant')),
        schema_name text not null,
        bundle_digest text references metacore.bundles (digest),
        secret_hash text not null,
        secret_enc text,
        settings text not null,
        installed_at timestamptz not null,
        enabled_at timestamptz,
        disabled_at timestamptz,
        updated_at timestamptz not null,
        unique (organization_id, addon_key)
      )`,
      `create index installations_schema on metacore.installations (schema_name)`,
      `create index installations_bundle on metacore.installations (bundle_digest)`,
      `create table metacore.addon_migrations (
        schema_name text not null,
        addon_key text not null,
        version text not null,
        checksum text not null,
        applied_at timestamptz not null,
        primary key (schema_name, addon_key, version)
      )`,
      `create table metacore.catalogs (
        organization_id uuid primary key references metacore.organizations (id) on delete cascade,
        version bigint not null
      )`,
    ],
    sqlite: [
      `create table metacore_bundles (
        digest text primary key not null,
        addon_key text not null,
        version text not null,
        manifest text not null,
        entries text not null,
        archive blob not null,
        created_at text not null
      ) strict`,
      `create table metacore_installations (
        id text primary key not null,
        organization_id text not null references metacore_organizations (id) on delete cascade,
        addon_key text not null,
        version text not null,
        status text not null check (status in ('enabled', 'disabled', 'removed')),
        source text not null check (source in ('bundle', 'federated', 'compiled')),
        isolation text not null check (isolation in ('shared', 'schema-per-tenant')),
        schema_name text not null,
        bundle_digest text references metacore_bundles (digest),
        secret_hash text not null,
        secret_enc text,
        settings text not null,
        installed_at text not null,
        enabled_at text,
        disabled_at text,
        updated_at text not null,
        unique (organization_id, addon_key)
      ) strict`,
      `create index metacore_installations_schema on metacore_installations (schema_name)`,
      `create index metacore_installations_bundle on metacore_installations (bundle_digest)`,
      `create table metacore_addon_migrations (
        schema_name text not null,
        addon_key text not null,
        version text not null,
        checksum text not null,
        applied_at text not null,
        primary key (schema_name, addon_key, version)
      ) strict`,
      `create table metacore_catalogs (
        organization_id text primary key not null
          references metacore_organizations (id) on delete cascade,
        version integer not null
      ) strict`,
    ],
  },
};

/**
 * Organizations, users, their permissions, and the rate limit of logins.
 *
 * @module
 */

import type { Migration } from "../src/db/migration.ts";

/** Tables of identity and access. */
export const identity: Migration = {
  name: "0001_identity",
  sql: {
    postgres: [
      `create table metacore.organizations (
        id uuid primary key,
        name text not null,
        slug text not null unique,
        created_at timestamptz not null,
        updated_at timestamptz not null
      )`,
      `create table metacore.users (
        id uuid primary key,
        organization_id uuid not null references metacore.organizations (id) on delete cascade,
        name text not null,
        email text not null,
        email_key text not null unique,
        password_hash text not null,
        role text not null,
        avatar text,
        status text not null default 'active' check (status in ('active', 'disabled')),
        last_login_at timestamptz,
        created_at timestamptz not null,
        updated_at timestamptz not null
      )`,
      `create index users_organization on metacore.users (organization_id, id)`,
      `create table metacore.permission_grants (
        organization_id uuid not null references metacore.organizations (id) on delete cascade,
        holder_kind text not null check (holder_kind in ('role', 'user')),
        holder text not null,
        permission text not null,
        created_at timestamptz not null,
        primary key (organization_id, holder_kind, holder, permission)
      )`,
      `create table metacore.login_attempts (
        key text primary key,
        failures integer not null,
        window_started_at timestamptz not null,
        blocked_until timestamptz
      )`,
    ],
    sqlite: [
      `create table metacore_organizations (
        id text primary key not null,
        name text not null,
        slug text not null unique,
        created_at text not null,
        updated_at text not null
      ) strict`,
      `create table metacore_users (
        id text primary key not null,
        organization_id text not null references metacore_organizations (id) on delete cascade,
        name text not null,
        email text not null,
        email_key text not null unique,
        password_hash text not null,
        role text not null,
        avatar text,
        status text not null default 'active' check (status in ('active', 'disabled')),
        last_login_at text,
        created_at text not null,
        updated_at text not null
      ) strict`,
      `create index metacore_users_organization on metacore_users (organization_id, id)`,
      `create table metacore_permission_grants (
        organization_id text not null references metacore_organizations (id) on delete cascade,
        holder_kind text not null check (holder_kind in ('role', 'user')),
        holder text not null,
        permission text not null,
        created_at text not null,
        primary key (organization_id, holder_kind, holder, permission)
      ) strict`,
      `create table metacore_login_attempts (
        key text primary key not null,
        failures integer not null,
        window_started_at text not null,
        blocked_until text
      ) strict`,
    ],
  },
};

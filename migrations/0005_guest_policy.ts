/**
 * The policies that keep SQL of one addon's code from tables of others, on the tables that were
 * made before there were any. New tables get theirs with the tenant's policy.
 *
 * @module
 */

import type { Migration } from "../src/db/migration.ts";

/** As `createGuestPolicySql` has it, for every table of every addon. */
const ADD_POLICIES = `do $policies$
declare
  found record;
  scope text := 'current_user = session_user or %L = any ('
    || 'string_to_array(current_setting(%L, true), %L))';
  reads text;
  writes text;
begin
  for found in
    select n.nspname, c.relname from pg_class c join pg_namespace n on n.oid = c.relnamespace
    where n.nspname like 'addon\\_%' and c.relkind in ('r', 'p') and not exists (
      select from pg_policy p where p.polrelid = c.oid
        and p.polname in ('guest_scope', 'guest_delete'))
  loop
    reads := format(scope, found.nspname, 'app.guest_reads', ',');
    writes := format(scope, found.nspname, 'app.guest_writes', ',');
    execute format('create policy guest_scope on %I.%I as restrictive for all to public '
      || 'using (%s) with check (%s)', found.nspname, found.relname, reads, writes);
    execute format('create policy guest_delete on %I.%I as restrictive for delete to public '
      || 'using (%s)', found.nspname, found.relname, writes);
  end loop;
end $policies$`;

/** Policies of addon tables for guests' SQL. */
export const guestPolicy: Migration = {
  name: "0005_guest_policy",
  sql: { postgres: [ADD_POLICIES], sqlite: [] },
};

/**
 * A table of an addon as the kernel would make it, written by hand so that tests of the engines do
 * not depend on the rendering of schemas.
 *
 * @module
 */

import type { Database, Statement } from "../../src/db/database.ts";
import { createGuestPolicySql } from "../../src/db/schema/postgres_policy.ts";

/** Two organizations. */
export const ORG_A = "0190a5d0-0000-7000-8000-00000000000a";
export const ORG_B = "0190a5d0-0000-7000-8000-00000000000b";

/** The condition of the tenant policy. */
export const POLICY =
  "organization_id = nullif(current_setting('app.current_org', true), '')::uuid";

/** Quoted name of the table on an engine. */
export function notesTable(database: Database): string {
  return database.profile.name === "postgres" ? `"addon_notes"."notes"` : `"addon_notes.notes"`;
}

/** Makes a statement of `?` placeholders fit an engine. */
export function statement(database: Database, sql: string, ...parameters: unknown[]): Statement {
  let count = 0;
  const text = database.profile.name === "postgres" ? sql.replace(/\?/g, () => `$${++count}`) : sql;
  return { sql: text, parameters };
}

/** The statements that create the table `notes` of the addon `notes`. */
export function createNotes(database: Database): string[] {
  if (database.profile.name === "sqlite") {
    return [
      `create table "addon_notes.notes" (
        organization_id uuid text not null, id uuid text not null, code varchar(50),
        body text not null default '', stars integer check (stars between 0 and 5),
        parent_id uuid text,
        primary key (organization_id, id),
        foreign key (organization_id, parent_id)
          references "addon_notes.notes" (organization_id, id)
      )`,
      `create unique index "addon_notes.notes_code" on "addon_notes.notes" (organization_id, code)`,
    ];
  }
  return [
    `create schema addon_notes`,
    `create table addon_notes.notes (
      organization_id uuid not null
        default nullif(current_setting('app.current_org', true), '')::uuid,
      id uuid not null, code varchar(50), body text not null default '',
      stars integer check (stars between 0 and 5), parent_id uuid,
      primary key (organization_id, id),
      foreign key (organization_id, parent_id) references addon_notes.notes (organization_id, id)
    )`,
    `create unique index notes_code on addon_notes.notes (organization_id, code)`,
    `alter table addon_notes.notes enable row level security`,
    `alter table addon_notes.notes force row level security`,
    `create policy rls_org_isolation on addon_notes.notes for all
      using (${POLICY}) with check (${POLICY})`,
    ...createGuestPolicySql({ schema: "addon_notes", table: "notes" }),
  ];
}

/** Creates the table. */
export async function makeNotes(database: Database): Promise<void> {
  await database.schemaTransaction(null, async (tx) => {
    for (const sql of createNotes(database)) await tx.execute({ sql, parameters: [] });
  });
}

/** An insert of one note. */
export function insertNote(
  database: Database,
  organizationId: string,
  id: string,
  code: string | null = null,
): Statement {
  return statement(
    database,
    `insert into ${notesTable(database)} (organization_id, id, code) values (?, ?, ?)`,
    organizationId,
    id,
    code,
  );
}

/** A select of all notes without any predicate. */
export function allNotes(database: Database): Statement {
  return statement(database, `select id from ${notesTable(database)} order by id`);
}

/** A UUID that ends in a number. */
export function noteId(number: number): string {
  return `0190a5d0-0000-7000-8000-${String(number).padStart(12, "0")}`;
}

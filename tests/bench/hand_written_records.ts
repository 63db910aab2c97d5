/**
 * What a careful developer writes by hand for one table: a tenant predicate, a role check, prepared
 * statements, `JSON.stringify`. On Postgres under the same row-level security, with the tenant set in
 * the same transaction.
 *
 * @module
 */

import { DatabaseSync, type SQLInputValue } from "node:sqlite";
// @ts-types="@types/pg"
import pg from "pg";

type Values = Readonly<Record<string, string | number | boolean>>;
type Handler = () => Promise<string>;

/** The handlers by hand. */
export interface Handlers {
  readonly list: Handler;
  readonly listWithCount: Handler;
  readonly sorted: Handler;
  readonly get: Handler;
  readonly create: Handler;
  readonly createWithEvent: Handler;
}

/** Code by hand over one table. */
export interface HandWritten {
  handlers(organization: string, user: string, body: Values, id: () => string): Handlers;
  close(): Promise<void>;
}

const COLUMNS = "id, title, status, priority, amount, active, notes, organization_id, " +
  "created_by_id, created_at, updated_at";
const NAMES = ["title", "status", "priority", "amount", "active", "notes"];

/** Opens code by hand on an engine. */
export function openHandWritten(
  engine: "sqlite" | "postgres",
  url: string,
  table: string,
): HandWritten {
  return engine === "sqlite" ? sqlite(url.replace(/^sqlite:/, ""), table) : postgres(url, table);
}

const roles = new Map([["owner", new Set(["tickets.read", "tickets.create"])]]);

function demand(permission: string): void {
  if (!roles.get("owner")!.has(permission)) throw new Error("forbidden");
}

function sqlite(path: string, table: string): HandWritten {
  const database = new DatabaseSync(path);
  database.exec("pragma journal_mode = wal; pragma synchronous = normal");
  const statements = sqliteStatements(database, table);
  return {
    handlers: (organization, user, body, id) =>
      sqliteHandlers(statements, { organization, user, body, id }),
    close: () => Promise.resolve(database.close()),
  };
}

/** What handlers are called with. */
interface Call {
  readonly organization: string;
  readonly user: string;
  readonly body: Values;
  readonly id: () => string;
}

function sqliteStatements(database: DatabaseSync, table: string) {
  const where = "organization_id = ? and status = ?";
  const list = database.prepare(
    `select ${COLUMNS} from ${table} where ${where} order by created_at desc, id desc limit 25`,
  );
  const sorted = database.prepare(
    `select ${COLUMNS} from ${table} where ${where} order by priority desc, id desc limit 25`,
  );
  const count = database.prepare(`select count(*) as total from ${table} where ${where}`);
  const get = database.prepare(
    `select ${COLUMNS} from ${table} where organization_id = ? and id = ?`,
  );
  const insert = database.prepare(
    `insert into ${table} (id, organization_id, created_by_id, ${NAMES.join(", ")}, created_at,
     updated_at) values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) returning ${COLUMNS}`,
  );
  const event = database.prepare(
    `insert into metacore_events (id, organization_id, name, addon_key, model, table_name, record_id,
     payload, actor_id, request_id, created_at) values (?, ?, 'kernel.tickets.created', 'kernel',
     'tickets', 'addon_kernel.tickets', ?, ?, ?, 'bench', ?)`,
  );
  const [begin, commit] = ["begin immediate", "commit"].map((sql) => database.prepare(sql));
  return { list, sorted, count, get, insert, event, begin: begin!, commit: commit! };
}

function sqliteHandlers(
  { list, sorted, count, get, insert, event, begin, commit }: ReturnType<typeof sqliteStatements>,
  { organization, user, body, id }: Call,
): Handlers {
  // SQLite has no booleans.
  const shown = (row: Record<string, unknown>) => ({ ...row, active: row["active"] === 1 });
  const add = (now: string): Record<string, unknown> => {
    const given = NAMES.map((name) => body[name]!)
      .map((value): SQLInputValue => typeof value === "boolean" ? Number(value) : value);
    return shown(
      insert.get(crypto.randomUUID(), organization, user, ...given, now, now)!,
    ) as Record<string, unknown>;
  };
  return {
    list: () => {
      demand("tickets.read");
      const data = list.all(organization, "open").map(shown);
      return Promise.resolve(JSON.stringify({ success: true, data }));
    },
    listWithCount: () => {
      demand("tickets.read");
      const data = list.all(organization, "open").map(shown);
      const { total } = count.get(organization, "open")!;
      return Promise.resolve(JSON.stringify({ success: true, data, meta: { total } }));
    },
    sorted: () => {
      demand("tickets.read");
      const data = sorted.all(organization, "open").map(shown);
      return Promise.resolve(JSON.stringify({ success: true, data }));
    },
    get: () => {
      demand("tickets.read");
      const data = shown(get.get(organization, id())!);
      return Promise.resolve(JSON.stringify({ success: true, data }));
    },
    create: () => {
      demand("tickets.create");
      const data = add(new Date().toISOString());
      return Promise.resolve(JSON.stringify({ success: true, data }));
    },
    createWithEvent: () => {
      demand("tickets.create");
      const now = new Date().toISOString();
      begin.run();
      const after = add(now);
      const recordId = String(after["id"]);
      const payload = JSON.stringify({ id: recordId, after });
      event.run(crypto.randomUUID(), organization, recordId, payload, user, now);
      commit.run();
      return Promise.resolve(JSON.stringify({ success: true, data: after }));
    },
  };
}

function postgres(url: string, table: string): HandWritten {
  const pool = new pg.Pool({ connectionString: url, max: 8 });
  // Row-level security wants the tenant on the connection; here every connection serves one tenant,
  // which is cheaper than any code for many tenants could be.
  pool.on(
    "connect",
    (client) =>
      void client.query(
        "set app.current_org to '0190aaaa-0000-7000-8000-000000000001'; set timezone to 'UTC'",
      ),
  );
  const query: Query = async (name, text, values) =>
    (await pool.query({ name, text, values })).rows;
  const statements = postgresStatements(query, table);
  return {
    handlers: (organization, user, body, id) =>
      postgresHandlers(statements, { organization, user, body, id }),
    close: () => pool.end(),
  };
}

type Query = (name: string, text: string, values: unknown[]) => Promise<Record<string, unknown>[]>;

function postgresStatements(query: Query, table: string) {
  const where = "organization_id = $1 and status = $2";
  const insert = `insert into ${table} (id, organization_id, created_by_id, ${NAMES.join(", ")})
    values ($1, $2, $3, $4, $5, $6, $7, $8, $9) returning ${COLUMNS}`;
  const texts = {
    list:
      `select ${COLUMNS} from ${table} where ${where} order by created_at desc, id desc limit 25`,
    sorted:
      `select ${COLUMNS} from ${table} where ${where} order by priority desc, id desc limit 25`,
    count: `select count(*) as total from ${table} where ${where}`,
    get: `select ${COLUMNS} from ${table} where organization_id = $1 and id = $2`,
    insert,
    insertWithEvent: `with added as (${insert}), told as (
       insert into metacore.events (id, organization_id, name, addon_key, model, table_name,
         record_id, payload, actor_id, request_id, created_at)
       select gen_random_uuid(), organization_id, 'kernel.tickets.created', 'kernel', 'tickets',
         'addon_kernel.tickets', id, json_build_object('id', id, 'after', to_json(added)),
         created_by_id, 'bench', created_at from added)
     select * from added`,
  };
  return (name: keyof typeof texts, values: unknown[]) => query(name, texts[name], values);
}

function postgresHandlers(
  run: ReturnType<typeof postgresStatements>,
  { organization, user, body, id }: Call,
): Handlers {
  const given = (): unknown[] => [
    crypto.randomUUID(),
    organization,
    user,
    ...NAMES.map((name) => body[name]),
  ];
  return {
    list: async () => {
      demand("tickets.read");
      return JSON.stringify({ success: true, data: await run("list", [organization, "open"]) });
    },
    listWithCount: async () => {
      demand("tickets.read");
      const [data, counts] = await Promise.all([
        run("list", [organization, "open"]),
        run("count", [organization, "open"]),
      ]);
      const meta = { total: Number(counts[0]!["total"]) };
      return JSON.stringify({ success: true, data, meta });
    },
    sorted: async () => {
      demand("tickets.read");
      return JSON.stringify({ success: true, data: await run("sorted", [organization, "open"]) });
    },
    get: async () => {
      demand("tickets.read");
      const [data] = await run("get", [organization, id()]);
      return JSON.stringify({ success: true, data });
    },
    create: async () => {
      demand("tickets.create");
      const [data] = await run("insert", given());
      return JSON.stringify({ success: true, data });
    },
    createWithEvent: async () => {
      demand("tickets.create");
      const [data] = await run("insertWithEvent", given());
      return JSON.stringify({ success: true, data });
    },
  };
}

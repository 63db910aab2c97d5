/**
 * The yardstick: what a careful developer writes by hand for one table: a Hono app that verifies the
 * token with jose, checks the role, and scopes its SQL. Nothing generic; a total and an event only when
 * asked for.
 *
 * @module
 */

import { DatabaseSync } from "node:sqlite";
import { Hono } from "@hono/hono";
import { jwtVerify } from "@panva/jose";
// @ts-types="@types/pg"
import pg from "pg";

type Row = Record<string, unknown>;

/** The three statements, on one engine. */
interface Store {
  list(organization: string, status: string): Promise<Row[]>;
  count(organization: string, status: string): Promise<number>;
  get(organization: string, id: string): Promise<Row | undefined>;
  create(organization: string, user: string, input: Row): Promise<Row>;
  /** Creates, and logs an event in the same transaction. */
  createLogged(organization: string, user: string, input: Row): Promise<Row>;
}

const COLUMNS = "id, organization_id, created_by_id, title, status, priority, amount, notes, " +
  "created_at, updated_at";

const CREATE_COLUMNS = "id, organization_id, created_by_id, title, status, priority, amount, notes";
const EVENT_COLUMNS =
  "id, organization_id, name, addon_key, model, table_name, record_id, payload, " +
  "actor_id, request_id, created_at";

function eventValues(organization: string, user: string, row: Row): string[] {
  return [
    crypto.randomUUID(),
    organization,
    "kernel.tickets.created",
    "kernel",
    "tickets",
    "tickets",
    String(row["id"]),
    JSON.stringify({ id: row["id"], after: row }),
    user,
    "request",
    new Date().toISOString(),
  ];
}

function postgresStore(url: string, table: string): Store {
  const pool = new pg.Pool({ connectionString: url, max: 8 });
  const query = async (name: string, text: string, values: unknown[]): Promise<Row[]> =>
    (await pool.query({ name, text, values })).rows;
  const where = "organization_id = $1 and status = $2";
  const insert = `insert into ${table} (${CREATE_COLUMNS})
    values ($1, $2, $3, $4, $5, $6, $7, $8) returning ${COLUMNS}`;
  return {
    list: (organization, status) =>
      query(
        "list",
        `select ${COLUMNS} from ${table} where ${where} order by created_at desc, id desc limit 25`,
        [organization, status],
      ),
    count: async (organization, status) =>
      Number(
        (await query("count", `select count(*) from ${table} where ${where}`, [
          organization,
          status,
        ]))[0]!["count"],
      ),
    get: async (organization, id) =>
      (await query(
        "get",
        `select ${COLUMNS} from ${table} where organization_id = $1 and id = $2`,
        [
          organization,
          id,
        ],
      ))[0],
    create: async (organization, user, input) =>
      (await query("create", insert, [crypto.randomUUID(), organization, user, ...values(input)]))[
        0
      ]!,
    createLogged: async (organization, user, input) => {
      const client = await pool.connect();
      try {
        await client.query("begin");
        const values_ = [crypto.randomUUID(), organization, user, ...values(input)];
        const row: Row =
          (await client.query({ name: "create", text: insert, values: values_ })).rows[0];
        await client.query({
          name: "event",
          text: `insert into metacore.events (${EVENT_COLUMNS})
            values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)`,
          values: eventValues(organization, user, row),
        });
        await client.query("commit");
        return row;
      } finally {
        client.release();
      }
    },
  };
}

function values(input: Row): unknown[] {
  return ["title", "status", "priority", "amount", "notes"].map((name) => input[name] ?? null);
}

function sqliteStore(path: string, table: string): Store {
  const database = new DatabaseSync(path);
  database.exec(
    "pragma journal_mode = wal; pragma synchronous = normal; pragma busy_timeout = 5000",
  );
  const where = "organization_id = ? and status = ?";
  const list = database.prepare(
    `select ${COLUMNS} from ${table} where ${where} order by created_at desc, id desc limit 25`,
  );
  const count = database.prepare(`select count(*) as count from ${table} where ${where}`);
  const get = database.prepare(
    `select ${COLUMNS} from ${table} where organization_id = ? and id = ?`,
  );
  const create = database.prepare(
    `insert into ${table} (${CREATE_COLUMNS}) values (?, ?, ?, ?, ?, ?, ?, ?) returning ${COLUMNS}`,
  );
  const event = database.prepare(
    `insert into metacore_events (${EVENT_COLUMNS}) values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
  );
  const createRow = (organization: string, user: string, input: Row): Row =>
    create.get(crypto.randomUUID(), organization, user, ...values(input) as string[]) as Row;
  return {
    list: (organization, status) => Promise.resolve(list.all(organization, status) as Row[]),
    count: (organization, status) =>
      Promise.resolve(Number(count.get(organization, status)!["count"])),
    get: (organization, id) => Promise.resolve(get.get(organization, id) as Row | undefined),
    create: (organization, user, input) => Promise.resolve(createRow(organization, user, input)),
    createLogged: (organization, user, input) => {
      database.exec("begin immediate");
      const row = createRow(organization, user, input);
      event.run(...eventValues(organization, user, row));
      database.exec("commit");
      return Promise.resolve(row);
    },
  };
}

/** Makes the app. @param totals whether lists count what they page through. */
export async function handWrittenApp(
  options: {
    readonly databaseUrl: string;
    readonly table: string;
    readonly jwtSecret: string;
  },
): Promise<(request: Request) => Promise<Response>> {
  const { databaseUrl, table, jwtSecret } = options;
  const store = databaseUrl.startsWith("postgres")
    ? postgresStore(databaseUrl, table)
    : sqliteStore(databaseUrl.replace(/^sqlite:/, ""), table);
  const key = await crypto.subtle.importKey(
    "raw",
    new TextEncoder().encode(jwtSecret),
    { name: "HMAC", hash: "SHA-256" },
    false,
    ["verify"],
  );
  const app = new Hono<{ Variables: { organization: string; user: string } }>();
  app.use("*", async (c, next) => {
    const token = c.req.header("authorization")?.slice(7) ?? "";
    const { payload } = await jwtVerify(token, key, { algorithms: ["HS256"] });
    if (payload["role"] !== "owner") return c.json({ success: false }, 403);
    c.set("organization", payload["org"] as string);
    c.set("user", payload.sub!);
    return await next();
  });
  app.get("/tickets", async (c) => {
    const organization = c.get("organization");
    const status = c.req.query("status") ?? "open";
    const data = await store.list(organization, status);
    if (c.req.query("total") === undefined) return c.json({ success: true, data });
    return c.json({
      success: true,
      data,
      meta: { total: await store.count(organization, status) },
    });
  });
  app.get("/tickets/:id", async (c) => {
    const data = await store.get(c.get("organization"), c.req.param("id"));
    return data === undefined ? c.json({ success: false }, 404) : c.json({ success: true, data });
  });
  app.post("/tickets", async (c) => {
    const input = await c.req.json<Row>();
    if (typeof input["title"] !== "string") return c.json({ success: false }, 422);
    const create = c.req.query("logged") === undefined ? store.create : store.createLogged;
    const data = await create(c.get("organization"), c.get("user"), input);
    return c.json({ success: true, data }, 201);
  });
  return async (request) => await app.fetch(request);
}

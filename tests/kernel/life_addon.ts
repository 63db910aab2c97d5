/**
 * Versions of one addon for tests of its life: a model whose columns, migrations, rights, functions
 * and hooks each version chooses, with a module written as text.
 *
 * @module
 */

import { packBundle } from "../../src/bundle/mod.ts";
import { assembleWat } from "../_support/guests/wat.ts";
import { HONEST_ALLOC, METACORE_IMPORTS, PACK } from "../_support/guests/text.ts";

/** What a function of the module does. */
export interface LifeFunction {
  /** Statements that it writes with, one after the other; the answer to one that fails is what it gives. */
  readonly exec?: readonly string[];
  /** A statement whose answer is what the function gives. */
  readonly query?: string;
  /** JSON that it gives, without a query. */
  readonly answer?: string;
  /** How it ends otherwise. */
  readonly ends?: "trap" | "loop";
}

/** A version. */
export interface LifeAddon {
  /** @default "life" */
  readonly key?: string;
  readonly version: string;
  /** Columns of the model `<key>_notes` (of `life` its table is `notes`), beside `title`. */
  readonly columns?: readonly Record<string, unknown>[];
  /** Texts by file name. */
  readonly migrations?: Readonly<Record<string, string>>;
  readonly capabilities?: readonly { readonly kind: string; readonly target: string }[];
  /** By name; each is exported and an action of its name. */
  readonly functions?: Readonly<Record<string, LifeFunction>>;
  /** Of a call, in milliseconds. @default 5,000 */
  readonly timeoutMs?: number;
  /** Lifecycle hooks by event. */
  readonly hooks?: Readonly<Record<string, readonly Record<string, unknown>[]>>;
  /** Anything else of the manifest. */
  readonly manifest?: Readonly<Record<string, unknown>>;
}

/** The manifest of a version. */
export function lifeManifest(addon: LifeAddon): Record<string, unknown> {
  const { key = "life", version, functions = {}, hooks } = addon;
  const names = Object.keys(functions);
  const model = `${key}_notes`;
  return {
    key,
    name: key,
    version,
    kernel: ">=2.0.0 <3.0.0",
    capabilities: addon.capabilities ?? [],
    model_definitions: [{
      // Of one organization no two models have tables of one name.
      table_name: key === "life" ? "notes" : model,
      model_key: model,
      label: "Notes",
      org_scoped: true,
      columns: [{ name: "title", type: "string" }, ...addon.columns ?? []],
    }],
    ...(names.length === 0 ? {} : {
      backend: {
        runtime: "wasm",
        entry: "backend/backend.wasm",
        exports: names,
        memory_limit_mb: 16,
        timeout_ms: addon.timeoutMs ?? 5_000,
      },
      actions: {
        [model]: names.map((name) => ({
          key: name,
          name,
          label: name,
          trigger: { type: "wasm", export: name },
        })),
      },
    }),
    ...(hooks === undefined ? {} : {
      lifecycle_hooks: {
        [key]: Object.entries(hooks).flatMap(([event, list]) =>
          list.map((hook) => ({ event, ...hook }))
        ),
      },
    }),
    ...addon.manifest,
  };
}

/** Packs a version. */
export async function lifeBundle(addon: LifeAddon): Promise<Uint8Array> {
  const files = new Map<string, Uint8Array | string>([
    ["manifest.json", JSON.stringify(lifeManifest(addon))],
  ]);
  for (const [name, sql] of Object.entries(addon.migrations ?? {})) {
    files.set(`migrations/${name}`, sql);
  }
  if (addon.functions !== undefined) {
    files.set("backend/backend.wasm", await assembleWat(moduleText(addon.functions)));
  }
  return await packBundle(files);
}

function moduleText(functions: Readonly<Record<string, LifeFunction>>): string {
  const data = new Texts();
  const bodies = Object.entries(functions).map(([name, body]) => functionText(name, body, data));
  return `(module
  (import "metacore_host" "db_exec" (func $exec ${METACORE_IMPORTS.db_exec}))
  (import "metacore_host" "db_query" (func $query ${METACORE_IMPORTS.db_query}))
  (memory (export "memory") 2)
  ${HONEST_ALLOC}${PACK}
  ${bodies.join("\n  ")}
  ${data.segments.join("\n  ")})`;
}

function functionText(
  name: string,
  { exec = [], query, answer = "{}", ends }: LifeFunction,
  data: Texts,
): string {
  const call = (target: string, sql: string) =>
    `(call $${target} ${data.add(sql)} ${data.add("[]")})`;
  const last = ends === "trap"
    ? "(unreachable)"
    : ends === "loop"
    ? "(loop $again (br $again)) (unreachable)"
    : query === undefined
    ? `(call $pack ${data.add(answer)})`
    : call("query", query);
  return `(func (export "${name}") (param i32 i32) (result i64)
    (local $reply i64)
    ${exec.map((sql) => `(local.set $reply ${call("exec", sql)}) ${GIVE_IF_FAILED}`).join("\n    ")}
    ${last})`;
}

/** A reply begins with `{"success":true` or `{"success":false`, or is none: its 12th byte tells. */
const GIVE_IF_FAILED = `(if (i32.ne (i32.const ${"t".charCodeAt(0)})
    (i32.load8_u offset=11 (i32.wrap_i64 (i64.shr_u (local.get $reply) (i64.const 32)))))
    (then (return (local.get $reply))))`;

/** Texts that lie in the module, each once. */
class Texts {
  readonly segments: string[] = [];
  #at = 16;

  /** Operands for a place and a length. */
  add(text: string): string {
    const bytes = new TextEncoder().encode(text);
    const shown = Array.from(bytes, (byte) => `\\${byte.toString(16).padStart(2, "0")}`).join("");
    const at = this.#at;
    this.segments.push(`(data (i32.const ${at}) "${shown}")`);
    this.#at += bytes.length;
    if (this.#at > 8_192) throw new RangeError("The texts of the module are too long.");
    return `(i32.const ${at}) (i32.const ${bytes.length})`;
  }
}

const insertNote = (title: string) =>
  `insert into notes (id, title) values (gen_random_uuid(), '${title}')`;

/** Two versions between which everything changes that can: table, module, migrations, hooks. */
export const UPGRADE: readonly [LifeAddon, LifeAddon] = [
  {
    version: "1.0.0",
    columns: [{ name: "state", type: "string", size: 20 }],
    functions: { look: { query: "select '1.0.0' as code, count(*) as notes from notes" } },
  },
  {
    version: "1.1.0",
    columns: [
      { name: "state", type: "string", size: 20, index: true },
      { name: "rank", type: "integer", default: 7, required: true, index: true },
    ],
    migrations: { "0001_marks.sql": "create table marks (id uuid primary key, name text)" },
    functions: {
      look: { query: "select '1.1.0' as code, sum(rank) as ranks from notes" },
      changed: { exec: [insertNote("by the hook")] },
    },
    hooks: { upgrade: [{ target: { type: "wasm", function: "changed" } }] },
  },
];

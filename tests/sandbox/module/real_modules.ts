/**
 * Large modules that npm packages ship, run by their own JavaScript: each gives a text that depends
 * on everything it did. Packages are loaded anew for each run, with the engine's door replaced.
 *
 * @module
 */

import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";
import type { Interrupt } from "../../../src/sandbox/sandbox.ts";
import { instrumentModule } from "../../../src/sandbox/module/instrument.ts";
import { attach, type Running } from "./running.ts";

const OPTIONS = { memoryLimitPages: 65_536, tableLimit: 1_000_000 };
const require = createRequire(import.meta.url);

/** How a package's module is run: as it is, or rewritten. */
export type Mode = Interrupt | "original";

/** A package and what it is put to. */
export interface RealModule {
  readonly name: string;
  /** Path of the module. */
  readonly path: string;
  /** Loads the package; what it gives does the work. */
  load(bytes: Uint8Array<ArrayBuffer>): Promise<() => string | Promise<string>>;
}

/** A package that has been loaded. */
export interface LoadedPackage {
  readonly work: () => string | Promise<string>;
  /** Instances that were made, of rewritten modules. */
  readonly running: readonly Running[];
}

function resolve(specifier: string, file: string): string {
  return fileURLToPath(new URL(file, import.meta.resolve(specifier)));
}

/** Loads CommonJS source anew, with a state of its own. */
function loadAnew(path: string) {
  delete require.cache[path];
  return require(path);
}

const STATEMENTS = [
  "SELECT 1",
  "SELECT a.b, count(*) FROM a JOIN c USING (d) WHERE e LIKE 'f%' GROUP BY 1 HAVING count(*) > 2",
  "WITH RECURSIVE t(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM t) SELECT * FROM t LIMIT 9",
  "INSERT INTO a (b) VALUES ($1) ON CONFLICT (b) DO UPDATE SET c = excluded.c RETURNING *",
  "SELECT FROM WHERE",
  "CREATE TABLE x (id uuid PRIMARY KEY, y jsonb DEFAULT '{}'::jsonb, CHECK (y ? 'z'))",
  `SELECT ${Array.from({ length: 200 }, (_, at) => `(c${at} + ${at}) * $1`).join(", ")}`,
  "SELECT 'unterminated",
];

const PARSER: RealModule = {
  name: "libpg-query",
  path: resolve("libpg-query", "./libpg-query.wasm"),
  async load() {
    loadAnew(resolve("libpg-query", "./libpg-query.js"));
    const parser = loadAnew(resolve("libpg-query", "./index.cjs"));
    await parser.loadModule();
    const parse = (sql: string) => {
      try {
        return JSON.stringify(parser.parseSync(sql));
      } catch (error) {
        return String(error);
      }
    };
    return () => STATEMENTS.map(parse).join("\n");
  },
};

const DATABASE: RealModule = {
  name: "sql.js",
  path: resolve("sql.js", "./sql-wasm.wasm"),
  async load(wasmBinary) {
    const SQL = await loadAnew(resolve("sql.js", "./sql-wasm.js"))({ wasmBinary });
    return () => {
      const db = new SQL.Database();
      db.run("CREATE TABLE t (id INTEGER PRIMARY KEY, name TEXT, n REAL)");
      for (let at = 0; at < 300; at++) {
        db.run("INSERT INTO t (name, n) VALUES (?, ?)", [`name ${at}`, at / 7]);
      }
      const rows = db.exec(`WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c
        WHERE x < 2000) SELECT count(*), sum(c.x * t.n), group_concat(substr(t.name, 5, 3))
        FROM c JOIN t ON t.id = c.x WHERE t.name GLOB '*1*'`);
      const json = db.exec(`SELECT json_group_array(json_object('a', name, 'b', n)) FROM t`);
      db.close();
      return JSON.stringify([rows, json]);
    };
  },
};

const SOURCE = Array.from(
  { length: 100 },
  (_, at) =>
    `export class Thing${at}<T extends object = {}> { #x?: T; async *go(a: number, ...b: string[]) {
      for await (const c of b) yield \`\${c}\${a ?? ${at}}\`; label: while (a --> 0) continue label; } }`,
).join("\n");

const COMPILER: RealModule = {
  name: "esbuild-wasm",
  path: resolve("esbuild-wasm", "../esbuild.wasm"),
  async load(bytes) {
    const esbuild = loadAnew(resolve("esbuild-wasm", "./browser.js"));
    await esbuild.initialize({ wasmModule: await WebAssembly.compile(bytes), worker: false });
    const options = { loader: "ts", minify: true, target: "es2020", sourcemap: "inline" };
    return async () => (await esbuild.transform(SOURCE, options)).code;
  },
};

/** All of them: a parser in C, a database in C, a compiler in Go. */
export const REAL_MODULES: readonly RealModule[] = [PARSER, DATABASE, COMPILER];

/**
 * Loads a package.
 *
 * @param real which.
 * @param mode how its module is run.
 * @returns what does the work.
 */
export async function loadReal(real: RealModule, mode: Mode): Promise<LoadedPackage> {
  const original = await Deno.readFile(real.path);
  const bytes = mode === "original"
    ? original
    : instrumentModule(original, { ...OPTIONS, interrupt: mode });
  const running: Running[] = [];
  const instantiate = WebAssembly.instantiate;
  const streaming = Object.getOwnPropertyDescriptor(WebAssembly, "instantiateStreaming")!;
  // Packages hand over the original, in whatever way they found it.
  const replaced = async (given: unknown, imports: WebAssembly.Imports) => {
    const module = given instanceof WebAssembly.Module ? given : await WebAssembly.compile(bytes);
    const instance = await instantiate(module, imports);
    if (mode !== "original") running.push(attach(instance));
    return given instanceof WebAssembly.Module ? instance : { module, instance };
  };
  Object.assign(WebAssembly, { instantiate: replaced, instantiateStreaming: replaced });
  try {
    return { work: await real.load(bytes), running };
  } finally {
    Object.assign(WebAssembly, { instantiate });
    Object.defineProperty(WebAssembly, "instantiateStreaming", streaming);
  }
}

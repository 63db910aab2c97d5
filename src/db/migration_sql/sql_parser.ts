/**
 * The grammar of Postgres itself, as a WebAssembly module. It is loaded when the first bundle with
 * migrations comes, through the module graph, so that it needs no permission to read files. Every
 * text gets an instance of its own: whatever a text does to the parser's memory ends with it.
 *
 * @module
 */

import type { ParseResult, RawStmt } from "libpg-query";
import { parserUnavailable } from "./errors.ts";

/** What reading a text gave. */
export type ParseOutcome =
  | { readonly kind: "statements"; readonly statements: readonly RawStmt[] }
  /** Not SQL; `character` counts code points from 0. */
  | { readonly kind: "syntax"; readonly problem: string; readonly character: number }
  /** The parser ran out of stack or memory. */
  | { readonly kind: "exhausted" };

/** A name in the text. */
export interface NameToken {
  /** Byte of UTF-8 where it starts. */
  readonly offset: number;
  /** The name without its quotes. */
  readonly name: string;
}

/** Reads SQL. */
export interface SqlParser {
  /** Reads a text into statements. */
  parse(sql: string): ParseOutcome;
  /** Finds the names of a text; undefined when the parser ran out of stack or memory. */
  names(sql: string): readonly NameToken[] | undefined;
}

/** What the parser's module offers of itself; its package has no types for this layer. */
interface ParserInstance {
  lengthBytesUTF8(text: string): number;
  stringToUTF8(text: string, pointer: number, bytes: number): void;
  UTF8ToString(pointer: number): string;
  getValue(pointer: number, type: "i32"): number;
  _malloc(bytes: number): number;
  _wasm_parse_query_raw(pointer: number): number;
  _wasm_scan(pointer: number): number;
}

type ParserFactory = (options: {
  instantiateWasm(
    imports: WebAssembly.Imports,
    ready: (instance: WebAssembly.Instance) => void,
  ): void;
  print(line: string): void;
  printErr(line: string): void;
}) => Promise<ParserInstance>;

interface ScannedToken {
  readonly start: number;
  readonly text: string;
  readonly tokenType: number;
}

/** Unicode escapes are left as they stand: they only make a name look longer than it is. */
function unquoted(text: string): string {
  const inner = /^(?:u&)?"(.*)"$/is.exec(text)?.[1];
  return inner === undefined ? text : inner.replaceAll('""', '"');
}

/** Numbers of the scanner's tokens for names: plain or quoted, and with Unicode escapes. */
const NAME_TOKENS: ReadonlySet<number> = new Set([258, 259]);

let loading: Promise<() => Promise<ParserInstance>> | undefined;

/**
 * Makes a parser for one text; the first call loads and compiles the module.
 *
 * @returns a parser with memory of its own: 1 ms, and 30 ms more for the first one.
 * @throws {KernelError} schema.parser_unavailable — the package is missing or damaged.
 */
export async function loadSqlParser(): Promise<SqlParser> {
  loading ??= loadModule();
  try {
    return new InstanceParser(await (await loading)());
  } catch (cause) {
    loading = undefined;
    throw parserUnavailable(cause);
  }
}

async function loadModule(): Promise<() => Promise<ParserInstance>> {
  const [script, module] = await Promise.all([
    import("libpg-query/wasm/libpg-query.js"),
    // @ts-expect-error TypeScript does not know source phase imports yet; Deno runs them.
    import.source("libpg-query/wasm/libpg-query.wasm") as Promise<WebAssembly.Module>,
  ]);
  // Named border: the package ships this layer without types.
  const create = script.default as unknown as ParserFactory;
  return () =>
    create({
      instantiateWasm: (imports, ready) => ready(new WebAssembly.Instance(module, imports)),
      print: () => {},
      printErr: () => {},
    });
}

class InstanceParser implements SqlParser {
  readonly #instance: ParserInstance;

  constructor(instance: ParserInstance) {
    this.#instance = instance;
  }

  parse(sql: string): ParseOutcome {
    try {
      return this.#parse(sql);
    } catch {
      // Deep nesting overflows the stack, endless lists the memory: both are the text's doing.
      return { kind: "exhausted" };
    }
  }

  names(sql: string): readonly NameToken[] | undefined {
    try {
      const scanned = this.#read(this.#instance._wasm_scan(this.#write(sql)));
      // Named border: the scanner's own output.
      const { tokens } = JSON.parse(scanned) as { tokens: ScannedToken[] };
      return tokens.filter((token) => NAME_TOKENS.has(token.tokenType))
        .map((token) => ({ offset: token.start, name: unquoted(token.text) }));
    } catch {
      return undefined;
    }
  }

  #parse(sql: string): ParseOutcome {
    const result = this.#instance._wasm_parse_query_raw(this.#write(sql));
    if (result === 0) throw new RangeError("The parser has no memory left.");
    const error = this.#field(result, 2);
    if (error !== 0) {
      // Counted from 1; 0 when the parser does not know where.
      const character = Math.max(0, this.#field(error, 4) - 1);
      return { kind: "syntax", problem: this.#read(this.#field(error, 0)), character };
    }
    // Named border: the parser's own output, typed by the package that describes its tree.
    const tree = JSON.parse(this.#read(this.#field(result, 0))) as ParseResult;
    return { kind: "statements", statements: tree.stmts ?? [] };
  }

  #write(text: string): number {
    const bytes = this.#instance.lengthBytesUTF8(text) + 1;
    const pointer = this.#instance._malloc(bytes);
    if (pointer === 0) throw new RangeError("The parser has no memory left.");
    this.#instance.stringToUTF8(text, pointer, bytes);
    return pointer;
  }

  #read(pointer: number): string {
    return this.#instance.UTF8ToString(pointer);
  }

  /** The n-th 32-bit word of a C struct. */
  #field(struct: number, index: number): number {
    return this.#instance.getValue(struct + index * 4, "i32");
  }
}

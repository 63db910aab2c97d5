/**
 * What makes a trap readable: names of functions and, where the bundle brings a source map beside its
 * module, files and lines. It needs the module as its author built it, so it is read when somebody
 * has to be told of a trap, and a few are kept.
 *
 * @module
 */

import { PAGE_BYTES } from "../../sandbox/abi.ts";
import type { Interrupt } from "../../sandbox/sandbox.ts";
import { readSourceMap } from "../../sandbox/source_map.ts";
import type { ModuleSymbols } from "../../sandbox/trap_report.ts";
import type { Bundle } from "../../bundle/bundle.ts";

/** Modules whose symbols are kept: they can be as large as the modules. */
const MAX_KEPT = 4;

/** How a module was rewritten: positions are mapped back by doing it again. */
export interface Rewriting {
  readonly interrupt: Interrupt;
  readonly memoryLimitBytes: number;
}

/** Reads and keeps symbols. */
export class SymbolCache {
  readonly #kept = new Map<string, Promise<ModuleSymbols>>();

  /**
   * Finds the symbols of a module.
   *
   * @param id names the module as it runs.
   * @param rewriting how it was rewritten.
   * @param open opens its bundle; called when the symbols are not at hand.
   * @returns what is known of it; nothing where the bundle has no module.
   * @throws what opening or reading throws; it is tried again next time.
   */
  of(id: string, rewriting: Rewriting, open: () => Promise<Bundle>): Promise<ModuleSymbols> {
    const known = this.#kept.get(id);
    if (known !== undefined) return known;
    const reading = open().then((bundle) => symbolsOf(bundle, rewriting));
    this.#kept.set(id, reading);
    reading.catch(() => this.#kept.delete(id));
    if (this.#kept.size > MAX_KEPT) {
      const [oldest] = this.#kept.keys();
      this.#kept.delete(oldest!);
    }
    return reading;
  }
}

async function symbolsOf(bundle: Bundle, rewriting: Rewriting): Promise<ModuleSymbols> {
  const { functionNames } = await import("../../sandbox/module/function_names.ts");
  const { originalOffsets } = await import("../../sandbox/module/positions.ts");
  const { DEFAULT_TABLE_LIMIT } = await import("../../sandbox/module/prepare.ts");
  const { backendEntry, entries } = bundle;
  const module = backendEntry === undefined ? undefined : entries.get(backendEntry);
  if (module === undefined) return {};
  const map = entries.get(`${backendEntry}.map`);
  const sourceMap = map && readSourceMap(new TextDecoder().decode(map.bytes));
  return {
    originalOffset: originalOffsets(module.bytes, {
      interrupt: rewriting.interrupt,
      memoryLimitPages: rewriting.memoryLimitBytes / PAGE_BYTES,
      tableLimit: DEFAULT_TABLE_LIMIT,
    }),
    functionNames: functionNames(module.bytes),
    ...(sourceMap === undefined ? {} : { sourceMap }),
  };
}

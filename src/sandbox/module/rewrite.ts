/**
 * Writes a module anew: bounds clamped, checks in its code, what they need appended, the start
 * section turned into an export. Everything is appended behind what is there, so that no index
 * changes. The bytes have been validated before; whoever calls this validates the result.
 *
 * @module
 */

import { globalExport, RESERVED_EXPORTS, RESERVED_PREFIX } from "../guest/reserved.ts";
import type { Interrupt } from "../sandbox.ts";
import { BinaryReader } from "./binary_reader.ts";
import { ByteWriter, sizeOfU32 } from "./byte_writer.ts";
import { CheckCode } from "./check_code.ts";
import type { CodeNotes } from "./code_notes.ts";
import { type CodePlan, planCode, writeCode } from "./code_rewrite.ts";
import type { Declarations } from "./declarations.ts";
import { checkedEntries } from "./entry_checks.ts";
import { writeClampedMemories, writeClampedTables } from "./clamp.ts";
import type { ModuleProblem } from "./problems.ts";
import { refuse } from "./problems.ts";
import { type Restorable, restorableGlobals } from "./restorable.ts";
import { HEADER, SECTION, type Section, SECTION_ORDER } from "./sections.ts";

/** How a module is rewritten. */
export interface InstrumentOptions {
  /** Most memory it may grow to, in pages of 64 KiB. 1 to 65,536 */
  readonly memoryLimitPages: number;
  /** Most elements that each of its tables may grow to. */
  readonly tableLimit: number;
  /** How it can be stopped. */
  readonly interrupt: Interrupt;
}

/** A module written anew, and what it takes to map positions back. */
export interface Rewritten {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly plan: CodePlan;
  /** Where each body begins in the new bytes. */
  readonly newBodyStart: Int32Array;
  /** How instances can be set back; undefined when they cannot. */
  readonly restorable: Restorable | undefined;
}

/**
 * Rewrites a module.
 *
 * @param declarations of the module, which the engine has validated.
 * @param notes on its code.
 * @param options limits and the way it is stopped.
 * @returns the new module.
 * @throws {KernelError} sandbox.module_refused — a limit is passed, or a reserved name is exported.
 */
export function rewriteModule(
  declarations: Declarations,
  notes: CodeNotes,
  options: InstrumentOptions,
): Rewritten {
  checkReservedNames(declarations);
  return new ModuleRewriter(declarations, notes, options).run();
}

class ModuleRewriter {
  readonly #declarations: Declarations;
  readonly #options: InstrumentOptions;
  readonly #counts: boolean;
  readonly #hasEpoch: boolean;
  readonly #appended;
  readonly #plan: CodePlan;
  /** Globals to be exported; undefined when instances cannot be set back. */
  readonly #globals: readonly number[] | undefined;
  readonly #writer: ByteWriter;
  #newBodyStart: Int32Array = new Int32Array(0);

  constructor(declarations: Declarations, notes: CodeNotes, options: InstrumentOptions) {
    const { imported, memories, tables, globalCount, types } = declarations;
    this.#declarations = declarations;
    this.#options = options;
    this.#counts = options.interrupt !== "epoch";
    this.#hasEpoch = options.interrupt !== "counter";
    const existing = types.findIndex((type) =>
      type.parameters.length === 0 && type.results.length === 0
    );
    this.#appended = {
      epochMemory: imported.memories + memories.length,
      counterGlobal: imported.globals + globalCount,
      checkTable: imported.tables + tables.length,
      checkType: existing < 0 ? types.length : existing,
    };
    const checks = new CheckCode(options.interrupt, this.#appended);
    const isChecked = checkedEntries(notes, declarations.importedFunctionTypes.length);
    this.#plan = planCode(declarations, notes, isChecked, checks);
    this.#globals = restorableGlobals(declarations, notes);
    const code = declarations.sections.find((section) => section.id === SECTION.code);
    const kept = declarations.bytes.length - (code === undefined ? 0 : code.end - code.start);
    this.#writer = new ByteWriter(kept + this.#plan.contentBytes + 1024);
  }

  run(): Rewritten {
    const writer = this.#writer;
    writer.put(HEADER);
    let place = 0;
    for (const section of this.#declarations.sections) {
      if (section.id === SECTION.custom) {
        if (!isDropped(section.name ?? "")) this.#copySection(section);
        continue;
      }
      const own = SECTION_ORDER.indexOf(section.id);
      for (; place < own; place++) this.#create(SECTION_ORDER[place]!);
      this.#write(section);
      place = own + 1;
    }
    for (; place < SECTION_ORDER.length; place++) this.#create(SECTION_ORDER[place]!);
    const globals = this.#globals?.length;
    return {
      bytes: writer.finish(),
      plan: this.#plan,
      newBodyStart: this.#newBodyStart,
      restorable: globals === undefined ? undefined : { globals },
    };
  }

  /** Writes a section that the module has. */
  #write(section: Section): void {
    const { bytes } = this.#declarations;
    const content = new BinaryReader(bytes, section.start, section.end);
    switch (section.id) {
      case SECTION.start:
        return;
      case SECTION.code:
        this.#writeCode();
        return;
      case SECTION.table:
        this.#section(section.id, (into) => {
          into.u32(content.u32() + (this.#counts ? 1 : 0));
          writeClampedTables(content, this.#declarations, this.#options.tableLimit, into);
          this.#append(section.id, into);
        });
        return;
      case SECTION.memory:
        this.#section(section.id, (into) => {
          into.u32(content.u32() + (this.#hasEpoch ? 1 : 0));
          writeClampedMemories(this.#declarations, this.#options.memoryLimitPages, into);
          this.#append(section.id, into);
        });
        return;
    }
    const added = this.#added(section.id);
    if (added === 0) {
      this.#copySection(section);
      return;
    }
    this.#section(section.id, (into) => {
      into.u32(content.u32() + added);
      into.copy(bytes, content.at, section.end);
      this.#append(section.id, into);
    });
  }

  /** Writes a section that the module lacks, where something has to be in it. */
  #create(id: number): void {
    const added = this.#added(id);
    if (added === 0) return;
    this.#section(id, (into) => {
      into.u32(added);
      this.#append(id, into);
    });
  }

  /** How many items are appended to a section. */
  #added(id: number): number {
    const { types, start } = this.#declarations;
    if (id === SECTION.type) {
      return this.#counts && this.#appended.checkType === types.length ? 1 : 0;
    }
    if (id === SECTION.table || id === SECTION.global) return this.#counts ? 1 : 0;
    if (id === SECTION.memory) return this.#hasEpoch ? 1 : 0;
    if (id !== SECTION.export) return 0;
    return (this.#counts ? 2 : 0) + (this.#hasEpoch ? 1 : 0) + (start === undefined ? 0 : 1) +
      (this.#globals?.length ?? 0);
  }

  /** Writes the items that are appended to a section. */
  #append(id: number, into: ByteWriter): void {
    if (this.#added(id) === 0) return;
    if (id === SECTION.type) into.put([0x60, 0x00, 0x00]);
    // A funcref table of exactly one; a shared memory of exactly one page; a mutable i32 of 0.
    else if (id === SECTION.table) into.put([0x70, 0x01, 0x01, 0x01]);
    else if (id === SECTION.memory) into.put([0x03, 0x01, 0x01]);
    else if (id === SECTION.global) into.put([0x7f, 0x01, 0x41, 0x00, 0x0b]);
    else if (id === SECTION.export) this.#appendExports(into);
  }

  #appendExports(into: ByteWriter): void {
    const put = (name: string, kind: number, index: number) => {
      into.name(name);
      into.put([kind]);
      into.u32(index);
    };
    const { start } = this.#declarations;
    if (this.#hasEpoch) put(RESERVED_EXPORTS.epoch, 2, this.#appended.epochMemory);
    if (this.#counts) {
      put(RESERVED_EXPORTS.counter, 3, this.#appended.counterGlobal);
      put(RESERVED_EXPORTS.checkTable, 1, this.#appended.checkTable);
    }
    if (start !== undefined) put(RESERVED_EXPORTS.start, 0, start);
    this.#globals?.forEach((index, at) => put(globalExport(at), 3, index));
  }

  #writeCode(): void {
    const writer = this.#writer;
    writer.put([SECTION.code]);
    writer.u32(this.#plan.contentBytes);
    this.#newBodyStart = writeCode(this.#plan, writer);
  }

  #copySection(section: Section): void {
    const { bytes } = this.#declarations;
    this.#writer.put([section.id]);
    const reader = new BinaryReader(bytes, section.headerStart + 1, section.end);
    const size = reader.u32();
    this.#writer.reserve(size + sizeOfU32(size));
    this.#writer.u32(size);
    this.#writer.copy(bytes, reader.at, section.end);
  }

  #section(id: number, write: (into: ByteWriter) => void): void {
    const content = new ByteWriter(256);
    write(content);
    const bytes = content.finish();
    this.#writer.put([id]);
    this.#writer.u32(bytes.length);
    this.#writer.put(bytes);
  }
}

/** Their offsets count in the original's code; the original is looked at where they are wanted. */
function isDropped(name: string): boolean {
  return name === "sourceMappingURL" || name === "external_debug_info" ||
    name.startsWith(".debug_") || name.startsWith("metadata.code.") || name.startsWith("reloc.") ||
    name === "linking";
}

function checkReservedNames({ exports }: Declarations): void {
  const problems: ModuleProblem[] = exports
    .filter(({ name }) => name.startsWith(RESERVED_PREFIX))
    .map(({ name }) => ({
      about: "export",
      name,
      message: `Export "${name}" has a reserved name; names must not begin with ` +
        `"${RESERVED_PREFIX}".`,
    }));
  if (problems.length > 0) refuse(problems);
}

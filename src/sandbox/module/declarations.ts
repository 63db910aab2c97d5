/**
 * Reads everything of a module but its function bodies: types, imports, functions, tables,
 * memories, globals, exports, segments. Judges nothing; what cannot be read past is refused by name.
 *
 * @module
 */

import { BinaryReader } from "./binary_reader.ts";
import { featureBit } from "./features.ts";
import type {
  Bounds,
  ExternKind,
  FunctionType,
  MemoryInfo,
  ModuleImport,
  ValueType,
} from "./module_info.ts";
import { malformed } from "./problems.ts";
import { readSections, SECTION, type Section } from "./sections.ts";
import { readDataSegments, readElementSegments, skipConstantExpression } from "./segments.ts";
import { readBounds, readFunctionType, readValueType, type WideBounds } from "./type_reader.ts";

const KINDS: readonly ExternKind[] = ["function", "table", "memory", "global", "tag"];

/** What stands for one item here takes many times the bytes that declare it. */
const MOST_ITEMS = 100_000;

/** An export before its type is looked up. */
export interface RawExport {
  readonly name: string;
  readonly kind: ExternKind;
  readonly index: number;
}

/** A global that code can change. */
export interface MutableGlobal {
  readonly index: number;
  readonly type: ValueType;
}

/** What a module declares. */
export interface Declarations {
  readonly bytes: Uint8Array;
  readonly sections: readonly Section[];
  readonly types: FunctionType[];
  readonly imports: ModuleImport[];
  /** Of imported functions, then of defined ones: their indices into `types`. */
  readonly importedFunctionTypes: number[];
  functionTypes: Int32Array;
  readonly tables: Bounds[];
  readonly memories: MemoryInfo[];
  readonly imported: { tables: number; memories: number; globals: number };
  globalCount: number;
  /** Mutable globals that are defined, by index. */
  readonly mutableGlobals: MutableGlobal[];
  readonly exports: RawExport[];
  /** Index of the start function. */
  start: number | undefined;
  dataSegmentCount: number;
  elementSegmentCount: number;
  /** Bits of `features.ts`. */
  features: number;
}

/**
 * Reads a module's declarations.
 *
 * @param bytes the module.
 * @returns them.
 * @throws {KernelError} sandbox.invalid_module, sandbox.module_refused.
 */
export function readDeclarations(bytes: Uint8Array): Declarations {
  const into: Declarations = {
    bytes,
    sections: readSections(bytes),
    types: [],
    imports: [],
    importedFunctionTypes: [],
    functionTypes: new Int32Array(0),
    tables: [],
    memories: [],
    imported: { tables: 0, memories: 0, globals: 0 },
    globalCount: 0,
    mutableGlobals: [],
    exports: [],
    start: undefined,
    dataSegmentCount: 0,
    elementSegmentCount: 0,
    features: 0,
  };
  for (const section of into.sections) {
    const read = READERS[section.id];
    if (read === undefined) continue;
    const reader = new BinaryReader(bytes, section.start, section.end);
    read(reader, into);
    reader.finish(`section ${section.id}`);
  }
  if (into.memories.length + into.imported.memories > 1) {
    into.features |= featureBit("multi-memory");
  }
  if (into.tables.length + into.imported.tables > 1) {
    into.features |= featureBit("reference-types");
  }
  return into;
}

const READERS: Readonly<Record<number, (reader: BinaryReader, into: Declarations) => void>> = {
  [SECTION.type]: readTypes,
  [SECTION.import]: readImports,
  [SECTION.function]: readFunctions,
  [SECTION.table]: readTables,
  [SECTION.memory]: readMemories,
  [SECTION.tag]: readTags,
  [SECTION.global]: readGlobals,
  [SECTION.export]: readExports,
  [SECTION.start]: (reader, into) => {
    into.start = reader.u32();
  },
  [SECTION.element]: (reader, into) => {
    const { count, features } = readElementSegments(reader);
    into.elementSegmentCount = count;
    into.features |= features;
  },
  [SECTION.data]: (reader, into) => {
    const { count, features } = readDataSegments(reader);
    into.dataSegmentCount = count;
    into.features |= features;
  },
  [SECTION.dataCount]: (reader, into) => {
    reader.u32();
    into.features |= featureBit("bulk-memory");
  },
};

function readTypes(reader: BinaryReader, into: Declarations): void {
  for (let left = reader.count("types", 2, MOST_ITEMS); left > 0; left--) {
    const type = readFunctionType(reader);
    if (type.results.length > 1) into.features |= featureBit("multi-value");
    into.types.push(type);
  }
}

function readImports(reader: BinaryReader, into: Declarations): void {
  for (let left = reader.count("imports", 4, MOST_ITEMS); left > 0; left--) {
    const module = reader.name();
    const name = reader.name();
    const kind = readKind(reader);
    if (kind === "function") {
      const index = readTypeIndex(reader, into);
      into.importedFunctionTypes.push(index);
      into.imports.push({ module, name, kind, type: into.types[index]! });
      continue;
    }
    into.imports.push({ module, name, kind });
    if (kind === "tag") readTag(reader, into);
    else if (kind === "global") readImportedGlobal(reader, into);
    else if (kind === "memory") noteBounds(readBounds(reader, "memory"), into);
    else {
      readValueType(reader);
      noteBounds(readBounds(reader, "table"), into);
    }
    if (kind === "global") into.imported.globals++;
    else if (kind === "memory") into.imported.memories++;
    else if (kind === "table") into.imported.tables++;
  }
}

function readFunctions(reader: BinaryReader, into: Declarations): void {
  const count = reader.count("functions", 1);
  into.functionTypes = new Int32Array(count);
  for (let at = 0; at < count; at++) into.functionTypes[at] = readTypeIndex(reader, into);
}

function readTables(reader: BinaryReader, into: Declarations): void {
  for (let left = reader.count("tables", 3, MOST_ITEMS); left > 0; left--) {
    const hasInit = reader.bytes[reader.at] === 0x40;
    if (hasInit) reader.skip(2);
    if (readValueType(reader) !== "funcref") into.features |= featureBit("reference-types");
    const bounds = readBounds(reader, "table");
    noteBounds(bounds, into);
    if (hasInit) into.features |= skipConstantExpression(reader);
    into.tables.push({ min: bounds.min, ...(bounds.max !== undefined && { max: bounds.max }) });
  }
}

function readMemories(reader: BinaryReader, into: Declarations): void {
  for (let left = reader.count("memories", 2, MOST_ITEMS); left > 0; left--) {
    const bounds = readBounds(reader, "memory");
    noteBounds(bounds, into);
    into.memories.push({
      min: bounds.min,
      ...(bounds.max !== undefined && { max: bounds.max }),
      shared: bounds.shared,
      index: bounds.is64 ? "i64" : "i32",
    });
  }
}

function readTags(reader: BinaryReader, into: Declarations): void {
  for (let left = reader.count("tags", 2); left > 0; left--) readTag(reader, into);
}

function readTag(reader: BinaryReader, into: Declarations): void {
  const at = reader.at;
  if (reader.byte() !== 0) malformed("a tag's attribute is not 0", at);
  readTypeIndex(reader, into);
  into.features |= featureBit("exceptions");
}

function readGlobals(reader: BinaryReader, into: Declarations): void {
  into.globalCount = reader.count("globals", 4);
  for (let at = 0; at < into.globalCount; at++) {
    const { type, isMutable } = readGlobalType(reader);
    // What stands for one here takes many times its bytes; more than a few are of no use to anyone.
    if (isMutable && into.mutableGlobals.length < MOST_ITEMS) {
      into.mutableGlobals.push({ index: into.imported.globals + at, type });
    }
    into.features |= skipConstantExpression(reader);
  }
}

/** Being mutable was a proposal of its own for globals that cross the border. */
function readImportedGlobal(reader: BinaryReader, into: Declarations): void {
  if (readGlobalType(reader).isMutable) into.features |= featureBit("mutable-globals");
}

function readGlobalType(reader: BinaryReader): { type: ValueType; isMutable: boolean } {
  const type = readValueType(reader);
  const at = reader.at;
  const mutability = reader.byte();
  if (mutability > 1) malformed("a global's mutability is neither 0 nor 1", at);
  return { type, isMutable: mutability === 1 };
}

function readExports(reader: BinaryReader, into: Declarations): void {
  for (let left = reader.count("exports", 3, MOST_ITEMS); left > 0; left--) {
    const name = reader.name();
    const kind = readKind(reader);
    into.exports.push({ name, kind, index: reader.u32() });
  }
}

function readKind(reader: BinaryReader): ExternKind {
  const at = reader.at;
  return KINDS[reader.byte()] ?? malformed("an import or export is of an unknown kind", at);
}

function readTypeIndex(reader: BinaryReader, into: Declarations): number {
  const at = reader.at;
  const index = reader.u32();
  if (index >= into.types.length) malformed(`type ${index} does not exist`, at);
  return index;
}

function noteBounds(bounds: WideBounds, into: Declarations): void {
  if (bounds.shared) into.features |= featureBit("threads");
  if (bounds.is64) into.features |= featureBit("memory64");
  if (bounds.hasPageSize) into.features |= featureBit("custom-page-sizes");
}

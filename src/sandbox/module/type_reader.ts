/**
 * Reads types: of values, of functions, and the bounds of memories and tables. Types of proposals
 * that are not admitted are refused by name.
 *
 * @module
 */

import type { BinaryReader } from "./binary_reader.ts";
import type { Bounds, FunctionType, ValueType } from "./module_info.ts";
import { hex, malformed, refuseConstruct } from "./problems.ts";

const VALUE_TYPES: ReadonlyMap<number, ValueType> = new Map([
  [0x7f, "i32"],
  [0x7e, "i64"],
  [0x7d, "f32"],
  [0x7c, "f64"],
  [0x7b, "v128"],
  [0x70, "funcref"],
  [0x6f, "externref"],
  [0x69, "exnref"],
]);

/** The one form of type that is admitted. */
const FUNCTION_FORM = 0x60;

/** Bounds with what flags them. */
export interface WideBounds extends Bounds {
  readonly shared: boolean;
  readonly is64: boolean;
  readonly hasPageSize: boolean;
}

/**
 * Reads the type of a value.
 *
 * @param reader where it stands.
 * @returns it.
 * @throws {KernelError} sandbox.module_refused — it is of garbage collected or other references.
 */
export function readValueType(reader: BinaryReader): ValueType {
  const at = reader.at;
  const code = reader.byte();
  const type = VALUE_TYPES.get(code);
  if (type !== undefined) return type;
  if (code === 0x63 || code === 0x64) {
    return refuseConstruct("typed-function-references", `Value type ${hex(code)}`, at);
  }
  const feature = code === 0x68 || code === 0x75
    ? "stack-switching"
    : code >= 0x6a && code <= 0x74
    ? "gc"
    : "unknown";
  return refuseConstruct(feature, `Value type ${hex(code)}`, at);
}

/**
 * Reads an entry of the type section.
 *
 * @param reader where it stands.
 * @returns the type of a function.
 * @throws {KernelError} sandbox.module_refused — it is of another form.
 */
export function readFunctionType(reader: BinaryReader): FunctionType {
  const at = reader.at;
  const form = reader.byte();
  if (form !== FUNCTION_FORM) {
    refuseConstruct(proposalOfForm(form), `Type form ${hex(form)}`, at);
  }
  return { parameters: readValueTypes(reader), results: readValueTypes(reader) };
}

/**
 * Reads a list of types of values.
 *
 * @param reader where it stands.
 * @returns them.
 */
export function readValueTypes(reader: BinaryReader): ValueType[] {
  const types: ValueType[] = [];
  for (let left = reader.count("value types", 1); left > 0; left--) {
    types.push(readValueType(reader));
  }
  return types;
}

/**
 * Reads the bounds of a memory or table.
 *
 * @param reader where they stand.
 * @param of which of the two.
 * @returns them.
 */
export function readBounds(reader: BinaryReader, of: "memory" | "table"): WideBounds {
  const at = reader.at;
  const flags = reader.byte();
  const most = of === "memory" ? 0x0f : 0x07;
  if (flags > most) malformed(`the flags ${hex(flags)} of a ${of} are unknown`, at);
  const is64 = (flags & 4) !== 0;
  const read = () => is64 ? reader.u64() : reader.u32();
  const min = read();
  const max = (flags & 1) !== 0 ? read() : undefined;
  const hasPageSize = (flags & 8) !== 0;
  if (hasPageSize) reader.u32();
  return {
    min,
    ...(max !== undefined && { max }),
    shared: (flags & 2) !== 0,
    is64,
    hasPageSize,
  };
}

function proposalOfForm(form: number): string {
  if (form === 0x5d) return "stack-switching";
  if (form === 0x4c || form === 0x4d) return "custom-descriptors";
  return form >= 0x4e && form <= 0x5f || form === 0x65 ? "gc" : "unknown";
}

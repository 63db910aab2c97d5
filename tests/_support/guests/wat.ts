/**
 * Assembles WebAssembly text with wabt, keeping names, so that traps can be read. Text that wabt
 * cannot express (GC types, malformed bytes) is written as bytes in `malformed.ts`.
 *
 * @module
 */

import openWabt from "wabt";

/** Proposals that wabt is told to accept; the engine and the kernel judge for themselves. */
export interface WatFeatures {
  readonly [proposal: string]: boolean;
}

const DEFAULT_FEATURES: WatFeatures = {
  exceptions: true,
  mutable_globals: true,
  sat_float_to_int: true,
  sign_extension: true,
  simd: true,
  threads: true,
  multi_value: true,
  tail_call: true,
  bulk_memory: true,
  reference_types: true,
  extended_const: true,
  relaxed_simd: true,
  memory64: true,
  multi_memory: true,
};

let wabt: ReturnType<typeof openWabt> | undefined;
const assembled = new Map<string, Promise<Uint8Array<ArrayBuffer>>>();

/**
 * Assembles a module. Equal text is assembled once.
 *
 * @param text a module in the text format.
 * @param features proposals to switch on or off beside the default, which is nearly everything.
 * @returns the module with its name section; a copy of its own.
 * @throws {Error} what wabt says about the text.
 */
export async function assembleWat(
  text: string,
  features: WatFeatures = {},
): Promise<Uint8Array<ArrayBuffer>> {
  const key = JSON.stringify(features) + text;
  let pending = assembled.get(key);
  if (pending === undefined) {
    pending = assemble(text, features);
    assembled.set(key, pending);
  }
  return (await pending).slice();
}

async function assemble(text: string, features: WatFeatures): Promise<Uint8Array<ArrayBuffer>> {
  wabt ??= openWabt();
  const parsed = (await wabt).parseWat("guest.wat", text, { ...DEFAULT_FEATURES, ...features });
  try {
    parsed.resolveNames();
    return new Uint8Array(parsed.toBinary({ write_debug_names: true }).buffer);
  } finally {
    parsed.destroy();
  }
}

/**
 * The kernel's functions as WebAssembly sees them. The name of this file is the name of the import
 * module, so keep it. Use `metacore.ts` instead, which speaks strings and JSON.
 */

export declare function log(textPtr: usize, textLength: usize): void;
export declare function env_get(keyPtr: usize, keyLength: usize): u64;
export declare function http_fetch(
  urlPtr: usize,
  urlLength: usize,
  methodPtr: usize,
  methodLength: usize,
  bodyPtr: usize,
  bodyLength: usize,
): u64;
export declare function event_emit(
  namePtr: usize,
  nameLength: usize,
  payloadPtr: usize,
  payloadLength: usize,
): u64;
export declare function db_query(
  sqlPtr: usize,
  sqlLength: usize,
  argumentsPtr: usize,
  argumentsLength: usize,
): u64;
export declare function db_exec(
  sqlPtr: usize,
  sqlLength: usize,
  argumentsPtr: usize,
  argumentsLength: usize,
): u64;

/**
 * The one function of WASI that is used here. The name of this file is the name of the import module,
 * so keep it.
 */

export declare function fd_write(
  descriptor: u32,
  partsPtr: usize,
  parts: usize,
  writtenPtr: usize,
): u32;

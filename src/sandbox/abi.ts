/**
 * The words both sides of the wall use: which binary interface a module speaks, and what of it is
 * called. Layouts are in `guest/`, what host functions do is in `addons/host/`.
 *
 * @module
 */

/** The binary interface of a module: contract/metacore.md §5, contract/gonext.md §2, §5, §7. */
export type Abi = "metacore/1" | "gonext/1";

/** What of a guest is called. */
export type Target =
  /** A function `(ptr, len) -> i64`, or one of the packed form, of a metacore guest. */
  | { readonly kind: "export"; readonly name: string }
  /** `gn_handle_hook` of a GoNext guest, for an action or a filter. */
  | { readonly kind: "hook"; readonly name: string }
  /** `gn_handle_job` of a GoNext guest. */
  | { readonly kind: "job"; readonly name: string };

/** Bytes of one page of linear memory (WebAssembly core specification, "memory instances"). */
export const PAGE_BYTES = 65_536;

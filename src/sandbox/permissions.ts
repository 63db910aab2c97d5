/**
 * The permissions of every worker that this room starts: none. Built in one place, because `null`,
 * `undefined` or a missing object would silently hand on everything the kernel may do
 * (design/deno_facts.md §3).
 *
 * @module
 */

/** Deno's permissions, each of them off. */
export type NoPermissions = {
  readonly [name in "read" | "write" | "net" | "env" | "sys" | "run" | "ffi" | "import"]: false;
};

/**
 * Gives the permissions of a worker.
 *
 * @returns an object that names every permission and grants none.
 */
export function noPermissions(): NoPermissions {
  return {
    read: false,
    write: false,
    net: false,
    env: false,
    sys: false,
    run: false,
    ffi: false,
    import: false,
  };
}

/**
 * Makes the address of a worker's code: a `data:` URL needs no permission to be read and is the same
 * in a checkout, a package and a binary.
 *
 * @param source JavaScript of a module, part of this package and never of an addon.
 * @returns the address.
 */
export function workerUrl(source: string): string {
  return `data:text/javascript;charset=utf-8,${encodeURIComponent(source)}`;
}

/**
 * Starts a worker with no permissions.
 *
 * @param url of its code, from {@link workerUrl}.
 * @param name shown by debuggers.
 * @returns the worker, started.
 */
export function startWalledWorker(url: string, name: string): Worker {
  return new Worker(url, { type: "module", name, deno: { permissions: noPermissions() } });
}

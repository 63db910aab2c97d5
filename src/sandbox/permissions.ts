/**
 * Starts the workers of this room, all of them with no permissions. Built in one place, because in
 * Deno `null`, `undefined` or a missing object would silently hand on everything the kernel may do.
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

/** Addresses by code; there are as many as there are kinds of workers. */
const addresses = new Map<string, string>();

/**
 * Makes the address of a worker's code: a `blob:` URL needs no permission to be read and is the same
 * in a checkout, a package and a binary. Short, other than a `data:` URL: every frame of a stack names
 * it, and 60 KB in each made traps two milliseconds late.
 *
 * @param source JavaScript of a module, part of this package and never of an addon.
 * @returns the address, always the same for the same code.
 */
export function workerUrl(source: string): string {
  const known = addresses.get(source);
  if (known !== undefined) return known;
  const made = URL.createObjectURL(new Blob([source], { type: "text/javascript" }));
  addresses.set(source, made);
  return made;
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

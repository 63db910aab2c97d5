/**
 * Proves that the worker is walled in before a module arrives: asks for every permission, then really
 * tries what lies behind all but `import`. Runs once, before the global scope is emptied.
 *
 * @module
 */

const PERMISSIONS = ["read", "write", "net", "env", "sys", "run", "ffi", "import"] as const;

/** Address that answers nobody (RFC 5737): a connection that were allowed would still fail slowly. */
const NOWHERE = "192.0.2.1";

type Attempt = readonly [what: string, attempt: () => unknown];

const ATTEMPTS: readonly Attempt[] = [
  ["read", () => Deno.readTextFileSync("/etc/hostname")],
  ["read a folder", () => [...Deno.readDirSync("/")]],
  ["write", () => Deno.mkdirSync("/")],
  ["env", () => Deno.env.toObject()],
  ["sys", () => Deno.hostname()],
  ["run", () => new Deno.Command("true").outputSync()],
  ["ffi", () => Deno.dlopen("libc.so.6", {})],
  ["listen", () => Deno.listen({ hostname: "127.0.0.1", port: 0 }).close()],
  ["connect", () => refusedAtOnce(Deno.connect({ hostname: NOWHERE, port: 443 }))],
  ["fetch", () => refusedAtOnce(fetch(`https://${NOWHERE}/`))],
  ["resolve", () => refusedAtOnce(Deno.resolveDns("invalid.invalid", "A"))],
];

/**
 * Tries the walls.
 *
 * @returns what succeeded, or failed for another reason than a missing permission.
 */
export async function findBreaches(): Promise<string[]> {
  const found: string[] = [];
  for (const name of PERMISSIONS) {
    const status = Deno.permissions.querySync({ name });
    if (status.state === "granted" || status.partial) found.push(`permission ${name}`);
  }
  for (const [what, attempt] of ATTEMPTS) {
    if (!await isRefused(attempt)) found.push(what);
  }
  return found;
}

async function isRefused(attempt: () => unknown): Promise<boolean> {
  try {
    await attempt();
    return false;
  } catch (thrown) {
    return thrown instanceof Deno.errors.NotCapable;
  }
}

/** An attempt that was let through may hang; the wall answers before a timer does. */
function refusedAtOnce(attempt: Promise<unknown>): Promise<unknown> {
  const late = new Promise<void>((resolve) => setTimeout(resolve, 50));
  return Promise.race([attempt, late]);
}

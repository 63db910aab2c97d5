/**
 * A throwaway Postgres cluster: made in a folder of its own, on a free port of the loopback
 * address, never as root, without any care for durability.
 *
 * @module
 */

/** A running server. */
export interface PostgresServer {
  /** URL of its superuser. */
  readonly url: string;
  /** What it is, for people. */
  readonly version: string;
  /** Stops it; its folder is left to the caller. */
  stop(): Promise<void>;
}

interface Account {
  readonly uid: number;
  readonly gid: number;
}

const READY = "database system is ready to accept connections";
const READY_TIMEOUT_MS = 30_000;
const SETTINGS = [
  "fsync=off",
  "synchronous_commit=off",
  "full_page_writes=off",
  "autovacuum=off",
  "listen_addresses=127.0.0.1",
  "unix_socket_directories=",
  "max_connections=60",
  "max_wal_size=256MB",
];

/**
 * Finds the folder of the server's programs: on the PATH, where `pg_config` says, or where Debian
 * keeps them (the newest version there).
 *
 * @returns the folder, or undefined when there is none.
 */
export async function findPostgres(): Promise<string | undefined> {
  const folders = (Deno.env.get("PATH") ?? "").split(":").filter((folder) => folder !== "");
  try {
    const { stdout } = await new Deno.Command("pg_config", { args: ["--bindir"] }).output();
    folders.push(new TextDecoder().decode(stdout).trim());
  } catch {
    // Not installed; the other places count.
  }
  const root = "/usr/lib/postgresql";
  const versions = await Array.fromAsync(Deno.readDir(root), (entry) => Number(entry.name))
    .catch(() => []);
  for (const version of versions.filter(Number.isFinite).sort((a, b) => b - a)) {
    folders.push(`${root}/${version}/bin`);
  }
  return folders.find((folder) => isFile(`${folder}/initdb`) && isFile(`${folder}/postgres`));
}

/**
 * Makes a cluster and starts it.
 *
 * @param bin folder of the server's programs.
 * @param folder an existing, empty folder for its files.
 * @returns the running server.
 * @throws {Error} when it does not start; the text carries the server's own words.
 */
export async function startCluster(bin: string, folder: string): Promise<PostgresServer> {
  const account = unprivilegedAccount();
  if (account !== undefined) await Deno.chown(folder, account.uid, account.gid);
  const data = `${folder}/data`;
  await initialize(bin, data, account);
  const port = freePort();
  const child = new Deno.Command(`${bin}/postgres`, {
    args: ["-D", data, "-p", String(port), ...SETTINGS.flatMap((setting) => ["-c", setting])],
    cwd: folder,
    env: { LC_MESSAGES: "C" },
    stdin: "null",
    stdout: "null",
    stderr: "piped",
    ...account,
  }).spawn();
  await untilReady(child);
  return {
    url: `postgres://postgres@127.0.0.1:${port}/postgres`,
    version: await versionOf(bin),
    stop: async () => {
      // Fast shutdown: sessions are cut, nothing is waited for.
      child.kill("SIGINT");
      await child.status;
    },
  };
}

async function initialize(bin: string, data: string, account?: Account): Promise<void> {
  // Where C.UTF-8 is unknown, letters beyond ASCII have no upper and lower case.
  const failures: string[] = [];
  for (const locale of ["C.UTF-8", "C"]) {
    const { success, stderr } = await new Deno.Command(`${bin}/initdb`, {
      args: ["-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-sync"]
        .concat(`--locale=${locale}`),
      cwd: "/",
      stdin: "null",
      ...account,
    }).output();
    if (success) return;
    failures.push(new TextDecoder().decode(stderr).trim());
  }
  throw new Error(`initdb failed: ${failures.at(-1)}`);
}

async function untilReady(child: Deno.ChildProcess): Promise<void> {
  const lines: string[] = [];
  const ready = Promise.withResolvers<void>();
  const timer = setTimeout(() => ready.reject(new Error("not ready in time")), READY_TIMEOUT_MS);
  const drain = async () => {
    for await (const text of child.stderr.pipeThrough(new TextDecoderStream())) {
      lines.push(text);
      if (lines.length > 100) lines.shift();
      if (lines.slice(-2).join("").includes(READY)) ready.resolve();
    }
    ready.reject(new Error("the server ended"));
  };
  drain();
  try {
    await ready.promise;
  } catch (cause) {
    child.kill("SIGKILL");
    throw new Error(`Postgres did not start: ${lines.join("").trim()}`, { cause });
  } finally {
    clearTimeout(timer);
  }
}

/** Postgres refuses to run as root; then another account of the machine runs it. */
function unprivilegedAccount(): Account | undefined {
  if (Deno.uid() !== 0) return undefined;
  const accounts = new Map(
    Deno.readTextFileSync("/etc/passwd").split("\n").map((line) => {
      const [name = "", , uid, gid] = line.split(":");
      return [name, { uid: Number(uid), gid: Number(gid) }];
    }),
  );
  const account = accounts.get("postgres") ?? accounts.get("nobody");
  if (account === undefined) throw new Error("No account but root to run Postgres under");
  return account;
}

function freePort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return listener.addr.port;
}

async function versionOf(bin: string): Promise<string> {
  const { stdout } = await new Deno.Command(`${bin}/postgres`, { args: ["--version"] }).output();
  return `Postgres ${/[\d.]+/.exec(new TextDecoder().decode(stdout))?.[0]}`;
}

function isFile(path: string): boolean {
  try {
    return Deno.statSync(path).isFile;
  } catch {
    return false;
  }
}

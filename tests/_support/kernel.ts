/**
 * A whole kernel for a test, on every engine that is available, each with a database of its own.
 *
 * @module
 */

import { createKernel, type Kernel, type KernelOptions } from "../../mod.ts";
import { type Engine, engines } from "./engines.ts";
import { createPostgresDatabase } from "./postgres_server.ts";

/** What a test gets. */
export interface KernelTest {
  readonly kernel: Kernel;
  readonly engine: Engine;
  /** The database the kernel runs on. */
  readonly databaseUrl: string;
  /** Postgres: the same database as the server's superuser. */
  readonly adminUrl?: string;
}

/** Keys for tests: long enough, and nobody's. */
export const TEST_KEYS = {
  jwtSecret: "a secret for tests, 32 bytes and more",
  masterKey: "07".repeat(32),
} as const;

/** A place for a database. */
export interface TestPlace extends AsyncDisposable {
  readonly databaseUrl: string;
  readonly adminUrl?: string;
}

/** Makes an empty place; a file for SQLite when it must outlive its first opener. */
export async function testPlace(engine: Engine, kind: "memory" | "file"): Promise<TestPlace> {
  if (engine === "postgres") {
    const { url, adminUrl, drop } = await createPostgresDatabase("migrated");
    const admin = adminUrl === undefined ? {} : { adminUrl };
    return { databaseUrl: url, ...admin, [Symbol.asyncDispose]: drop };
  }
  if (kind === "memory") {
    return { databaseUrl: "sqlite::memory:", [Symbol.asyncDispose]: async () => {} };
  }
  const folder = await Deno.makeTempDir();
  return {
    databaseUrl: `sqlite:${folder}/kernel.db`,
    [Symbol.asyncDispose]: () => Deno.remove(folder, { recursive: true }),
  };
}

/** Starts a kernel as tests want it. */
export async function startKernel(
  databaseUrl: string,
  options: Partial<KernelOptions> = {},
): Promise<Kernel> {
  const kernel = createKernel({
    databaseUrl,
    unsignedBundles: "allow",
    ...TEST_KEYS,
    ...options,
  });
  await kernel.start();
  return kernel;
}

/** Registers a test with a running kernel on every available engine. */
export function kernelTest(
  name: string,
  run: (t: KernelTest) => Promise<void>,
  options: Partial<KernelOptions> = {},
): void {
  for (const engine of engines) {
    Deno.test(`${name} [${engine}]`, async () => {
      await using place = await testPlace(engine, "memory");
      const kernel = await startKernel(place.databaseUrl, options);
      try {
        await run({
          kernel,
          engine,
          databaseUrl: place.databaseUrl,
          ...(place.adminUrl === undefined ? {} : { adminUrl: place.adminUrl }),
        });
      } finally {
        await kernel.stop();
      }
    });
  }
}

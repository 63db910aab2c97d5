/**
 * Upgrades that alter the very tables which actions in transactions write, while such actions are
 * always under way. Every step waits for calls to have ended, none for time to pass.
 *
 * @module
 */

import assert from "node:assert/strict";
import { type Kernel, type SystemCaller, systemCaller } from "../../mod.ts";
import { isKernelError } from "../../src/base/error.ts";
import { newOwner } from "../_support/client.ts";
import { hasPostgresServer } from "../_support/engines.ts";
import { kernelTest, startKernel, testPlace } from "../_support/kernel.ts";
import { type LifeAddon, lifeBundle } from "./life_addon.ts";

const UPGRADES = 20;
/** Columns of older versions that a manifest still names; the others stay in the tables. */
const KEPT = 2;

/**
 * A version that adds columns to both tables, by its manifest and by a migration, and whose functions
 * write them: each has one name in all versions and leads to a function of its own in each, so that
 * the action of one version finds nothing in the module of another, and nothing to write in tables
 * that are older than it.
 */
function growing(n: number): LifeAddon {
  const numbers = Array.from({ length: KEPT + 1 }, (_, at) => n - KEPT + at).filter((at) =>
    at >= 0
  );
  const columns = (table: string) => [
    { name: "title", type: "string" },
    ...numbers.map((at) => ({
      name: `c${at}`,
      type: "string",
      default: `'v${at}'`,
      required: true,
      index: at === n,
    })),
    // A foreign key locks both its tables.
    ...table === "others" ? [{ name: `note${n % 5}`, type: "uuid", ref: "life_notes" }] : [],
  ];
  const insert = (table: string) =>
    `insert into ${table} (id, title, c${n}, m${n}) values (gen_random_uuid(), 'new', 'w${n}', ${n})`;
  const query = (table: string) =>
    `select '${n}' as code, max(c${n}) as data, max(m${n}) as migrated from ${table}`;
  const action = (name: string) => ({
    key: "write",
    name: "write",
    label: "write",
    trigger: { type: "wasm", export: name, run_in_tx: true },
  });
  return {
    version: `1.${n}.0`,
    functions: {
      // In opposite orders: the record of the action is locked first, then the other table is written.
      [`notes${n}`]: { exec: [insert("others"), insert("notes")], query: query("notes") },
      [`others${n}`]: { exec: [insert("notes"), insert("others")], query: query("others") },
    },
    migrations: Object.fromEntries(
      Array.from({ length: n + 1 }, (_, at) => [
        `${String(at).padStart(4, "0")}_m.sql`,
        ["notes", "others"].map((table) =>
          `alter table if exists ${table} add column if not exists m${at} bigint default ${at};`
        ).join("\n"),
      ]),
    ),
    manifest: {
      model_definitions: ["notes", "others"].map((table) => ({
        table_name: table,
        model_key: `life_${table}`,
        label: table,
        org_scoped: true,
        columns: [...columns(table), { name: `m${n}`, type: "bigint", default: n }],
      })),
      actions: { life_notes: [action(`notes${n}`)], life_others: [action(`others${n}`)] },
    },
  };
}

/** Calls one after the other on several lines at one time, and tells how far they have come. */
class Load {
  readonly failures: string[] = [];
  readonly seen = new Set<string>();
  readonly #ended: number[] = [];
  readonly #lines: Promise<void>[] = [];
  #change = Promise.withResolvers<void>();
  #isOver = false;

  get calls(): number {
    return this.#ended.reduce((sum, count) => sum + count, 0);
  }

  add(kernel: Kernel, caller: SystemCaller, model: string, id: string): void {
    this.#ended.push(0);
    this.#lines.push(this.#run(this.#ended.length - 1, kernel, caller, model, id));
  }

  /** Waits until of every line a call has begun and ended since. */
  async comeThrough(): Promise<void> {
    const before = [...this.#ended];
    while (this.failures.length === 0 && this.#ended.some((count, at) => count < before[at]! + 2)) {
      await this.#change.promise;
    }
  }

  async end(): Promise<void> {
    this.#isOver = true;
    await Promise.all(this.#lines);
  }

  async #run(
    line: number,
    kernel: Kernel,
    caller: SystemCaller,
    model: string,
    id: string,
  ): Promise<void> {
    while (!this.#isOver) {
      try {
        const { outcome, data, error } = await kernel.services.actions
          .run(caller, model, id, "write", {});
        const rows = data === null ? [] : (data as Answer).rows; // Border: the answer of `db_query`.
        const { code, data: value, migrated } = rows?.[0] ?? {};
        if (outcome !== "done" || value !== `w${code}` || Number(migrated) !== Number(code)) {
          this.failures.push(JSON.stringify({ outcome, data, error }));
        }
        this.seen.add(String(code));
      } catch (thrown) {
        this.failures.push(
          isKernelError(thrown) ? `${thrown.code}: ${thrown.message} ${thrown.cause}` : `${thrown}`,
        );
      }
      this.#ended[line]!++;
      this.#change.resolve();
      this.#change = Promise.withResolvers();
    }
  }
}

interface Answer {
  readonly rows?: readonly { readonly [column: string]: unknown }[];
}

async function upgradeUnderLoad(kernels: readonly [Kernel, ...Kernel[]]): Promise<void> {
  const [first] = kernels;
  const caller = systemCaller((await newOwner(first)).organizationId);
  const install = async (n: number) => {
    const { services: { addons } } = kernels[n % kernels.length]!;
    return await addons.install(caller, { archive: await lifeBundle(growing(n)) });
  };
  await install(0);
  const load = new Load();
  for (const model of ["life_notes", "life_others"]) {
    // Border: a created record is an object with its id.
    const { id } = (await first.services.records.create(caller, model, {}))
      .value() as { id: string };
    // Two for each: one waits for the record of the other.
    for (const kernel of kernels) for (const _ of [1, 2]) load.add(kernel, caller, model, id);
  }
  try {
    for (let n = 1; n <= UPGRADES && load.failures.length === 0; n++) {
      const { operation, installation } = await install(n);
      assert.deepEqual([operation, installation.version], ["upgrade", `1.${n}.0`]);
      await load.comeThrough();
    }
  } finally {
    await load.end();
  }
  assert.deepEqual(load.failures.slice(0, 5), []);
  assert.ok(load.seen.has(String(UPGRADES)), [...load.seen].join());
  // Each call that was told of as done has written one row to each table, and no other has.
  for (const model of ["life_notes", "life_others"]) {
    const { meta } = await first.services.records.list(caller, model, new URLSearchParams());
    assert.equal(meta.total, load.calls + 1);
  }
}

kernelTest(
  "Upgrades of the tables that actions in transactions write: none fails, none is mixed",
  async ({ kernel }) => await upgradeUnderLoad([kernel]),
);

Deno.test({
  name: "Upgrades from two replicas in turn, actions in transactions under way on both",
  ignore: !hasPostgresServer,
  fn: async () => {
    await using place = await testPlace("postgres", "file");
    const kernels = [
      await startKernel(place.databaseUrl),
      await startKernel(place.databaseUrl),
    ] as const;
    try {
      await upgradeUnderLoad(kernels);
    } finally {
      await Promise.all(kernels.map((kernel) => kernel.stop()));
    }
  },
});

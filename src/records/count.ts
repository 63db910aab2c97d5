/**
 * Exact totals that cost next to nothing: a count is remembered with a token of what had been
 * committed when it was taken, and holds until the engine says that something was committed since.
 * Entries belong to one organization and are bounded in number and size.
 *
 * @module
 */

import { type RawBuilder, sql } from "kysely";
import type { Statement, TextResult } from "../db/database.ts";
import { BoundedCache } from "./bounded_cache.ts";
import { type RecordContext, tableOf, templateOf } from "./context.ts";
import type { Selection } from "./query/plan.ts";
import {
  ORGANIZATION_SLOT,
  selectionKey,
  selectionValues,
  selectionWhere,
} from "./query/render.ts";
import { slot, tokenSlot } from "./template.ts";

/** Counts remembered in all. */
const MAX_COUNTS = 10_000;
/** A selection whose values are longer than this is counted each time; in characters. */
const MAX_KEY_LENGTH = 1_000;

/** A count, and what had been committed before it was taken. */
interface Remembered {
  readonly total: number;
  readonly tokens: readonly [string, string];
}

/** Remembers counts. */
export class Counts {
  readonly #remembered = new BoundedCache<Remembered>(MAX_COUNTS);

  /**
   * Prepares to count a selection.
   *
   * @param context the request.
   * @param selection which records are counted.
   * @returns the count in the making.
   */
  of(context: RecordContext, selection: Selection): Count {
    return new Count(this.#remembered, context, selection);
  }
}

/** The count of one selection in one request. */
export class Count {
  readonly #cache: BoundedCache<Remembered>;
  readonly #context: RecordContext;
  readonly #selection: Selection;
  readonly #key: string | undefined;
  readonly #known: Remembered | undefined;

  /**
   * Looks up what is remembered.
   *
   * @param cache where counts are remembered.
   * @param context the request.
   * @param selection which records are counted.
   */
  constructor(cache: BoundedCache<Remembered>, context: RecordContext, selection: Selection) {
    this.#cache = cache;
    this.#context = context;
    this.#selection = selection;
    this.#key = rememberedKey(context, selection);
    this.#known = this.#key === undefined ? undefined : cache.get(this.#key);
  }

  /** Whether a count is remembered, so that asking whether it still holds will do. */
  get isKnown(): boolean {
    return this.#known !== undefined;
  }

  /**
   * The question whether nothing was committed since the count was taken. Asked by the transaction
   * that reads the page, it is answered for the very state the page is of.
   */
  get check(): Statement {
    const context = this.#context;
    const { profile } = context.ports.database;
    const template = templateOf(context, "unchanged", () => {
      const organization = slot(ORGANIZATION_SLOT);
      const parts = changeNames(context).map((name, index) =>
        sql`${profile.unchangedSince(organization, name, tokenSlot(index + 1))} = '1'`
      );
      return sql`select case when ${sql.join(parts, sql` and `)} then '1' else '0' end`;
    });
    return template.bind([context.caller.organizationId, ...this.#known?.tokens ?? []]);
  }

  /**
   * Takes what is remembered for the total.
   *
   * @param results the answer to {@link check}.
   * @returns the total, or undefined when it has become old or nothing is remembered.
   */
  remembered(results: readonly TextResult[]): number | undefined {
    return results[0]?.rows[0]?.[0] === "1" ? this.#known?.total : undefined;
  }

  /** Takes a token, then counts: what is committed in between is counted and makes the token old. */
  get statements(): readonly Statement[] {
    return [this.#tokens(), this.#counting()];
  }

  /**
   * Reads the answers to {@link statements} and remembers them.
   *
   * @param results in the same order.
   * @returns the total.
   */
  read(results: readonly TextResult[]): number {
    const [first, second] = results[0]?.rows[0] ?? [];
    const total = Number(results[1]?.rows[0]?.[0] ?? 0);
    if (this.#key !== undefined && first && second) {
      this.#cache.set(this.#key, { total, tokens: [first, second] });
    }
    return total;
  }

  #tokens(): Statement {
    const context = this.#context;
    const { profile } = context.ports.database;
    const template = templateOf(context, "tokens", () => {
      const parts = changeNames(context).map((name) =>
        profile.changeToken(slot(ORGANIZATION_SLOT), name)
      );
      return sql`select ${sql.join(parts)}`;
    });
    return template.bind([context.caller.organizationId]);
  }

  #counting(): Statement {
    const context = this.#context;
    const key = selectionKey(this.#selection);
    const template = templateOf(
      context,
      key === undefined ? undefined : `count ${key}`,
      () => countQuery(context, this.#selection),
    );
    return template.bind(selectionValues(context.caller.organizationId, this.#selection));
  }
}

function changeNames({ live }: RecordContext): readonly [string, string] {
  return [live.changes, live.wideChanges];
}

function countQuery(context: RecordContext, selection: Selection): RawBuilder<unknown> {
  const target = {
    profile: context.ports.database.profile,
    scope: context.ports.scope,
    shape: context.live.shape,
  };
  return sql`select count(*) from ${tableOf(context)} as record where ${
    selectionWhere(target, selection, "record")
  }`;
}

/** Organization, table, shape and values; the snapshot's version, since reinstalling empties tables. */
function rememberedKey(context: RecordContext, selection: Selection): string | undefined {
  const shape = selectionKey(selection);
  const texts = shape ?? JSON.stringify([
    selection.conditions.map((condition) => [
      condition.column.name,
      condition.kind,
      condition.kind === "contains" ? condition.text : "",
      condition.kind === "compare" ? condition.comparison : "",
      condition.kind === "in" || condition.kind === "notIn" ? condition.values.length : 0,
    ]),
    selection.search?.text ?? "",
    selection.search?.columns.map((column) => column.name) ?? [],
  ]);
  const values = selectionValues(context.caller.organizationId, selection);
  const key = `${context.snapshot.version} ${context.live.changes} ${texts} ${
    JSON.stringify(values.map(String))
  }`;
  return key.length > MAX_KEY_LENGTH ? undefined : key;
}

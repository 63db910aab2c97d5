/**
 * The text that runs on Postgres: made from the checked tree, and parsed again to prove that it
 * means exactly that tree. The author's text is gone by then.
 *
 * @module
 */

import type { Node } from "libpg-query";
import { isJsonObject } from "../../base/json.ts";
import { parseOne } from "./check.ts";
import type { CheckedSql } from "./checked.ts";
import { invalidSql } from "./errors.ts";

/** Fields that tell where something stood in the text. */
const PLACES: ReadonlySet<string> = new Set([
  "location",
  "list_start",
  "list_end",
  "rexpr_list_start",
  "rexpr_list_end",
]);

const rendered = new WeakMap<CheckedSql, Promise<string>>();

/**
 * Renders a checked statement; once per tree.
 *
 * @param checked what `checkGuestSql` gave.
 * @returns SQL for Postgres.
 * @throws {KernelError} guest_sql.invalid — for a form that cannot be rendered faithfully.
 */
export function renderGuestSql(checked: CheckedSql): Promise<string> {
  let text = rendered.get(checked);
  if (text === undefined) rendered.set(checked, text = render(checked.statement));
  return text;
}

async function render(statement: Node): Promise<string> {
  // Loaded with the first statement of a guest: kernels without addon code start without it.
  const { deparseSync } = await import("pgsql-deparser");
  const text = write(deparseSync, statement);
  const again = await parseOne(text).catch(() => undefined);
  if (text.includes("\0") || !isSameTree(again, statement)) throw notRendered();
  return text;
}

function write(deparse: (node: Node) => string, statement: Node): string {
  try {
    return deparse(statement);
  } catch {
    throw notRendered();
  }
}

/** Equal in every field that means something. */
function isSameTree(left: unknown, right: unknown): boolean {
  if (Array.isArray(left) && Array.isArray(right)) {
    return left.length === right.length && left.every((each, i) => isSameTree(each, right[i]));
  }
  if (!isJsonObject(left) || !isJsonObject(right)) return left === right;
  const fields = Object.keys(left).filter((field) => !PLACES.has(field));
  const others = Object.keys(right).filter((field) => !PLACES.has(field));
  return fields.length === others.length &&
    fields.every((field) => Object.hasOwn(right, field) && isSameTree(left[field], right[field]));
}

function notRendered(): Error {
  return invalidSql("a form of it cannot be handed to the database; write it more plainly");
}

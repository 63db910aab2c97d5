/**
 * The order in which addons can come: those that are needed first. Requirements that do not bind are
 * followed where they can be, and never stand in the way.
 *
 * @module
 */

import { requirementCycle } from "./errors.ts";
import { isBinding, type Requiring } from "./requirements.ts";

/**
 * Puts addons after those that they need. Needed addons that are not in the list do not count.
 *
 * @param manifests the addons, each key once.
 * @returns the same ones; of those that could come next, always the first as given.
 * @throws {KernelError} addon.requirement_cycle — naming the circle.
 */
export function inTopologicalOrder<T extends Requiring>(manifests: readonly T[]): T[] {
  const circle = findCycle(manifests);
  if (circle !== undefined) throw requirementCycle(circle);
  const keys = new Set(manifests.map((each) => each.key));
  const open = [...manifests];
  const placed = new Set<string>();
  const ordered: T[] = [];
  const isReady = (manifest: T, which: "binding" | "all") =>
    manifest.requires.every((requirement) =>
      placed.has(requirement.key) || !keys.has(requirement.key) ||
      (which === "binding" && !isBinding(manifest.generation, requirement))
    );
  while (open.length > 0) {
    const wanted = open.findIndex((each) => isReady(each, "all"));
    // Without a circle of binding requirements there is always one that lacks none of those.
    const next = wanted >= 0 ? wanted : open.findIndex((each) => isReady(each, "binding"));
    const [manifest] = open.splice(next, 1);
    placed.add(manifest!.key);
    ordered.push(manifest!);
  }
  return ordered;
}

/**
 * Finds addons that need each other, so that none of them could ever come first.
 *
 * @param manifests the addons.
 * @returns their keys in a circle, the first one again at the end; undefined where there is none.
 */
export function findCycle(manifests: readonly Requiring[]): readonly string[] | undefined {
  const byKey = new Map(manifests.map((each) => [each.key, each]));
  const done = new Set<string>();
  for (const { key } of manifests) {
    const found = cycleFrom(key, byKey, done);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** Walks without recursion: chains of requirements come from outside and may be long. */
function cycleFrom(
  start: string,
  byKey: ReadonlyMap<string, Requiring>,
  done: Set<string>,
): readonly string[] | undefined {
  const path: { readonly key: string; readonly rest: string[] }[] = [];
  const enter = (key: string) => path.push({ key, rest: bindingKeys(byKey.get(key)) });
  if (!done.has(start)) enter(start);
  while (path.length > 0) {
    const { key, rest } = path.at(-1)!;
    const next = rest.shift();
    if (next === undefined) {
      done.add(key);
      path.pop();
      continue;
    }
    const at = path.findIndex((step) => step.key === next);
    if (at >= 0) return [...path.slice(at).map((step) => step.key), next];
    if (!done.has(next) && byKey.has(next)) enter(next);
  }
  return undefined;
}

function bindingKeys(manifest: Requiring | undefined): string[] {
  if (manifest === undefined) return [];
  return manifest.requires.filter((each) => isBinding(manifest.generation, each))
    .map((each) => each.key);
}

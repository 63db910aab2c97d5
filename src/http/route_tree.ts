/**
 * Finds the route of a path. Static segments match in any letter case, a trailing slash does not
 * count (contract/metacore.md §0), and a static segment goes before a variable one: `me` in
 * `/data/:model/me` is never an id. What takes the rest of a path comes last. The router library's
 * own matchers know none of the three, and fall back to their slow one for such a table.
 *
 * @module
 */

import type { Result, Router } from "@hono/hono/router";

class Node<T> {
  readonly fixed = new Map<string, Node<T>>();
  variable: Node<T> | undefined;
  /** What takes the rest of a path, slashes and all. */
  rest: Node<T> | undefined;
  readonly handlers = new Map<string, { readonly handler: T; readonly names: readonly string[] }>();
}

const NOTHING: [] = [];

/** The routes as a tree of path segments. */
export class RouteTree<T> implements Router<T> {
  /** Shown by the router library. */
  readonly name = "RouteTree";
  readonly #root = new Node<T>();

  /**
   * Adds a route.
   *
   * @param method in capitals.
   * @param path segments, `:name` for variable ones; static ones in lower case. A last segment
   *   `*name` takes the rest of the path as it stands, which may be empty.
   * @param handler what the match gives.
   */
  add(method: string, path: string, handler: T): void {
    const names: string[] = [];
    let node = this.#root;
    for (const segment of path.split("/").slice(1)) {
      if (segment.startsWith(":")) {
        names.push(segment.slice(1));
        node = node.variable ??= new Node<T>();
      } else if (segment.startsWith("*")) {
        names.push(segment.slice(1));
        node = node.rest ??= new Node<T>();
      } else {
        const next = node.fixed.get(segment) ?? new Node<T>();
        node.fixed.set(segment, next);
        node = next;
      }
    }
    node.handlers.set(method, { handler, names });
  }

  /**
   * Finds the handler of a request.
   *
   * @param method in capitals.
   * @param path percent-encoded.
   * @returns the one handler with its parameters, or nothing.
   */
  match(method: string, path: string): Result<T> {
    const values: string[] = [];
    const found = this.#walk(path, values)?.handlers.get(method);
    if (found === undefined) return [NOTHING];
    const params: Record<string, string> = {};
    for (let index = 0; index < values.length; index++) {
      params[found.names[index]!] = values[index]!;
    }
    return [[[found.handler, params]]];
  }

  /**
   * Names the methods that a path answers.
   *
   * @param path percent-encoded.
   * @returns methods in capitals for an `Allow` header; empty for an unknown path.
   */
  methods(path: string): readonly string[] {
    const own = [...this.#walk(path, [])?.handlers.keys() ?? []];
    if (own.length === 0) return [];
    const beside = own.includes("GET") ? ["HEAD", "OPTIONS"] : ["OPTIONS"];
    return [...new Set([...own, ...beside])];
  }

  #walk(path: string, values: string[]): Node<T> | undefined {
    const last = path.length > 1 && path.endsWith("/") ? path.length - 1 : path.length;
    let node: Node<T> | undefined = this.#root;
    for (let start = 1; start <= last && node !== undefined;) {
      const slash = path.indexOf("/", start);
      const end = slash < 0 || slash > last ? last : slash;
      const segment = path.slice(start, end);
      const { rest }: Node<T> = node;
      node = next(node, segment, values);
      if (node === undefined && rest !== undefined) {
        values.push(path.slice(start));
        return rest;
      }
      start = end + 1;
    }
    return node;
  }
}

function next<T>(node: Node<T>, segment: string, values: string[]): Node<T> | undefined {
  if (node.fixed.size > 0) {
    const fixed = node.fixed.get(segment) ?? node.fixed.get(segment.toLowerCase());
    if (fixed !== undefined) return fixed;
  }
  if (segment === "" || node.variable === undefined) return undefined;
  values.push(segment);
  return node.variable;
}

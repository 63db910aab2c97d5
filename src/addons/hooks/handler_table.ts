/**
 * Handlers by organization and name, in the order in which they are called. Lists are never changed,
 * only replaced: a dispatch that holds one is not disturbed.
 *
 * @module
 */

/** A handler with its place. */
export interface HandlerEntry<H> {
  readonly name: string;
  /** An organization, or `every`. */
  readonly organizationId: string;
  readonly source: string;
  readonly priority: number;
  readonly handler: H;
}

type Placed<H> = HandlerEntry<H> & { readonly order: number };

/** Keeps handlers. */
export class HandlerTable<H> {
  readonly #lists = new Map<string, readonly Placed<H>[]>();
  #order = 0;

  /**
   * Adds a handler.
   *
   * @param entry the handler and its place.
   * @returns takes it away again; more than once does nothing more.
   */
  add(entry: HandlerEntry<H>): () => void {
    const key = keyOf(entry.organizationId, entry.name);
    const placed = { ...entry, order: this.#order++ };
    this.#lists.set(key, [...this.#lists.get(key) ?? [], placed].sort(inOrder));
    return () => {
      const left = (this.#lists.get(key) ?? []).filter((one) => one !== placed);
      if (left.length > 0) this.#lists.set(key, left);
      else this.#lists.delete(key);
    };
  }

  /**
   * Lists who is called: handlers of the organization and those for every one.
   *
   * @param organizationId the organization.
   * @param name name of the hook.
   * @returns handlers in order.
   */
  of(organizationId: string, name: string): readonly HandlerEntry<H>[] {
    const own = this.#lists.get(keyOf(organizationId, name));
    const shared = this.#lists.get(keyOf("every", name));
    if (own === undefined) return shared ?? [];
    return shared === undefined ? own : [...own, ...shared].sort(inOrder);
  }
}

function inOrder(
  a: { readonly priority: number; readonly order: number },
  b: { readonly priority: number; readonly order: number },
): number {
  return a.priority - b.priority || a.order - b.order;
}

function keyOf(organizationId: string, name: string): string {
  return `${organizationId}\n${name}`;
}

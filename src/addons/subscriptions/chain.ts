/**
 * How far an event is from what a person or a schedule began: code that is called for an event acts
 * under the name of its request with the number of deliveries so far, which its own events carry on.
 * So an addon that answers each event with another one comes to an end.
 *
 * @module
 */

/** Deliveries in a row, each caused by the one before; what comes after is delivered to nobody. */
export const MAX_CHAIN = 8;

/** Clients cannot write it: names of requests that have one are not taken from them. */
const MARK = "~";
const MARKED = /~([0-9]{1,4})$/;

/**
 * Tells how many deliveries led to an event.
 *
 * @param requestId name of the request that caused it.
 * @returns 0 where none did.
 */
export function chainLength(requestId: string): number {
  return Number(MARKED.exec(requestId)?.[1] ?? 0);
}

/**
 * Names the request under which an event is delivered.
 *
 * @param requestId name of the request that caused the event.
 * @returns the same name, one delivery further.
 */
export function deliveryRequest(requestId: string): string {
  return `${requestId.replace(MARKED, "")}${MARK}${chainLength(requestId) + 1}`;
}

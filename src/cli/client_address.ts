/**
 * Whose request it is, behind proxies: the address that the nearest trusted proxy saw. A header that
 * anybody can write is believed only from an address that the operator named.
 *
 * @module
 */

/**
 * Finds the client's address.
 *
 * @param peer address at the other end of the connection.
 * @param forwarded value of `X-Forwarded-For`, the client first, each proxy appending its peer.
 * @param trusted addresses of the operator's proxies, lower case.
 * @returns the last address of the chain that is no trusted proxy's own.
 */
export function clientAddress(
  peer: string,
  forwarded: string | null,
  trusted: readonly string[],
): string {
  let address = peer;
  const chain = (forwarded ?? "").split(",").map((part) => part.trim()).filter(Boolean);
  while (trusted.includes(address.toLowerCase()) && chain.length > 0) address = chain.pop()!;
  return address;
}

/**
 * The part of a client's address that one client cannot change at will: an IPv4 address whole, of an
 * IPv6 address the /64 that a provider gives to one customer. Names of failed logins are made of it.
 *
 * @module
 */

const IPV4 = /^\d{1,3}(?:\.\d{1,3}){3}$/;
const MAPPED = /^::(?:ffff:)?(\d{1,3}(?:\.\d{1,3}){3})$/i;
const GROUP = /^[0-9a-f]{1,4}$/i;

/**
 * Names the network of a client.
 *
 * @param address IPv4, IPv6 (with a zone or in brackets), or any other text such as `unknown`.
 * @returns the IPv4 address, the first four groups of an IPv6 address with `::/64`, or the text as
 *   it is, cut to 64 characters.
 */
export function clientNetwork(address: string): string {
  const text = address.trim().replace(/^\[|\]$/g, "").replace(/%.*$/, "");
  if (IPV4.test(text)) return text;
  const mapped = MAPPED.exec(text)?.[1];
  if (mapped !== undefined) return mapped;
  const groups = text.includes(":") ? ipv6Groups(text) : undefined;
  if (groups === undefined) return text.slice(0, 64);
  return `${groups.slice(0, 4).map((group) => parseInt(group, 16).toString(16)).join(":")}::/64`;
}

function ipv6Groups(text: string): readonly string[] | undefined {
  const halves = text.split("::");
  if (halves.length > 2) return undefined;
  const [head, tail] = halves.map((half) => half === "" ? [] : half.split(":"));
  if (head === undefined) return undefined;
  const gap = tail === undefined ? 0 : 8 - head.length - tail.length;
  const groups = [...head, ...Array.from({ length: Math.max(gap, 0) }, () => "0"), ...(tail ?? [])];
  return groups.length === 8 && groups.every((group) => GROUP.test(group)) ? groups : undefined;
}

/**
 * IP addresses: reading them, and which of them are reached through the public internet, by the
 * registries of IANA for special purposes (RFC 6890 and successors). It resolves nothing.
 *
 * @module
 */

/** An address as bytes: 4 or 16. */
export type AddressBytes = Uint8Array;

/** All addresses that begin with the same bits. */
export interface AddressRange {
  readonly bytes: AddressBytes;
  /** 0 to 32, or 0 to 128. */
  readonly bits: number;
}

const IPV4 = /^(?:0|[1-9]\d{0,2})(?:\.(?:0|[1-9]\d{0,2})){3}$/;

/** IPv4 that is not public; everything else is. */
const NOT_PUBLIC_4 = [
  "0.0.0.0/8", // this host on this network
  "10.0.0.0/8", // private
  "100.64.0.0/10", // carrier-grade NAT
  "127.0.0.0/8", // loopback
  "168.63.129.16/32", // Azure's virtual machines ask their host here
  "169.254.0.0/16", // link-local, cloud metadata
  "172.16.0.0/12", // private
  "192.0.0.0/24", // protocol assignments
  "192.0.2.0/24", // documentation
  "192.88.99.0/24", // 6to4 relays, withdrawn
  "192.168.0.0/16", // private
  "198.18.0.0/15", // benchmarking
  "198.51.100.0/24", // documentation
  "203.0.113.0/24", // documentation
  "224.0.0.0/4", // multicast
  "240.0.0.0/4", // reserved, broadcast
];

/**
 * IPv6 outside of global unicast is not public: that refuses the unspecified and loopback addresses,
 * IPv4-mapped, -compatible and -translated ones, NAT64 (64:ff9b::/96, 64:ff9b:1::/48), discard-only,
 * unique local, link-local, site-local, segment routing and multicast.
 */
const GLOBAL_UNICAST_6 = "2000::/3";
/** What is not public within it. */
const NOT_PUBLIC_6 = [
  "2001::/23", // protocol assignments: Teredo, benchmarking, ORCHID and others
  "2001:db8::/32", // documentation
  "2002::/16", // 6to4: an IPv4 address in disguise
  "3ffe::/16", // 6bone, withdrawn
  "3fff::/20", // documentation
];

/**
 * Reads an address.
 *
 * @param text IPv4 in four decimal numbers, or IPv6 without brackets and zone.
 * @returns its bytes, or undefined where it is none.
 */
export function readAddress(text: string): AddressBytes | undefined {
  return text.includes(":") ? readIpv6(text) : readIpv4(text);
}

/**
 * Reads a range.
 *
 * @param text an address, or one with `/` and the number of bits that count.
 * @returns the range, or undefined where it is none.
 */
export function readRange(text: string): AddressRange | undefined {
  const [address = "", bits, ...rest] = text.split("/");
  const bytes = readAddress(address);
  if (bytes === undefined || rest.length > 0) return undefined;
  const width = bytes.length * 8;
  if (bits === undefined) return { bytes, bits: width };
  return /^\d{1,3}$/.test(bits) && Number(bits) <= width
    ? { bytes, bits: Number(bits) }
    : undefined;
}

/** Whether an address lies in a range; one of the other family never does. */
export function contains({ bytes, bits }: AddressRange, address: AddressBytes): boolean {
  if (bytes.length !== address.length) return false;
  const whole = bits >> 3;
  for (let at = 0; at < whole; at++) if (bytes[at] !== address[at]) return false;
  const rest = bits & 7;
  return rest === 0 || ((bytes[whole]! ^ address[whole]!) >> (8 - rest)) === 0;
}

const notPublic4 = NOT_PUBLIC_4.map(knownRange);
const notPublic6 = NOT_PUBLIC_6.map(knownRange);
const globalUnicast6 = knownRange(GLOBAL_UNICAST_6);

/**
 * Tells whether an address is reached through the public internet.
 *
 * @param address its bytes.
 * @returns false for every special purpose, and for IPv4 in the clothes of IPv6.
 */
export function isPublic(address: AddressBytes): boolean {
  if (address.length === 4) return !notPublic4.some((range) => contains(range, address));
  return contains(globalUnicast6, address) &&
    !notPublic6.some((range) => contains(range, address));
}

function readIpv4(text: string): AddressBytes | undefined {
  if (!IPV4.test(text)) return undefined;
  const numbers = text.split(".").map(Number);
  return numbers.every((number) => number <= 255) ? Uint8Array.from(numbers) : undefined;
}

/** The URL parser reads every spelling and writes one: groups in hex, one run of zeros as `::`. */
function readIpv6(text: string): AddressBytes | undefined {
  if (!/^[0-9a-f:.]+$/i.test(text)) return undefined;
  const written = URL.parse(`http://[${text}]/`)?.hostname.slice(1, -1);
  if (written === undefined) return undefined;
  const [head = [], tail = []] = written.split("::")
    .map((half) => half === "" ? [] : half.split(":"));
  const zeros = Array.from({ length: 8 - head.length - tail.length }, () => "0");
  const groups = [...head, ...zeros, ...tail].map((group) => parseInt(group, 16));
  return Uint8Array.from(groups.flatMap((group) => [group >> 8, group & 0xff]));
}

function knownRange(text: string): AddressRange {
  const range = readRange(text);
  if (range === undefined) throw new TypeError(`${text} is no range of addresses`);
  return range;
}

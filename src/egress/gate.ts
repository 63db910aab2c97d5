/**
 * The first wall: which URL may be requested, and at which addresses. Asked anew for every redirect.
 * It connects to nothing.
 *
 * @module
 */

import { compileHosts, hostOf, isHostPattern } from "../base/host_pattern.ts";
import { readAddress } from "./address.ts";
import { type AddressPolicy, createAddressPolicy } from "./address_policy.ts";
import { badRequest, forbidden, misconfigured, transport } from "./errors.ts";
import type { Resolve } from "./resolver.ts";

/** Which hosts the operator lets addons reach at all, beside their capabilities. */
export type EgressPolicy = "off" | "any" | readonly string[];

/** Where a URL leads. */
export interface Route {
  /** Without brackets, as the certificate names it; an address where the URL has one. */
  readonly hostname: string;
  readonly port: number;
  /** Checked, in the order in which they are to be tried; 1 or more. */
  readonly addresses: readonly string[];
}

/** Decides on URLs. */
export interface Gate {
  /**
   * Refuses hosts that may not be reached, without asking anybody else.
   *
   * @throws {KernelError} egress.forbidden
   */
  admitHost(url: URL, isAllowed: (host: string) => boolean): void;
  /**
   * Finds and checks the addresses of an admitted URL.
   *
   * @throws {KernelError} egress.forbidden — one address or more may not be connected to.
   * @throws {KernelError} egress.transport — the name leads nowhere.
   */
  route(url: URL): Promise<Route>;
}

/** How a gate is made. */
export interface GateOptions {
  readonly policy: EgressPolicy;
  readonly privateAddresses: readonly string[];
  readonly resolve: Resolve;
}

const MAX_URL_LENGTH = 8_192;
/** Addresses of one name that are looked at; a name with more is none that an addon needs. */
const MAX_ADDRESSES = 64;

/**
 * Makes the gate.
 *
 * @param options the operator's settings, and a resolver.
 * @returns the gate.
 * @throws {KernelError} egress.misconfigured — a host or an address cannot be understood.
 */
export function createGate(options: GateOptions): Gate {
  const isInPolicy = compilePolicy(options.policy);
  const addresses = createAddressPolicy(options.privateAddresses);
  return {
    admitHost: (url, isAllowed) => admitHost(url, isInPolicy, isAllowed),
    route: (url) => routeOf(url, addresses, options.resolve),
  };
}

/**
 * Reads a URL as a guest wrote it.
 *
 * @param text the URL.
 * @param base what a redirect is relative to.
 * @returns the URL without its fragment.
 * @throws {KernelError} egress.bad_request — no URL, not HTTP, or with a user or password in it.
 */
export function readUrl(text: string, base?: URL): URL {
  if (text.length > MAX_URL_LENGTH) throw badRequest("The URL is too long");
  const url = URL.parse(text, base);
  if (url === null) throw badRequest("This is no URL");
  if (url.protocol !== "http:" && url.protocol !== "https:") {
    throw badRequest("Only http and https URLs can be requested");
  }
  if (url.username !== "" || url.password !== "") {
    throw badRequest("The URL holds a user or password: send an Authorization header instead");
  }
  if (url.port === "0") throw badRequest("Port 0 cannot be reached");
  url.hash = "";
  return url;
}

function compilePolicy(policy: EgressPolicy): ((host: string) => boolean) | undefined {
  if (policy === "off") return undefined;
  if (policy === "any") return () => true;
  // A caller without types may hand over any word; only these two are words.
  if (!Array.isArray(policy)) throw misconfigured('The policy is "off", "any" or a list of hosts');
  const unknown = policy.find((host) => !isHostPattern(host, "operator"));
  if (unknown !== undefined) {
    throw misconfigured(
      `${JSON.stringify(String(unknown).slice(0, 80))} is no host that addons may reach: write ` +
        "api.example.com, *.example.com, example.com:8443 or ops-backend:8080",
    );
  }
  const hosts = compileHosts(policy, "operator");
  return (host) => hosts.matches(host);
}

function admitHost(
  url: URL,
  isInPolicy: ((host: string) => boolean) | undefined,
  isAllowed: (host: string) => boolean,
): void {
  if (isInPolicy === undefined) {
    throw forbidden(
      "switched_off",
      "Outbound requests of addons are switched off on this server: its operator sets " +
        "METACORE_EGRESS to the hosts that they may reach",
    );
  }
  const host = hostOf(url);
  if (!isInPolicy(host)) {
    throw forbidden("operator_policy", `The operator of this server does not admit host "${host}"`);
  }
  if (!isAllowed(host)) {
    throw forbidden("capability", `The addon holds no capability http:fetch "${host}"`);
  }
}

async function routeOf(url: URL, policy: AddressPolicy, resolve: Resolve): Promise<Route> {
  const hostname = url.hostname.replace(/^\[|\]$/g, "").replace(/\.$/, "");
  const port = Number(url.port) || (url.protocol === "https:" ? 443 : 80);
  const isLiteral = readAddress(hostname) !== undefined;
  const found = isLiteral ? [hostname] : await resolve(hostname);
  if (found.length === 0) throw transport("ENOTFOUND", "The host's name leads to no address");
  // A name with one address that may not be reached is refused whole: which one is connected to
  // must not be left to whoever owns the name.
  if (found.length > MAX_ADDRESSES || !found.every((address) => policy.admits(address, port))) {
    throw forbidden("address", `Host "${hostOf(url)}" does not lead to public addresses alone`);
  }
  return { hostname, port, addresses: [...new Set(found)] };
}

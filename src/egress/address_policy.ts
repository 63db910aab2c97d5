/**
 * Which addresses may be connected to: public ones, and those that the operator names. No setting
 * of an addon widens it.
 *
 * @module
 */

import { type AddressRange, contains, isPublic, readAddress, readRange } from "./address.ts";
import { misconfigured } from "./errors.ts";

/** Decides on addresses. */
export interface AddressPolicy {
  /**
   * Tells whether an address may be connected to.
   *
   * @param address as a resolver or a URL writes it; what cannot be read may not.
   * @param port 1 to 65,535.
   */
  admits(address: string, port: number): boolean;
}

interface Exception {
  readonly range: AddressRange;
  /** Undefined: every port. */
  readonly port: number | undefined;
}

/**
 * Makes a policy.
 *
 * @param privateAddresses what is admitted though it is not public: `10.0.0.5`, `10.1.0.0/16`,
 *   `127.0.0.1:9000`, `fd00::/8`, `[fd00::1]:9000`.
 * @returns the policy.
 * @throws {KernelError} egress.misconfigured — one of them is none of these.
 */
export function createAddressPolicy(privateAddresses: readonly string[]): AddressPolicy {
  const exceptions = privateAddresses.map(readException);
  return {
    admits: (address, port) => {
      const bytes = readAddress(address);
      if (bytes === undefined) return false;
      return isPublic(bytes) ||
        exceptions.some((exception) =>
          (exception.port === undefined || exception.port === port) &&
          contains(exception.range, bytes)
        );
    },
  };
}

function readException(text: string): Exception {
  const bracketed = /^\[([^\]]+)\](?::(\d{1,5}))?$/.exec(text);
  const dotted = /^([\d./]+)(?::(\d{1,5}))?$/.exec(text);
  const [, address, portText] = bracketed ?? dotted ?? [undefined, text, undefined];
  const range = readRange(address ?? "");
  const port = portText === undefined ? undefined : Number(portText);
  const isPort = port === undefined || (port >= 1 && port <= 65_535);
  if (range !== undefined && isPort) return { range, port };
  throw misconfigured(
    `${JSON.stringify(text.slice(0, 80))} is no address that outbound requests may reach: write ` +
      "10.0.0.5, 10.1.0.0/16, 127.0.0.1:9000 or [fd00::1]:9000",
  );
}

/**
 * Settings of addon code: outbound HTTP, bounds of the sandbox, the operator's token. Read from the
 * environment by `settings.ts`.
 *
 * @module
 */

import { isHostPattern } from "../base/host_pattern.ts";
import type { EgressSettings, SandboxSettings } from "./options.ts";
import { SANDBOX_RANGES } from "./sandbox_bounds.ts";
import { isOperatorToken, OPERATOR_TOKEN_FORM } from "./secrets.ts";

/** Reads one variable; undefined when it is absent or blank. */
export type ReadVariable<Name extends string> = (name: Name) => string | undefined;

/** Makes the refusal of a value. @param accepted what would be understood. */
export type Refuse<Name extends string> = (name: Name, value: string, accepted: string) => Error;

type EgressName = "METACORE_EGRESS" | "METACORE_EGRESS_PRIVATE";
type SandboxName =
  | "METACORE_GUEST_WORKERS"
  | "METACORE_GUEST_MEMORY_MIB"
  | "METACORE_GUEST_TIMEOUT_MS"
  | "METACORE_GUEST_FUEL";

/** Bare hosts only: what else a manifest may write, an operator need not. */
const HOST =
  /^(?:[a-z][a-z0-9_-]*|(?:\*\.)?[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?\.[a-z0-9-]+)(?::\d{1,5})?$/i;
const ADDRESS =
  /^(?:\d{1,3}(?:\.\d{1,3}){3}(?:\/\d{1,2})?(?::\d{1,5})?|\[?[0-9a-f:.]*:[0-9a-f:.]*(?:\/\d{1,3})?(?:\]:\d{1,5})?)$/i;

/**
 * Reads whether and where to addons may send requests.
 *
 * @param env reads a variable.
 * @param refuse makes the refusal.
 * @returns the settings; undefined when outbound HTTP is off.
 */
export function readEgress(
  env: ReadVariable<EgressName>,
  refuse: Refuse<EgressName>,
): EgressSettings | undefined {
  const value = env("METACORE_EGRESS");
  const privateAddresses = listOf(env("METACORE_EGRESS_PRIVATE"));
  for (const address of privateAddresses) {
    if (ADDRESS.test(address)) continue;
    throw refuse("METACORE_EGRESS_PRIVATE", address, "addresses such as 10.0.0.5 or 10.1.0.0/16");
  }
  if (value === undefined || value.toLowerCase() === "off") {
    if (privateAddresses.length === 0) return undefined;
    throw refuse(
      "METACORE_EGRESS",
      value ?? "",
      "any or hosts, since METACORE_EGRESS_PRIVATE is set",
    );
  }
  if (value.toLowerCase() === "any") return { hosts: "any", privateAddresses };
  const hosts = listOf(value);
  for (const host of hosts) {
    if (HOST.test(host) && isHostPattern(host, "operator")) continue;
    throw refuse(
      "METACORE_EGRESS",
      host,
      "off, any, or hosts such as api.example.com,*.example.org,ops-backend:8080",
    );
  }
  return { hosts, privateAddresses };
}

/**
 * Reads the bounds of the sandbox.
 *
 * @param env reads a variable.
 * @param refuse makes the refusal.
 * @returns the bounds that are set.
 */
export function readSandbox(
  env: ReadVariable<SandboxName>,
  refuse: Refuse<SandboxName>,
): SandboxSettings {
  const whole = (name: SandboxName, bound: keyof SandboxSettings): number | undefined => {
    const [min, max] = SANDBOX_RANGES[bound];
    const value = env(name);
    if (value === undefined) return undefined;
    const number = Number(value);
    if (/^\d{1,15}$/.test(value) && number >= min && number <= max) return number;
    throw refuse(name, value, `a whole number from ${min} to ${max}`);
  };
  const maxWorkers = whole("METACORE_GUEST_WORKERS", "maxWorkers");
  const memoryLimitMiB = whole("METACORE_GUEST_MEMORY_MIB", "memoryLimitMiB");
  const timeoutMs = whole("METACORE_GUEST_TIMEOUT_MS", "timeoutMs");
  const fuel = whole("METACORE_GUEST_FUEL", "fuel");
  return {
    ...(maxWorkers === undefined ? {} : { maxWorkers }),
    ...(memoryLimitMiB === undefined ? {} : { memoryLimitMiB }),
    ...(timeoutMs === undefined ? {} : { timeoutMs }),
    ...(fuel === undefined ? {} : { fuel }),
  };
}

/**
 * Reads the operator's token.
 *
 * @param env reads a variable.
 * @param refuse makes the refusal.
 * @returns the token; undefined when there is none.
 */
export function readOperatorToken(
  env: ReadVariable<"METACORE_OPERATOR_TOKEN">,
  refuse: Refuse<"METACORE_OPERATOR_TOKEN">,
): string | undefined {
  const token = env("METACORE_OPERATOR_TOKEN");
  if (token === undefined || isOperatorToken(token)) return token;
  // The value is a secret, so the message does not repeat it.
  throw refuse("METACORE_OPERATOR_TOKEN", "…", OPERATOR_TOKEN_FORM);
}

function listOf(value: string | undefined): string[] {
  return (value ?? "").split(",").map((part) => part.trim()).filter(Boolean);
}

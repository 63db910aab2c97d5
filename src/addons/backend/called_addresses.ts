/**
 * The addresses that a manifest itself names to be called: one list, so that what a plan shows and
 * what is called unasked cannot differ. What host an address leads to is found elsewhere.
 *
 * @module
 */

import type {
  ActionDefinition,
  HandlerDefinition,
  Manifest,
} from "../../bundle/manifest/manifest.ts";

/** Hooks name addresses or functions of the module: absolute, a placeholder first, or relative. */
const ADDRESS = /^\s*(?:https?:|\{\{[^{}]*\}\}|\/)/i;

/** An address and who calls it. */
export interface CalledAddress {
  /** Absolute, starting with a placeholder, or relative to `backend.url`. */
  readonly address: string;
  /** What calls it, in words such as `tool send`. */
  readonly use: string;
}

/**
 * Lists the addresses.
 *
 * @param manifest the manifest.
 * @returns those of its backend, hooks, actions, subscriptions and tools, as they are written.
 */
export function calledAddresses(manifest: Manifest): readonly CalledAddress[] {
  const { backend, hooks, actions, extensions, lifecycle_hooks, subscriptions, tools } = manifest;
  return [
    ...named(backend?.url, "backend.url"),
    ...Object.entries(hooks).flatMap(([name, text]) =>
      ADDRESS.test(text) ? named(text, `hook ${name}`) : []
    ),
    ...Object.entries(actions).flatMap(([model, list]) => ofActions(list, model)),
    ...extensions.flatMap(({ model, actions: list = [] }) => ofActions(list, model)),
    ...lifecycle_hooks.flatMap(({ event, handler }) => ofHandler(handler, `hook ${event}`)),
    ...subscriptions.flatMap(({ event, handler }) => ofHandler(handler, `subscription ${event}`)),
    ...tools.flatMap(({ id, endpoint, handler }) => [
      ...named(endpoint, `tool ${id}`),
      ...ofHandler(handler, `tool ${id}`),
    ]),
  ];
}

function named(address: string | undefined, use: string): CalledAddress[] {
  return address === undefined || address === "" ? [] : [{ address, use }];
}

function ofActions(actions: readonly ActionDefinition[], model: string): CalledAddress[] {
  return actions.flatMap(({ key, trigger }) =>
    trigger?.type === "webhook" ? named(trigger.url, `action ${model}.${key}`) : []
  );
}

function ofHandler(handler: HandlerDefinition | undefined, use: string): CalledAddress[] {
  return handler?.type === "webhook" ? named(handler.url, use) : [];
}

/**
 * Functions of the host application that run before actions.
 *
 * @module
 */

import { KernelError } from "../../base/error.ts";
import type { JsonObject } from "../../base/json.ts";
import type { ActionInterceptor, InterceptedAction } from "./action_service.ts";

/** `<model>::<action>`, either of them `*`; or `*` alone. */
const NAME = /^(?:\*|[^:\s]{1,128}::[^:\s]{1,128})$/;

interface Entry {
  readonly model: string;
  readonly action: string;
  readonly interceptor: ActionInterceptor;
}

/** Holds interceptors in the order in which they were added. */
export class Interceptors {
  readonly #entries = new Set<Entry>();

  /**
   * Adds one.
   *
   * @param name `<model>::<action>`, either of them `*`, or `*` for every action.
   * @param interceptor the function.
   * @returns takes it away again.
   * @throws {KernelError} addon.invalid_interceptor — the name is none.
   */
  add(name: string, interceptor: ActionInterceptor): () => void {
    if (!NAME.test(name)) throw invalidName(name);
    const [model = "*", action = "*"] = name === "*" ? [] : name.split("::");
    const entry = { model, action, interceptor };
    this.#entries.add(entry);
    return () => void this.#entries.delete(entry);
  }

  /**
   * Runs those that fit, one after the other.
   *
   * @param run the action that is about to run.
   * @returns the payload to go on with.
   * @throws whatever one of them throws.
   */
  async run(run: InterceptedAction): Promise<JsonObject> {
    let { payload } = run;
    for (const { model, action, interceptor } of this.#entries) {
      if (model !== "*" && model !== run.model) continue;
      if (action !== "*" && action !== run.action) continue;
      payload = await interceptor({ ...run, payload }) ?? payload;
    }
    return payload;
  }
}

function invalidName(name: string): KernelError {
  return new KernelError({
    code: "addon.invalid_interceptor",
    kind: "invalid",
    message: `${JSON.stringify(name.slice(0, 128))} names no action: write <model>::<action>, ` +
      "either of them * for every one, or * for all",
  });
}

/**
 * Reads what is called of an addon of the generation `asteby.com/v3`. There is no backend block: the
 * functions that handlers name are what its module offers.
 *
 * @module
 */

import { isJsonObject } from "../../../base/json.ts";
import { readCallAddress } from "../handler.ts";
import { EXPORT_NAME } from "../identifier.ts";
import type { HandlerDefinition } from "../manifest.ts";
import { type ManifestNode, shown } from "../node.ts";
import { refuseUnknown } from "./strict.ts";

const TYPES = ["wasm", "webhook", "compiled", "connector"] as const;

/** Reads handlers and remembers the functions that they name. */
export class HandlerReader {
  readonly #functions = new Set<string>();

  /** Functions of the module that were named, in the order they were. */
  get functions(): readonly string[] {
    return [...this.#functions];
  }

  /**
   * Reads a handler: an object, or a text such as `wasm:Install`.
   *
   * @param node the handler.
   * @param compiledName name under which the host application has registered code for it.
   * @returns the handler, or undefined where there is none or it was complained about.
   */
  read(node: ManifestNode, compiledName: string): HandlerDefinition | undefined {
    if (typeof node.value === "string") return this.#readText(node, node.value, compiledName);
    const object = node.object();
    if (object === undefined || Object.keys(object).length === 0) return undefined;
    const typeNode = node.field("type");
    const type = typeNode.word(TYPES, "type of handler");
    switch (type) {
      case "wasm":
        refuseUnknown(node, ["type", "function"]);
        return this.readFunction(node.field("function"));
      case "webhook":
        refuseUnknown(node, ["type", "url"]);
        return this.#webhook(node.field("url"));
      case "compiled":
        refuseUnknown(node, ["type"]);
        return { type, name: compiledName };
      case "connector":
        return typeNode.complain("connectors are not supported by this kernel yet");
      default:
        return typeNode.present && typeNode.value !== ""
          ? undefined
          : typeNode.complain("is required");
    }
  }

  /**
   * Reads the name of a function of the module.
   *
   * @param node the name.
   * @returns the handler, or undefined where it was complained about.
   */
  readFunction(node: ManifestNode): HandlerDefinition | undefined {
    return this.#wasm(node, node.text());
  }

  #readText(
    node: ManifestNode,
    text: string,
    compiledName: string,
  ): HandlerDefinition | undefined {
    if (text === "") return undefined;
    if (text.startsWith("wasm:")) return this.#wasm(node, text.slice("wasm:".length));
    if (text === "compiled") return { type: "compiled", name: compiledName };
    return node.complain(`${shown(text)} is not a handler: write "wasm:<function>" or an object`);
  }

  #wasm(node: ManifestNode, name: string | undefined): HandlerDefinition | undefined {
    if (name === undefined || name === "") return node.complain("a wasm handler needs a function");
    if (!EXPORT_NAME.test(name)) return node.complain(`${shown(name)} is an invalid symbol`);
    this.#functions.add(name);
    return { type: "wasm", function: name };
  }

  #webhook(node: ManifestNode): HandlerDefinition | undefined {
    if (node.filledText() === undefined) return node.complain("a webhook handler needs an url");
    const url = readCallAddress(node);
    if (url === undefined) return undefined;
    // There is no backend.url that a path could be relative to.
    if (/^https?:\/\/[^/?#]/i.test(url)) return { type: "webhook", url };
    return node.complain(`${shown(url)} is not an absolute http(s) address`);
  }
}

/**
 * Tells whether a handler is written at all: actions that only ask a question have an empty one.
 *
 * @param node the handler.
 * @returns false for what is absent, an empty text or an empty object.
 */
export function hasHandler(node: ManifestNode): boolean {
  if (!node.present || node.value === "") return false;
  return !isJsonObject(node.value) || Object.keys(node.value).length > 0;
}

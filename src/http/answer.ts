/**
 * What a route gives back, as plain values, and the envelopes of contract/metacore.md §1.2. Nothing
 * here touches a Response; that is `respond.ts`.
 *
 * @module
 */

import type { JsonText } from "../base/json_text.ts";

/** An answer before it is a response. */
export interface Answer {
  readonly status: number;
  /**
   * JSON text; bytes or a stream of another kind, whose `content-type` stands in the headers; or null
   * for no body at all.
   */
  readonly body: string | Uint8Array<ArrayBuffer> | ReadableStream<Uint8Array> | null;
  /** Headers beside those that every answer has, by lower-case name. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Says that nothing was done although the status is one of success: a repeat may try again. */
  readonly outcome?: "nothing done";
}

/** An answer whose body is JSON text. */
export interface TextAnswer extends Answer {
  readonly body: string;
}

/** Success without data: `{"success":true}`. */
export const SUCCESS: Answer = { status: 200, body: '{"success":true}' };
/** Success with nothing to say. */
export const NO_CONTENT: Answer = { status: 204, body: null };

/**
 * Wraps JSON that an engine has written, unparsed.
 *
 * @param data the text.
 * @param status 200 or 201. @default 200
 * @returns `{"success":true,"data":…}`.
 */
export function dataText(data: JsonText<unknown>, status = 200): Answer {
  return { status, body: `{"success":true,"data":${data.text}}` };
}

/**
 * Wraps a page that an engine has written, unparsed.
 *
 * @param rows the text of an array.
 * @param meta where the page stands.
 * @returns `{"success":true,"data":[…],"meta":{…}}`.
 */
export function pageText(rows: JsonText<unknown>, meta: object): Answer {
  return {
    status: 200,
    body: `{"success":true,"data":${rows.text},"meta":${JSON.stringify(meta)}}`,
  };
}

/**
 * Wraps a value.
 *
 * @param data any JSON value.
 * @param meta facts about it.
 * @returns `{"success":true,"data":…,"meta"?:…}`.
 */
export function data(data: unknown, meta?: object): Answer {
  const body = meta === undefined ? { success: true, data } : { success: true, data, meta };
  return { status: 200, body: JSON.stringify(body) };
}

/**
 * Sends a value as it is: the addon plane has no envelope (contract/client.md §1).
 *
 * @param value any JSON value.
 * @param headers headers beside those that every answer has.
 * @returns the bare value.
 */
export function bare(value: unknown, headers?: Readonly<Record<string, string>>): Answer {
  const body = JSON.stringify(value);
  return headers === undefined ? { status: 200, body } : { status: 200, body, headers };
}

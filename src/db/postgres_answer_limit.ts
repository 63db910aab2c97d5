/**
 * Ends a connection before a message of the server is larger than the process can hold: the driver
 * would throw where nobody catches, which ends the process. It counts, and reads nothing.
 *
 * @module
 */

import { answerTooLarge } from "./errors.ts";

/** Greatest message in bytes; a bundle of the greatest size fits as hexadecimal text. */
export const MAX_MESSAGE_BYTES = 128 * 1024 * 1024;

/** A code of one byte, then the length in four, which counts itself but not the code. */
const HEADER_BYTES = 5;
const LENGTH_BYTES = 4;

/** The stream of a connection. */
export interface AnswerStream {
  prependListener(event: "data", listener: (chunk: Uint8Array) => void): unknown;
  destroy(error: Error): unknown;
}

/**
 * Watches a connection that stands between two messages.
 *
 * @param stream its stream; what is too large ends it with `db.answer_too_large`.
 * @param maxBytes greatest message. @default MAX_MESSAGE_BYTES
 */
export function limitAnswers(stream: AnswerStream, maxBytes: number = MAX_MESSAGE_BYTES): void {
  const meter = new MessageMeter(maxBytes);
  // Before the driver's own listener, which collects the chunks of a message.
  stream.prependListener("data", (chunk) => {
    if (!meter.admits(chunk)) stream.destroy(answerTooLarge());
  });
}

class MessageMeter {
  readonly #maxBytes: number;
  #left = 0;
  #headerBytes = 0;
  #length = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  admits(chunk: Uint8Array): boolean {
    for (let at = 0; at < chunk.length;) {
      if (this.#left > 0) {
        const step = Math.min(this.#left, chunk.length - at);
        this.#left -= step;
        at += step;
        continue;
      }
      if (this.#headerBytes > 0) this.#length = this.#length * 256 + chunk[at]!;
      at++;
      if (++this.#headerBytes < HEADER_BYTES) continue;
      if (this.#length > this.#maxBytes) return false;
      this.#left = this.#length - LENGTH_BYTES;
      this.#headerBytes = 0;
      this.#length = 0;
    }
    return true;
  }
}

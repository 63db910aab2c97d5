/**
 * Bounds how many uploads are held in memory at one time.
 *
 * @module
 */

import { uploadsBusy } from "../errors.ts";

/** A bounded number of places. */
export class UploadSlots {
  #free: number;

  /**
   * Makes the places.
   *
   * @param count how many uploads may be worked on at one time, 1 or more.
   */
  constructor(count: number) {
    this.#free = count;
  }

  /**
   * Works in a place.
   *
   * @param work what needs the upload in memory.
   * @returns what the work gives.
   * @throws {KernelError} http.uploads_busy — when no place is free.
   */
  async hold<T>(work: () => Promise<T>): Promise<T> {
    const release = this.take();
    try {
      return await work();
    } finally {
      release();
    }
  }

  /**
   * Takes a place for work that goes on after its answer has begun.
   *
   * @returns gives the place back; calling it again does nothing.
   * @throws {KernelError} http.uploads_busy — when no place is free.
   */
  take(): () => void {
    if (this.#free === 0) throw uploadsBusy();
    this.#free--;
    let isHeld = true;
    return () => {
      if (isHeld) this.#free++;
      isHeld = false;
    };
  }
}

/**
 * A queue of frames by their numbers, first in, first out, in one array.
 *
 * @module
 */

import { assert } from "../../base/mod.ts";

/** A queue of so many numbers at the most. */
export class FrameRing {
  readonly #frames: Int32Array;
  #head = 0;
  #count = 0;

  /** Makes an empty queue. */
  constructor(most: number) {
    this.#frames = new Int32Array(most);
  }

  /** How many frames are in it. */
  get count(): number {
    return this.#count;
  }

  /** Puts a frame behind the others. */
  push(frame: number): void {
    assert(this.#count < this.#frames.length, "a ring has room for every frame");
    const at = this.#head + this.#count++;
    this.#frames[at < this.#frames.length ? at : at - this.#frames.length] = frame;
  }

  /** Takes the frame that came first. */
  shift(): number {
    assert(this.#count > 0, "a ring that is asked for a frame has one");
    const frame = this.#frames[this.#head];
    if (++this.#head === this.#frames.length) this.#head = 0;
    this.#count--;
    return frame;
  }
}

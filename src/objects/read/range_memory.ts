/**
 * Memory of ranges that is used again: where all of a layer is read a quarter of a megabyte at a time, and each piece is
 * let go of soon, that of a few pieces does.
 *
 * @module
 */

import { dropMemory } from "../../io/mod.ts";

/** What all of it has, unless a range is longer: as much as cursors read in one piece. */
const usualBytes = 240 * 1024;

/** See the top of the file. */
export class RangeMemory {
  readonly #free: ArrayBuffer[] = [];

  /** The bytes that wait to be used again. */
  get freeBytes(): number {
    return this.#free.length * usualBytes;
  }

  /** Takes memory for a range, which holds anything. */
  take(length: number): Uint8Array<ArrayBuffer> {
    if (length > usualBytes) return new Uint8Array(length);
    return new Uint8Array(this.#free.pop() ?? new ArrayBuffer(usualBytes), 0, length);
  }

  /** Takes memory back that nobody looks at any more. What did not come from here is left to the garbage collector. */
  giveBack({ buffer }: Uint8Array<ArrayBuffer>): void {
    if (buffer.byteLength === usualBytes) this.#free.push(buffer);
  }

  /** Gives up what waits. */
  end(): void {
    for (const buffer of this.#free.splice(0)) dropMemory({ buffer });
  }
}

/**
 * Aligned memory that is lent by a pool.
 *
 * B1  A buffer that was released throws when it is used again.
 * B2  Memory goes back to its pool exactly once.
 *
 * @module
 */

import { assert } from "../../base/mod.ts";

/** Where released memory goes. */
export interface BufferOwner {
  /** Takes memory back. */
  reclaim(memory: Uint8Array<ArrayBuffer>): void;
}

/** Aligned memory with one holder. */
export class IoBuffer {
  #memory: Uint8Array<ArrayBuffer> | undefined;
  readonly #owner: BufferOwner;

  /**
   * Wraps aligned memory.
   *
   * @param memory The memory.
   * @param owner Where it goes when it is released.
   */
  constructor(memory: Uint8Array<ArrayBuffer>, owner: BufferOwner) {
    this.#memory = memory;
    this.#owner = owner;
  }

  /** The memory. */
  get bytes(): Uint8Array<ArrayBuffer> {
    assert(this.#memory !== undefined, "B1: a buffer was used after it was released");
    return this.#memory;
  }

  /** Gives the memory back. */
  release(): void {
    const memory = this.bytes;
    this.#memory = undefined;
    this.#owner.reclaim(memory);
  }
}

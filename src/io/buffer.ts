/**
 * Aligned memory that changes hands in O(1).
 *
 * ```
 *   pool ──take──► IoBufferMut ──freeze──► IoBuffer ──intoMut (last holder)──► IoBufferMut ──release──► pool
 *                  one owner writes        many read; retain/release count holders
 * ```
 *
 * B1  A handle that was frozen, turned back or released throws when it is used again.
 * B2  Memory goes back to its pool exactly once, when its last holder lets go.
 *
 * @module
 */

import { assert } from "../base/mod.ts";

/** Where released memory goes. */
export interface BufferOwner {
  /** Takes memory back. */
  reclaim(memory: Uint8Array<ArrayBuffer>): void;
}

/** Aligned memory with one owner, who may write. */
export class IoBufferMut {
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
    assert(this.#memory !== undefined, "B1: a buffer was used after it changed hands");
    return this.#memory;
  }

  /** Gives up writing for shared reading, in O(1). This handle is void after it. */
  freeze(): IoBuffer {
    const memory = this.bytes;
    this.#memory = undefined;
    return new IoBuffer(memory, this.#owner);
  }

  /** Gives the memory back. This handle is void after it. */
  release(): void {
    const memory = this.bytes;
    this.#memory = undefined;
    this.#owner.reclaim(memory);
  }
}

/** Aligned memory that nobody writes and many may read. It starts with one holder. */
export class IoBuffer {
  #memory: Uint8Array<ArrayBuffer> | undefined;
  readonly #owner: BufferOwner;
  #holders = 1;

  /**
   * Wraps aligned memory.
   *
   * @param memory The memory.
   * @param owner Where it goes when its last holder releases it.
   */
  constructor(memory: Uint8Array<ArrayBuffer>, owner: BufferOwner) {
    this.#memory = memory;
    this.#owner = owner;
  }

  /** The memory, which must not be written. */
  get bytes(): Uint8Array<ArrayBuffer> {
    assert(this.#memory !== undefined, "B1: a buffer was used after it changed hands");
    return this.#memory;
  }

  /** How many hold it. */
  get holders(): number {
    return this.#holders;
  }

  /** Adds a holder. */
  retain(): this {
    assert(this.#memory !== undefined, "B1: a buffer was used after it changed hands");
    this.#holders++;
    return this;
  }

  /** Takes a holder away; the last one gives the memory back. */
  release(): void {
    const memory = this.bytes;
    if (--this.#holders > 0) return;
    this.#memory = undefined;
    this.#owner.reclaim(memory);
  }

  /**
   * Turns back into writable memory, if the caller is the last holder.
   *
   * @returns The buffer, or `undefined` while others hold it. This handle is void after a success.
   */
  intoMut(): IoBufferMut | undefined {
    const memory = this.bytes;
    if (this.#holders !== 1) return undefined;
    this.#memory = undefined;
    this.#holders = 0;
    return new IoBufferMut(memory, this.#owner);
  }
}

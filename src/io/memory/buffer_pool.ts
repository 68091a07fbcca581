/**
 * A pool of aligned buffers of one size under a byte budget.
 *
 * Waiting for a buffer is the back-pressure of whoever can wait ({@linkcode BufferPool.take}); whoever must not
 * wait, because it stands between reading a position and advancing it, takes at once
 * ({@linkcode BufferPool.takeNow}) and waits afterwards.
 *
 * @module
 */

import { assert, blockBytes } from "../../base/mod.ts";
import { type BufferOwner, IoBuffer } from "./io_buffer.ts";

/** What a pool takes its memory from. */
export interface MemorySource {
  /** Takes memory whose address is a multiple of 4096. */
  allocateMemory(byteLength: number): Uint8Array<ArrayBuffer>;
  /** Whether memory that comes back may be in use still, so that it is not given out again. */
  readonly isLost?: boolean | undefined;
}

/** How large a pool is. */
export interface BufferPoolOptions {
  /** The size of each buffer in bytes, a multiple of 4096. */
  bufferBytes: number;
  /** The memory that waiting takers may hold together, in bytes. */
  budgetBytes: number;
}

/** Aligned buffers of one size under a byte budget. */
export class BufferPool implements BufferOwner {
  /** The size of each buffer in bytes. */
  readonly bufferBytes: number;
  readonly #most: number;
  readonly #source: MemorySource;
  readonly #free: Uint8Array<ArrayBuffer>[] = [];
  readonly #waiting: PromiseWithResolvers<IoBuffer>[] = [];
  #taken = 0;

  /** Makes an empty pool; memory is taken as it is needed. */
  constructor(source: MemorySource, options: BufferPoolOptions) {
    assert(options.bufferBytes % blockBytes === 0, "the size of a buffer is a multiple of the block size");
    this.bufferBytes = options.bufferBytes;
    this.#most = Math.max(1, Math.floor(options.budgetBytes / options.bufferBytes));
    this.#source = source;
  }

  /** The bytes that are taken now. */
  get takenBytes(): number {
    return this.#taken * this.bufferBytes;
  }

  /** The bytes that the pool holds, taken or free. */
  get heldBytes(): number {
    return (this.#taken + this.#free.length) * this.bufferBytes;
  }

  /** The bytes that waiting takers may hold together. */
  get budgetBytes(): number {
    return this.#most * this.bufferBytes;
  }

  /** Takes a buffer at once, beyond the budget if need be. Its contents are arbitrary. */
  takeNow(): IoBuffer {
    const memory = this.#free.pop() ?? this.#source.allocateMemory(this.bufferBytes);
    this.#taken++;
    return new IoBuffer(memory, this);
  }

  /** Takes a buffer if the budget allows one at once. */
  tryTake(): IoBuffer | undefined {
    return this.#taken < this.#most ? this.takeNow() : undefined;
  }

  /** Takes a buffer when the budget allows; takers are served in order. */
  take(): Promise<IoBuffer> {
    if (this.#taken < this.#most) return Promise.resolve(this.takeNow());
    const turn = Promise.withResolvers<IoBuffer>();
    this.#waiting.push(turn);
    return turn.promise;
  }

  /** Takes memory back from a buffer; only buffers call it. */
  reclaim(memory: Uint8Array<ArrayBuffer>): void {
    assert(this.#taken > 0, "B2: more buffers came back than were taken");
    this.#taken--;
    const isKept = this.#source.isLost !== true && this.#taken + this.#free.length < this.#most;
    if (isKept) this.#free.push(memory);
    while (this.#taken < this.#most && this.#serve(this.#waiting.shift()));
  }

  /** Gives a buffer to who waits for one. That there is no memory for it is for them to learn, not for who gives back. */
  #serve(turn: PromiseWithResolvers<IoBuffer> | undefined): boolean {
    try {
      turn?.resolve(this.takeNow());
    } catch (error) {
      turn?.reject(error);
    }
    return turn !== undefined;
  }
}

/**
 * The memory of a buffered writer: a row of aligned buffers, of which all but the last are full.
 *
 * ```
 *   [ full ][ full ][ being filled …
 *   ▲ start                        ▲ position
 * ```
 *
 * C1  Every buffer starts at an aligned offset; buffers cover [start, position) without a gap.
 *
 * @module
 */

import { assert, blockBytes } from "../../base/mod.ts";
import type { BufferPool } from "../memory/buffer_pool.ts";
import type { IoBuffer } from "../memory/io_buffer.ts";

const zeros = new Uint8Array(blockBytes);

/** A buffer, and which bytes of the file it holds. */
export interface Chunk {
  /** The offset of its first byte. */
  readonly start: number;
  /** Its memory. */
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** How much of the memory is filled. */
  filled: number;
  /** Where the memory came from. */
  readonly buffer: IoBuffer;
}

/** The buffers of a writer. */
export class Chunks {
  readonly #pool: BufferPool;
  readonly #onFull: (end: number) => void;
  readonly #row: Chunk[] = [];
  #position: number;

  /**
   * Starts empty.
   *
   * @param pool Where buffers come from.
   * @param start The offset of the first byte, aligned.
   * @param onFull Told where a buffer ends that has become full, in the turn in which it does.
   */
  constructor(pool: BufferPool, start: number, onFull: (end: number) => void) {
    assert(start % blockBytes === 0, "C1: a writer starts at an aligned offset");
    this.#pool = pool;
    this.#position = start;
    this.#onFull = onFull;
  }

  /** The offset after the last byte. */
  get position(): number {
    return this.#position;
  }

  /** The offset of the first byte that is here. */
  get start(): number {
    return this.#row.length > 0 ? this.#row[0].start : this.#position;
  }

  /** How many buffers hold bytes behind `offset`. */
  countBehind(offset: number): number {
    let count = 0;
    for (let i = this.#row.length - 1; i >= 0 && this.#row[i].start + this.#row[i].filled > offset; i--) {
      count++;
    }
    return count;
  }

  /** Copies bytes in. */
  append(bytes: Uint8Array): void {
    let from = 0;
    while (from < bytes.length) {
      const chunk = this.#unfilled();
      const count = Math.min(chunk.bytes.length - chunk.filled, bytes.length - from);
      chunk.bytes.set(count === bytes.length ? bytes : bytes.subarray(from, from + count), chunk.filled);
      from += count;
      chunk.filled += count;
      this.#position += count;
      if (chunk.filled === chunk.bytes.length) this.#onFull(this.#position);
    }
  }

  /** Puts zeros in, up to the next block. */
  pad(): void {
    this.append(zeros.subarray(0, (blockBytes - this.#position % blockBytes) % blockBytes));
  }

  #unfilled(): Chunk {
    const last = this.#row.at(-1);
    if (last !== undefined && last.filled < last.bytes.length) return last;
    const buffer = this.#pool.takeNow();
    const chunk: Chunk = { start: this.#position, bytes: buffer.bytes, filled: 0, buffer };
    this.#row.push(chunk);
    return chunk;
  }

  /** The buffer that holds the byte at `offset`. */
  at(offset: number): Chunk {
    for (const chunk of this.#row) {
      if (offset >= chunk.start && offset < chunk.start + chunk.filled) return chunk;
    }
    assert(false, "C1: buffers cover what is not written");
  }

  /** Copies bytes out that are here, from `offset` until `target` is full. */
  copyOut(offset: number, target: Uint8Array): void {
    assert(offset >= this.start, "C1: the bytes are in memory");
    assert(offset + target.length <= this.#position, "C1: the bytes were appended");
    let at = 0;
    for (const chunk of this.#row) {
      if (at === target.length) return;
      const from = offset + at - chunk.start;
      if (from >= chunk.filled) continue;
      const count = Math.min(chunk.filled - from, target.length - at);
      target.set(chunk.bytes.subarray(from, from + count), at);
      at += count;
    }
    assert(at === target.length, "C1: buffers cover the memory without a gap");
  }

  /** Gives up full buffers that end at or before `offset`, but for the last `kept` bytes. */
  giveUpTo(offset: number, kept: number): void {
    while (this.#row.length > 0) {
      const chunk = this.#row[0];
      if (chunk.filled < chunk.bytes.length || chunk.start + chunk.filled > offset - kept) return;
      this.#row.shift();
      chunk.buffer.release();
    }
  }

  /** Gives up every buffer. */
  giveUp(): void {
    for (const chunk of this.#row.splice(0)) chunk.buffer.release();
  }
}

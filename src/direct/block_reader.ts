/**
 * Reads any range of a file by whole blocks, through buffers of a pool.
 *
 * @module
 */

import { blockBytes } from "../base/mod.ts";
import { type BufferPool, type IoEngine, type IoFile, readOnce, readSequentially } from "../io/mod.ts";

/** Reads one file. */
export class BlockReader {
  readonly #engine: IoEngine;
  readonly #pool: BufferPool;
  readonly #file: IoFile;
  #running = 0;
  #idle: (() => void) | undefined;

  /** Reads `file`, which it does not close. */
  constructor(engine: IoEngine, pool: BufferPool, file: IoFile) {
    this.#engine = engine;
    this.#pool = pool;
    this.#file = file;
  }

  /**
   * Reads a range.
   *
   * @param offset Where it starts.
   * @param length How many bytes; fewer come back at the end of the file.
   * @returns Memory of its own.
   */
  async read(offset: number, length: number): Promise<Uint8Array> {
    this.#running++;
    try {
      const start = offset - offset % blockBytes;
      const isOne = offset + length - start <= this.#pool.bufferBytes;
      return await (isOne ? this.#readOnce(start, offset, length) : this.#readMany(start, offset, length));
    } finally {
      if (--this.#running === 0) this.#idle?.();
    }
  }

  /** Waits until nothing is being read. */
  async idle(): Promise<void> {
    if (this.#running > 0) await new Promise<void>((resolve) => this.#idle = resolve);
  }

  async #readOnce(start: number, offset: number, length: number): Promise<Uint8Array> {
    const buffer = await this.#pool.take();
    try {
      const bytes = buffer.bytes.subarray(0, Math.ceil((offset + length - start) / blockBytes) * blockBytes);
      const read = await readOnce(this.#engine, this.#file, start, bytes);
      return bytes.slice(offset - start, Math.min(read, offset + length - start));
    } finally {
      buffer.release();
    }
  }

  async #readMany(start: number, offset: number, length: number): Promise<Uint8Array> {
    const result = new Uint8Array(length);
    const range = { start, end: offset + length };
    let at = start;
    for await (const chunk of readSequentially(this.#engine, this.#pool, this.#file, range)) {
      const skip = Math.max(0, offset - at);
      result.set(chunk.subarray(skip), at + skip - offset);
      at += chunk.length;
    }
    return result.subarray(0, Math.max(0, at - offset));
  }
}

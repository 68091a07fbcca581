/**
 * The file of an object, held open by somebody who reads it over a long time: it can be read from also once the object was
 * removed.
 *
 * @module
 */

import { asMemoryError, blockBytes } from "../../base/mod.ts";
import { type BufferPool, type IoEngine, type IoFile, readOnce } from "../../io/mod.ts";

/** An open file. Any number of reads may run at once; it is closed when none does. */
export class PinnedObject {
  readonly #engine: IoEngine;
  readonly #pool: BufferPool;
  readonly #file: IoFile;

  /** Takes an open file, which it closes in the end. */
  constructor(engine: IoEngine, pool: BufferPool, file: IoFile) {
    this.#engine = engine;
    this.#pool = pool;
    this.#file = file;
  }

  /**
   * Reads bytes.
   *
   * @param offset Where they start.
   * @param length How many.
   * @returns Memory of its own; shorter where the file ends.
   * @throws {MemoryError} If there is no memory for it.
   * @throws {IoError} If the system fails.
   */
  async read(offset: number, length: number): Promise<Uint8Array<ArrayBuffer>> {
    try {
      return await this.#read(offset, length);
    } catch (error) {
      throw asMemoryError(error, "read");
    }
  }

  async #read(offset: number, length: number): Promise<Uint8Array<ArrayBuffer>> {
    const bytes = new Uint8Array(length);
    for (let at = 0; at < length;) {
      const read = await this.#readPiece(offset + at, bytes.subarray(at));
      if (read === 0) return bytes.subarray(0, at);
      at += read;
    }
    return bytes;
  }

  /** Fills as much as one buffer brings; returns how much that is. */
  async #readPiece(offset: number, target: Uint8Array): Promise<number> {
    const buffer = await this.#pool.take();
    try {
      const start = offset - offset % blockBytes, skip = offset - start;
      const wanted = Math.ceil((skip + target.length) / blockBytes) * blockBytes;
      const bytes = buffer.bytes.subarray(0, Math.min(wanted, this.#pool.bufferBytes));
      const read = await readOnce(this.#engine, this.#file, start, bytes);
      const found = bytes.subarray(skip, Math.min(read, skip + target.length));
      target.set(found);
      return found.length;
    } finally {
      buffer.release();
    }
  }

  /** Closes it. Nothing is being read. */
  async close(): Promise<void> {
    await this.#engine.close(this.#file);
  }
}

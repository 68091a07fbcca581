/**
 * Reads a stream of bytes by delimiters and by lengths.
 *
 * Bytes that lie within one chunk are handed out as a view of it, so they cost no copy; nothing here ever writes
 * to a chunk. One reader serves one caller at a time.
 */

import { LimitError } from "../base/mod.ts";
import { concat } from "@std/bytes";

const nothing = new Uint8Array(0);

/** A reader of delimited and of counted bytes. */
export class ByteReader implements AsyncDisposable {
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>;
  #chunk: Uint8Array = nothing;
  #at = 0;
  #bytesRead = 0;
  #cancelled = false;

  /** Locks `stream` and reads from it on demand. */
  constructor(stream: ReadableStream<Uint8Array>) {
    this.#reader = stream.getReader();
  }

  /** Bytes taken from the stream so far, those not yet handed out included. */
  get bytesRead(): number {
    return this.#bytesRead;
  }

  /**
   * Reads up to a delimiter, or to the end of the stream.
   *
   * @param delimiter The byte that ends the piece; it is taken and not returned.
   * @param maxBytes The longest piece that is accepted.
   * @returns The piece, or `undefined` at the end of the stream, or when it was given up.
   * @throws {LimitError} If the piece is longer than `maxBytes`.
   */
  async readUntil(delimiter: number, maxBytes: number): Promise<Uint8Array | undefined> {
    const pieces: Uint8Array[] = [];
    let length = 0;
    for (;;) {
      const end = this.#chunk.indexOf(delimiter, this.#at);
      const piece = this.#chunk.subarray(this.#at, end < 0 ? undefined : end);
      length += piece.length;
      if (length > maxBytes) {
        throw new LimitError(`Cannot read on: a piece is over ${maxBytes} bytes long`, {
          limit: maxBytes,
          found: length,
        });
      }
      if (piece.length > 0) pieces.push(piece);
      if (end >= 0) {
        this.#at = end + 1;
        return join(pieces);
      }
      if (!await this.#nextChunk()) return pieces.length === 0 || this.#cancelled ? undefined : join(pieces);
    }
  }

  /**
   * Reads so many bytes.
   *
   * @param length How many.
   * @returns The bytes, or `undefined` if the stream ends before.
   */
  async readExactly(length: number): Promise<Uint8Array | undefined> {
    if (this.#chunk.length - this.#at >= length) return this.#take(length);
    const bytes = new Uint8Array(length);
    return await this.#each(length, (piece, at) => bytes.set(piece, at)) ? bytes : undefined;
  }

  /**
   * Passes over so many bytes without keeping them.
   *
   * @param length How many.
   * @returns Whether the stream held that many.
   */
  skip(length: number): Promise<boolean> {
    return this.#each(length, () => {});
  }

  /** Gives the rest of the stream up; a piece that is not whole yet is dropped. */
  async cancel(): Promise<void> {
    this.#cancelled = true;
    await this.#reader.cancel();
  }

  /** Gives the rest of the stream up. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.cancel();
  }

  /** Takes so many bytes piece by piece. Returns whether the stream held that many. */
  async #each(length: number, use: (piece: Uint8Array, at: number) => void): Promise<boolean> {
    for (let at = 0; at < length;) {
      if (this.#at === this.#chunk.length && !await this.#nextChunk()) return false;
      const piece = this.#take(Math.min(length - at, this.#chunk.length - this.#at));
      use(piece, at);
      at += piece.length;
    }
    return true;
  }

  #take(length: number): Uint8Array {
    const piece = this.#chunk.subarray(this.#at, this.#at + length);
    this.#at += length;
    return piece;
  }

  async #nextChunk(): Promise<boolean> {
    const { done, value } = await this.#reader.read();
    this.#chunk = value ?? nothing;
    this.#at = 0;
    this.#bytesRead += this.#chunk.length;
    return !done;
  }
}

function join(pieces: Uint8Array[]): Uint8Array {
  return pieces.length === 1 ? pieces[0] : concat(pieces);
}

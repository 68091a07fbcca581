/**
 * Cuts a stream of bytes into blocks of whole lines.
 *
 * A block is a view of what the stream gave, where that holds whole lines, so that most lines are never copied. It is
 * the caller's until the next one is asked for. One caller at a time.
 */

import { concat } from "@std/bytes";
import { crc32, LimitError } from "../../base/mod.ts";
import { maxLineBytes } from "./change_line.ts";

const lineFeed = 10;
const nothing = new Uint8Array(0);

/** A stream as blocks of lines. */
export class LineBlocks implements AsyncDisposable {
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>;
  /** What was read and not handed out. */
  #rest: Uint8Array = nothing;
  #bytesRead = 0;
  #cancelled = false;

  /** Locks `stream` and reads from it on demand. */
  constructor(stream: ReadableStream<Uint8Array>) {
    this.#reader = stream.getReader();
  }

  /** Bytes taken from the stream so far. */
  get bytesRead(): number {
    return this.#bytesRead;
  }

  /**
   * Passes over so many bytes.
   *
   * @param length How many.
   * @returns Their checksum, or `undefined` if the stream ends before.
   */
  async skip(length: number): Promise<number | undefined> {
    let crc = 0;
    for (let left = length;;) {
      const passed = this.#rest.subarray(0, left);
      crc = crc32(passed, crc);
      left -= passed.length;
      this.#rest = this.#rest.subarray(passed.length);
      if (left === 0) return crc;
      const chunk = await this.#read();
      if (chunk === undefined) return undefined;
      this.#rest = chunk;
    }
  }

  /**
   * Reads the next lines.
   *
   * @returns Whole lines with their line feeds; only the last line of the stream may be without. `undefined` at the end
   * of the stream, or when it was given up; then a line that is not whole yet is dropped.
   * @throws {LimitError} If a line is too long.
   */
  async next(): Promise<Uint8Array | undefined> {
    const pieces = [this.#rest];
    let length = this.#rest.length;
    let end = this.#rest.lastIndexOf(lineFeed) + 1;
    while (end === 0) {
      if (length > maxLineBytes) throw lineTooLong(length);
      const chunk = await this.#read();
      if (chunk === undefined) {
        this.#rest = nothing;
        return length === 0 || this.#cancelled ? undefined : concat(pieces);
      }
      pieces.push(chunk);
      length += chunk.length;
      end = chunk.lastIndexOf(lineFeed) + 1;
    }
    const last = pieces[pieces.length - 1];
    this.#rest = last.subarray(end);
    pieces[pieces.length - 1] = last.subarray(0, end);
    const whole = pieces.filter((piece) => piece.length > 0);
    return whole.length === 1 ? whole[0] : concat(whole);
  }

  /** Gives the rest of the stream up. */
  async cancel(): Promise<void> {
    this.#cancelled = true;
    await this.#reader.cancel();
  }

  /** Gives the rest of the stream up. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.cancel();
  }

  async #read(): Promise<Uint8Array | undefined> {
    const { value } = await this.#reader.read();
    this.#bytesRead += value?.length ?? 0;
    return value;
  }
}

function lineTooLong(found: number): LimitError {
  return new LimitError(`Cannot read on: a line is over ${maxLineBytes} bytes long`, {
    limit: maxLineBytes,
    found,
  });
}

/**
 * Bytes that are written and read one number, text or run of bytes after the other, little-endian.
 *
 * @module
 */

import { AssertionError, CorruptionError } from "../base/mod.ts";

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** Writes a safe integer ≥ 0. */
export function putLong(view: DataView, at: number, value: number): void {
  view.setUint32(at, value >>> 0, true);
  view.setUint32(at + 4, Math.floor(value / 2 ** 32), true);
}

/** Reads a number; one that is no safe integer comes out above all that are. */
export function longAt(view: DataView, at: number): number {
  return view.getUint32(at + 4, true) * 2 ** 32 + view.getUint32(at, true);
}

/** Bytes that grow as they are written. */
export class BodyWriter {
  #bytes: Uint8Array<ArrayBuffer>;
  #view: DataView;
  /** How many bytes were written; setting it lower takes the last ones back. */
  length = 0;

  /** Starts empty, with room for so many bytes. */
  constructor(capacity: number) {
    this.#bytes = new Uint8Array(capacity);
    this.#view = new DataView(this.#bytes.buffer);
  }

  /** What was written: no copy, and no longer of use once more is. */
  get bytes(): Uint8Array<ArrayBuffer> {
    return this.#bytes.subarray(0, this.length);
  }

  /** Makes room for `count` bytes, which hold anything, and counts them as written. Returns where they start. */
  advance(count: number): number {
    const at = this.length;
    this.length += count;
    if (this.length > this.#bytes.length) {
      const larger = new Uint8Array(Math.max(this.length, this.#bytes.length * 2));
      larger.set(this.#bytes.subarray(0, at));
      this.#bytes = larger;
      this.#view = new DataView(larger.buffer);
    }
    return at;
  }

  /** All bytes, written or not, until the next of them are written. */
  get view(): DataView {
    return this.#view;
  }

  /** Appends zeros. */
  zeros(count: number): void {
    const at = this.advance(count);
    this.#bytes.fill(0, at, this.length);
  }

  /** Appends 8 bits. */
  byte(value: number): void {
    if (value !== (value & 0xff)) refuse(value);
    // Advancing may bring another view.
    const at = this.advance(1);
    this.#view.setUint8(at, value);
  }

  /** Appends 16 bits. */
  half(value: number): void {
    if (value !== (value & 0xffff)) refuse(value);
    const at = this.advance(2);
    this.#view.setUint16(at, value, true);
  }

  /** Appends 32 bits. */
  word(value: number): void {
    if (value !== value >>> 0) refuse(value);
    const at = this.advance(4);
    this.#view.setUint32(at, value, true);
  }

  /** Appends a safe integer as 64 bits. */
  long(value: number): void {
    if (!Number.isSafeInteger(value) || value < 0) refuse(value);
    const at = this.advance(8);
    putLong(this.#view, at, value);
  }

  /** Appends bytes. */
  append(bytes: Uint8Array): void {
    const at = this.advance(bytes.length);
    this.#bytes.set(bytes, at);
  }

  /** Appends a text of at most 64 KiB: its length in bytes in 16 bits, then its UTF-8. */
  text(value: string): void {
    const bytes = encoder.encode(value);
    this.half(bytes.length);
    this.append(bytes);
  }
}

function refuse(value: number): never {
  throw new AssertionError(`the number ${value} does not fit where it is written`);
}

/** Reads numbers, texts and bytes one after the other, and throws `CorruptionError` where there are none. */
export class BodyReader {
  readonly #path: string;
  /** The file. */
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** The file. */
  readonly view: DataView;
  readonly #end: number;
  #at: number;

  /**
   * Starts to read a part of a file.
   *
   * @param path The file, for messages.
   * @param bytes All of the file.
   * @param start Where the part starts.
   * @param end Where it ends.
   */
  constructor(path: string, bytes: Uint8Array<ArrayBuffer>, start: number, end: number) {
    this.#path = path;
    this.bytes = bytes;
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#at = start;
    this.#end = end;
  }

  /** Whether everything was read. */
  get isAtEnd(): boolean {
    return this.#at === this.#end;
  }

  /** What is wrong with what was read last. */
  fault(expected: string, found: string): CorruptionError {
    return new CorruptionError({ path: this.#path, offset: this.#at, expected, found });
  }

  /** Goes past `count` bytes. Returns where they start. */
  skip(count: number): number {
    const at = this.#at;
    const left = this.#end - at;
    if (left < count) throw this.fault(`${count} bytes more`, `${left}`);
    this.#at += count;
    return at;
  }

  /** Reads 8 bits. */
  byte(): number {
    return this.view.getUint8(this.skip(1));
  }

  /** Reads 32 bits. */
  word(): number {
    return this.view.getUint32(this.skip(4), true);
  }

  /** Reads 64 bits; what is no safe integer comes out above all that are. */
  long(): number {
    return longAt(this.view, this.skip(8));
  }

  /**
   * Reads how many items follow, in 32 bits.
   *
   * @param least What an item has of bytes at the least, so that no memory is taken for items that cannot be there.
   */
  count(least: number): number {
    const count = this.word();
    const left = this.#end - this.#at;
    if (count * least > left) throw this.fault(`${count} items of at least ${least} bytes`, `${left} bytes`);
    return count;
  }

  /** Reads bytes: no copy. */
  take(count: number): Uint8Array<ArrayBuffer> {
    const at = this.skip(count);
    return this.bytes.subarray(at, at + count);
  }

  /** Reads a text. */
  text(): string {
    const bytes = this.take(this.view.getUint16(this.skip(2), true));
    try {
      return decoder.decode(bytes);
    } catch {
      throw this.fault("a text", "bytes that are not UTF-8");
    }
  }
}

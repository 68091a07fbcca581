/**
 * The compressed value: what stands in a record with the flag *compressed* in the place of its value. Little-endian.
 *
 * ```
 *   0        4          8                  8 + length 0
 *   ┌────────┬──────────┬──────────────────┬──────────┬─────────┬───
 *   │ length │ length 0 │ frame of piece 0 │ length 1 │ frame 1 │ …
 *   └────────┴──────────┴──────────────────┴──────────┴─────────┴───
 *     u32      u32        zstd               u32        zstd
 * ```
 *
 * The first length is that of the value. It is cut into pieces of {@linkcode pieceBytes}, the last one shorter, each a
 * frame of its own: so a large value is compressed and decompressed in slices, and the event loop has its turns between
 * them. The runtime's zlib does all its work on the thread that asks, its asynchronous calls too.
 *
 * Z1  A compressed value is shorter than the value.
 * Z2  A value that is not as long as it says, to the byte and piece by piece, is damaged. No more memory is taken for it
 *     than it says, and none before its pieces are known to follow each other to its end.
 *
 * @module
 */

import { constants, zstdCompressSync, zstdDecompressSync } from "node:zlib";
import { maxValueBytes } from "../../base/mod.ts";
import { putWord, wordAt } from "./word.ts";

/** Bytes of a value that are compressed together. */
export const pieceBytes: number = 256 * 1024;
/**
 * Values from this length on are compressed. A call costs some 15 µs whatever the length, so that for shorter ones a
 * merge and a scan would take several times as long; and a longer one mostly has a read of its own (N1).
 */
export const leastCompressedBytes = 2048;
/** One byte of so many must be saved. */
const savedShare = 8;
/** The shortest frame, and the shortest compressed value: what is shorter is damaged. */
const leastFrameBytes = 9, lengthBytes = 4;

/** The least piece of memory that the runtime decompresses into. */
const leastChunkBytes: number = constants.Z_MIN_CHUNK;

/** Higher levels take twice the time for some hundredths. */
const compressing = { params: { [constants.ZSTD_c_compressionLevel]: 1 } };

/** A value that is compressed piece by piece. */
export class ValueCompressor {
  readonly #value: Uint8Array;
  readonly #most: number;
  readonly #frames: Uint8Array[] = [];
  #at = 0;
  #byteLength = lengthBytes;

  /**
   * Begins with the first piece.
   *
   * @param value At least {@linkcode leastCompressedBytes}, which stay as they are until the end.
   */
  constructor(value: Uint8Array) {
    this.#value = value;
    this.#most = value.length - Math.ceil(value.length / savedShare);
  }

  /** Compresses the next piece; returns whether there is more to do. */
  step(): boolean {
    const value = this.#value, end = Math.min(value.length, this.#at + pieceBytes);
    const frame = zstdCompressSync(value.subarray(this.#at, end), compressing);
    this.#frames.push(frame);
    this.#byteLength += lengthBytes + frame.length;
    this.#at = end;
    return this.isWorth && end < value.length;
  }

  /** Whether what it came to so far saves enough. */
  get isWorth(): boolean {
    return this.#byteLength <= this.#most;
  }

  /** The length of the compressed value. */
  get byteLength(): number {
    return this.#byteLength;
  }

  /** Writes the compressed value, once there is no more to do. */
  writeTo(bytes: Uint8Array, at: number): void {
    putWord(bytes, at, this.#value.length);
    let to = at + lengthBytes;
    for (const frame of this.#frames) {
      putWord(bytes, to, frame.length);
      bytes.set(frame, to + lengthBytes);
      to += lengthBytes + frame.length;
    }
  }
}

/** A compressed value, and as much of the value as was asked for. */
export class CompressedValue {
  /** The length of the value in bytes, by what it says; −1 if it cannot be (Z2). */
  readonly length: number;
  readonly #bytes: Uint8Array<ArrayBuffer>;
  readonly #end: number;
  /** Where the next piece stands, and where it goes. */
  #at: number;
  #filled = 0;
  #value: Uint8Array<ArrayBuffer> | undefined;

  /**
   * Decompresses nothing yet.
   *
   * @param bytes Memory that stays as it is.
   * @param start Where in it the compressed value starts.
   * @param end Where it ends.
   */
  constructor(bytes: Uint8Array<ArrayBuffer>, start: number, end: number) {
    this.#bytes = bytes;
    this.#end = end;
    this.#at = start + lengthBytes;
    this.length = lengthOf(bytes, start, end);
  }

  /** Whether it should be opened in slices. */
  get isLarge(): boolean {
    return this.length > pieceBytes;
  }

  /** Whether there is nothing more to do. */
  get isOpen(): boolean {
    return this.#filled >= this.length || this.#at >= this.#end;
  }

  /** Opens a piece; returns whether there is more to do. What is damaged has no more. */
  step(): boolean {
    if (this.length < 0) return false;
    const bytes = this.#bytes, at = this.#at + lengthBytes, end = at + wordAt(bytes, this.#at);
    const length = Math.min(pieceBytes, this.length - this.#filled);
    const piece = openFrame(bytes.subarray(at, end), length);
    if (piece === undefined) {
      this.#at = this.#end;
      return false;
    }
    if (length === this.length) this.#value = ownMemory(piece);
    else (this.#value ??= new Uint8Array(this.length)).set(piece, this.#filled);
    this.#filled += length;
    this.#at = end;
    return this.#filled < this.length;
  }

  /** The value, as memory of its own; `undefined` if it is damaged. What is not open yet is opened at once. */
  open(): Uint8Array<ArrayBuffer> | undefined {
    while (!this.isOpen && this.step());
    return this.#filled === this.length ? this.#value : undefined;
  }
}

/** The length that a compressed value says that its value has, if its pieces follow each other up to its end; else −1. */
function lengthOf(bytes: Uint8Array, start: number, end: number): number {
  if (end - start < lengthBytes) return -1;
  const length = wordAt(bytes, start);
  // A shorter value would not have been compressed.
  if (length < leastCompressedBytes || length > maxValueBytes || length <= end - start) return -1;
  let at = start + lengthBytes;
  for (let pieces = Math.ceil(length / pieceBytes); pieces > 0; pieces--) {
    if (at + lengthBytes + leastFrameBytes > end) return -1;
    const frame = wordAt(bytes, at);
    at += lengthBytes + frame;
    if (frame < leastFrameBytes || at > end) return -1;
  }
  return at === end ? length : -1;
}

/** What a frame holds; `undefined` if that is not so many bytes. */
function openFrame(frame: Uint8Array, length: number): Uint8Array<ArrayBuffer> | undefined {
  try {
    const piece = zstdDecompressSync(frame, {
      maxOutputLength: length,
      chunkSize: Math.max(leastChunkBytes, length),
    });
    return piece.length === length ? piece as Uint8Array<ArrayBuffer> : undefined;
  } catch {
    // The runtime tells damage by errors of its own, all of which mean that these bytes are no such frame.
    return undefined;
  }
}

/** Bytes without anything beside them in their memory, which may be lent by a pool. */
function ownMemory(bytes: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  const isOwn = bytes.byteOffset === 0 && bytes.byteLength === bytes.buffer.byteLength;
  return isOwn ? new Uint8Array(bytes.buffer) : new Uint8Array(bytes);
}

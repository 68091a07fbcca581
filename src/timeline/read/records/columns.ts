/**
 * Keys and values in columns: one behind the other in one memory, so that many of them cost no object each. Hot:
 * `varve scan`.
 *
 * ```
 *   bytes   k1│key2│k│…            values, each where its record has room
 *   ends    2 │ 6  │7│…            starts and lengths
 * ```
 *
 * @module
 */

import type { Lsn } from "../../../base/mod.ts";
import { isSameSpan, type VersionBlock } from "../../../layer/mod.ts";
import { apart, type Copies, copyTo } from "./copies.ts";

/** Bytes that keys are expected to have. */
const expectedKeyBytes = 32;

/** Keys by their number. */
export interface KeyList {
  /** How many there are. */
  readonly length: number;
  /** The length of a key in bytes. */
  lengthAt(key: number): number;
  /** A copy of a key, by itself if nobody says by what. */
  keyAt(key: number, copies?: Copies): Uint8Array<ArrayBuffer>;
  /** Whether a key stands at a place in memory. */
  isAt(key: number, bytes: Uint8Array, start: number, end: number): boolean;
}

/** Keys that were listed by whoever asks for them. */
export class ListedKeys implements KeyList {
  readonly #keys: readonly Uint8Array<ArrayBuffer>[];

  /** Takes over keys: in memory of their own each, if they are to be copied {@linkcode apart}. */
  constructor(keys: readonly Uint8Array<ArrayBuffer>[]) {
    this.#keys = keys;
  }

  /** See {@linkcode KeyList.length}. */
  get length(): number {
    return this.#keys.length;
  }

  /** See {@linkcode KeyList.lengthAt}. */
  lengthAt(key: number): number {
    return this.#keys[key].length;
  }

  /** See {@linkcode KeyList.keyAt}. What is alone in its memory is given away. */
  keyAt(key: number, copies: Copies = apart): Uint8Array<ArrayBuffer> {
    const own = this.#keys[key];
    return copies === apart ? own : copies.copy(own, 0, own.length);
  }

  /** See {@linkcode KeyList.isAt}. */
  isAt(key: number, bytes: Uint8Array, start: number, end: number): boolean {
    const own = this.#keys[key];
    return own.length === end - start && isSameSpan(own, 0, bytes, start, own.length);
  }
}

/** Keys in a column, which grows and shrinks at its end. */
export class KeyColumn implements KeyList {
  /** The memory of all keys. Another one once they have outgrown it. */
  bytes: Uint8Array<ArrayBuffer>;
  /** By key: where it ends. Another one once there are more. */
  ends: Uint32Array;
  /** See {@linkcode KeyList.length}. */
  length = 0;

  /** Makes an empty column with room for so many keys. */
  constructor(most: number) {
    this.bytes = new Uint8Array(most * expectedKeyBytes);
    this.ends = new Uint32Array(most);
  }

  /** Takes all keys away, and makes room for so many. */
  clear(most: number): void {
    this.length = 0;
    if (most > this.ends.length) this.ends = new Uint32Array(most);
  }

  /** Where a key starts. */
  startOf(key: number): number {
    return key === 0 ? 0 : this.ends[key - 1];
  }

  /** Adds the key of a row. */
  add({ bytes, keyStart, keyLength }: VersionBlock, row: number): void {
    const from = keyStart[row], length = keyLength[row];
    const start = this.startOf(this.length), end = start + length;
    if (end > this.bytes.length) {
      const larger = new Uint8Array(Math.max(end, this.bytes.length * 2));
      larger.set(this.bytes.subarray(0, start));
      this.bytes = larger;
    }
    const own = this.bytes;
    for (let i = 0; i < length; i++) own[start + i] = bytes[from + i];
    this.ends[this.length++] = end;
  }

  /** Takes the last key away. */
  pop(): void {
    this.length--;
  }

  /** Whether the last key is that of a row. */
  isLast({ bytes, keyStart, keyLength }: VersionBlock, row: number): boolean {
    const start = keyStart[row];
    return this.isAt(this.length - 1, bytes, start, start + keyLength[row]);
  }

  /** See {@linkcode KeyList.lengthAt}. */
  lengthAt(key: number): number {
    return this.ends[key] - this.startOf(key);
  }

  /** See {@linkcode KeyList.keyAt}. */
  keyAt(key: number, copies: Copies = apart): Uint8Array<ArrayBuffer> {
    return copies.copy(this.bytes, this.startOf(key), this.ends[key]);
  }

  /** See {@linkcode KeyList.isAt}. */
  isAt(key: number, bytes: Uint8Array, start: number, end: number): boolean {
    const own = this.startOf(key), length = this.ends[key] - own;
    return length === end - start && isSameSpan(this.bytes, own, bytes, start, length);
  }
}

/** Values in a column, whose memory serves for the next ones too. */
export class ValueColumn {
  /** The memory of all values. Another one once they have outgrown it. */
  bytes: Uint8Array<ArrayBuffer> = new Uint8Array(0);
  /** By key: where its value starts. */
  starts: Uint32Array = new Uint32Array(0);
  /** By key: the length of its value. */
  lengths: Uint32Array = new Uint32Array(0);
  /** Where the room ends that was made at once, and what was added behind it. */
  #reserved = 0;
  #end = 0;

  /**
   * Makes room for the values of the keys `[from, to)`, in place of those that it has.
   *
   * @param from The first key.
   * @param to The key after the last.
   * @param roomOf How much room each of them needs, in bytes.
   */
  reserve(from: number, to: number, roomOf: (key: number) => number): void {
    if (to > this.starts.length) {
      this.starts = new Uint32Array(to);
      this.lengths = new Uint32Array(to);
    }
    let end = 0;
    for (let key = from; key < to; key++) {
      this.starts[key] = end;
      this.lengths[key] = 0;
      end += roomOf(key);
    }
    this.#reserved = this.#end = end;
    if (end > this.bytes.length) this.bytes = new Uint8Array(Math.max(end, this.bytes.length * 2));
  }

  /** Adds a value for which no room was made, behind all others. */
  add(key: number, value: Uint8Array): void {
    const start = this.#end, end = this.#end = start + value.length;
    if (end > this.bytes.length) {
      const larger = new Uint8Array(Math.max(end, this.bytes.length * 2));
      larger.set(this.bytes.subarray(0, start));
      this.bytes = larger;
    }
    this.starts[key] = start;
    this.set(key, value, 0, value.length);
  }

  /** Drops what was added. */
  dropAdded(): void {
    this.#end = this.#reserved;
  }

  /** A copy of a value. */
  valueAt(key: number, copies: Copies): Uint8Array<ArrayBuffer> {
    const start = this.starts[key];
    return copies.copy(this.bytes, start, start + this.lengths[key]);
  }

  /** Copies a value to its place. */
  set(key: number, bytes: Uint8Array, start: number, end: number): void {
    this.lengths[key] = end - start;
    copyTo(this.bytes, this.starts[key], bytes, start, end);
  }
}

/** Entries of keys that have a value, in columns. Who is lent rows only reads them, until it asks for the next. */
export interface Rows {
  /** The first row. */
  readonly from: number;
  /** The row after the last. */
  readonly to: number;
  /** By row: its key. */
  readonly keys: KeyColumn;
  /** By row: its value. */
  readonly values: ValueColumn;
  /** The LSN of a row. */
  lsnOf(row: number): Lsn;
}

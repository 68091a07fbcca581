/**
 * Values that are written or read one after the other, little-endian. How a value lies in bytes is said once, for both
 * directions, by a {@linkcode Code}: with a {@linkcode Writer} it writes what it is given and gives that back, with a
 * {@linkcode Reader} it is given nothing and gives what it finds.
 *
 * @module
 */

import { AssertionError, CorruptionError } from "../base/mod.ts";

/** Writes a value, or reads one. */
export type Code<T> = (coder: Coder, value?: T) => T;

/** A number of 32 bits. */
export const word: Code<number> = (coder, value) => coder.number(4, value);

/** A number of 64 bits. */
export const long: Code<number> = (coder, value) => coder.number(8, value);

/** One of a few things, as its place among them; the first one has the number `first`. */
export function oneOf<T>(choices: readonly T[], width: Width = 1, first = 0): Code<T> {
  return (coder, value) => {
    const number = coder.number(width, value === undefined ? undefined : choices.indexOf(value) + first);
    const choice = choices[number - first];
    if (choice === undefined) throw coder.fault(`one of ${choices.join(", ")}`, `number ${number}`);
    return choice;
  };
}

/** Some fields, in this order. */
export function record<T>(fields: { readonly [K in keyof T]: Code<T[K]> }): Code<T> {
  return (coder, value) => {
    const coded = {} as T;
    for (const name in fields) coded[name] = fields[name](coder, value?.[name]);
    return coded;
  };
}

/** How many items there are, in 32 bits, and the items. */
export function list<T>(item: Code<T>, leastBytes: number): Code<readonly T[]> {
  return (coder, values) => {
    const items: T[] = [], count = countOf(coder, leastBytes, values);
    for (let i = 0; i < count; i++) items.push(item(coder, values?.[i]));
    return items;
  };
}

/** How many items of at least so many bytes follow: no memory is taken for items that cannot be there. */
export function countOf(coder: Coder, leastBytes: number, items?: readonly unknown[]): number {
  const count = word(coder, items?.length);
  if (count * leastBytes <= coder.left) return count;
  throw coder.fault(`${count} items of at least ${leastBytes} bytes`, `${coder.left} bytes`);
}

/** A value as bytes. */
export function encode<T>(code: Code<T>, value: T): Uint8Array<ArrayBuffer> {
  const writer = new Writer();
  code(writer, value);
  return writer.written;
}

type Width = 1 | 2 | 4 | 8;
const most: readonly number[] = [0, 0xff, 0xffff, 0, 0xffffffff, 0, 0, 0, Number.MAX_SAFE_INTEGER];

/** Writes, or reads. */
export interface Coder {
  /** How many bytes may still come. */
  readonly left: number;
  /** A number. What is no safe integer is refused by a writer, and comes out of a reader above all that are. */
  number(width: Width, value?: number): number;
  /** So many bytes; what is read is no copy. */
  bytes(length: number, value?: Uint8Array): Uint8Array;
  /** The error that says what is wrong with what came last. */
  fault(expected: string, found: string): Error;
}

/** Writes to memory that grows. What does not fit is our bug. */
export class Writer implements Coder {
  #bytes = new Uint8Array(64);
  #view = new DataView(this.#bytes.buffer);
  /** How many bytes were written; setting it lower takes the last ones back. */
  length = 0;
  /** Nothing bounds it. */
  readonly left: number = Infinity;

  /** What was written: no copy, and no longer of use once more is. */
  get written(): Uint8Array<ArrayBuffer> {
    return this.#bytes.subarray(0, this.length);
  }

  /** Appends a number. */
  number(width: Width, value: number = NaN): number {
    if (!(value >= 0 && value <= most[width] && Number.isInteger(value))) {
      throw this.fault(`a number of ${width} bytes`, `${value}`);
    }
    const at = this.#advance(width);
    if (width === 1) this.#view.setUint8(at, value);
    else if (width === 2) this.#view.setUint16(at, value, true);
    else this.#view.setUint32(at, value, true);
    if (width === 8) this.#view.setUint32(at + 4, value / 2 ** 32, true);
    return value;
  }

  /** Appends bytes. */
  bytes(length: number, value: Uint8Array = new Uint8Array(0)): Uint8Array {
    if (value.length !== length) throw this.fault(`${length} bytes`, `${value.length}`);
    const at = this.#advance(length);
    this.#bytes.set(value, at);
    return value;
  }

  /** What was to be written cannot be. */
  fault(expected: string, found: string): AssertionError {
    return new AssertionError(`${found} is written as ${expected}`);
  }

  #advance(count: number): number {
    const at = this.length;
    this.length += count;
    if (this.length > this.#bytes.length) {
      this.#bytes = new Uint8Array(this.#bytes.buffer.transfer(this.length * 2));
      this.#view = new DataView(this.#bytes.buffer);
    }
    return at;
  }
}

/** Reads a part of a file, and throws `CorruptionError` where there is nothing more. */
export class Reader implements Coder {
  readonly #path: string;
  readonly #view: DataView<ArrayBuffer>;
  readonly #end: number;
  #at: number;

  /**
   * Starts to read a part of a file.
   *
   * @param path The file, for messages.
   * @param bytes All of the file.
   * @param start Where the part starts.
   * @param length How long it is, unless the file ends before.
   */
  constructor(path: string, bytes: Uint8Array<ArrayBuffer>, start: number, length: number) {
    this.#path = path;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#at = start;
    this.#end = Math.min(start + length, bytes.length);
  }

  /** How many bytes of the part are not read yet. */
  get left(): number {
    return this.#end - this.#at;
  }

  /** Reads a number. */
  number(width: Width): number {
    const at = this.#skip(width);
    if (width === 1) return this.#view.getUint8(at);
    if (width === 2) return this.#view.getUint16(at, true);
    const low = this.#view.getUint32(at, true);
    return width === 4 ? low : this.#view.getUint32(at + 4, true) * 2 ** 32 + low;
  }

  /** Reads bytes: no copy. */
  bytes(length: number): Uint8Array<ArrayBuffer> {
    return new Uint8Array(this.#view.buffer, this.#view.byteOffset + this.#skip(length), length);
  }

  /** What is wrong with what was read last. */
  fault(expected: string, found: string): CorruptionError {
    return new CorruptionError({ path: this.#path, offset: this.#at, expected, found });
  }

  #skip(count: number): number {
    const at = this.#at;
    if (at + count > this.#end) throw this.fault(`${count} bytes more`, `${this.left}`);
    this.#at = at + count;
    return at;
  }
}

/**
 * Values that are written or read one after the other, little-endian. How a value lies in bytes is said once, for both
 * directions, by a {@linkcode Code}: to write, it is given a value and gives that back; to read, it is given none, and
 * gives what it finds.
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

/** A number of up to 53 bits in as few bytes as it needs: seven bits each, the lowest first, and one if more follow. */
export const varint: Code<number> = (coder, value) => {
  if (value !== undefined) {
    let rest = value;
    for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) coder.number(1, rest % 0x80 + 0x80);
    coder.number(1, rest);
    return value;
  }
  let number = 0, scale = 1, byte: number;
  do {
    byte = coder.number(1);
    number += byte % 0x80 * scale;
    scale *= 0x80;
    if (number > Number.MAX_SAFE_INTEGER || scale > 2 ** 56) throw coder.fault("a number of 53 bits", "more");
  } while (byte >= 0x80);
  if (byte === 0 && scale > 0x80) throw coder.fault("a number in as few bytes as it needs", "more");
  return number;
};

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
export function countOf(coder: Coder, leastBytes: number, items?: ArrayLike<unknown>): number {
  const count = word(coder, items?.length);
  if (count * leastBytes <= coder.left) return count;
  throw coder.fault(`${count} items of at least ${leastBytes} bytes`, `${coder.left} bytes`);
}

/** A value as bytes. */
export function encode<T>(code: Code<T>, value: T): Uint8Array<ArrayBuffer> {
  const writer = Coder.writer();
  code(writer, value);
  return writer.written;
}

type Width = 1 | 2 | 4 | 8;
const largest: Readonly<Record<Width, number>> = { 1: 0xff, 2: 0xffff, 4: 0xffffffff, 8: 2 ** 53 - 1 };

/** Goes through bytes from one end to the other: writes them to memory that grows, or reads them from a file. */
export class Coder {
  /** The file that is read; `undefined` if bytes are written. */
  readonly #path: string | undefined;
  readonly #end: number;
  #bytes: Uint8Array<ArrayBuffer>;
  #view: DataView<ArrayBuffer>;
  /** Where the next value goes, or comes from. One that writes may be set back to forget what came last. */
  position: number;

  private constructor(path: string | undefined, bytes: Uint8Array<ArrayBuffer>, start: number, end: number) {
    this.#path = path;
    this.#end = end;
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.position = start;
  }

  /** Starts to write. Values that are missing or do not fit are our bug. */
  static writer(): Coder {
    return new Coder(undefined, new Uint8Array(64), 0, Infinity);
  }

  /** Starts to read so many bytes of a file, or as many as it has, and throws `CorruptionError` for what is not there. */
  static reader(path: string, bytes: Uint8Array<ArrayBuffer>, start: number, length: number): Coder {
    return new Coder(path, bytes, start, Math.min(start + length, bytes.length));
  }

  /** How many bytes may still come. */
  get left(): number {
    return this.#end - this.position;
  }

  /** What was written: no copy, and no longer of use once more is. */
  get written(): Uint8Array<ArrayBuffer> {
    return this.#bytes.subarray(0, this.position);
  }

  /** A number of so many bytes. One that is read and is no safe integer comes out above all that are. */
  number(width: Width, value?: number): number {
    if (this.#path === undefined) return this.#write(width, value ?? NaN);
    const at = this.#advance(width);
    if (width === 1) return this.#view.getUint8(at);
    if (width === 2) return this.#view.getUint16(at, true);
    const low = this.#view.getUint32(at, true);
    return width === 4 ? low : this.#view.getUint32(at + 4, true) * 2 ** 32 + low;
  }

  /** So many bytes; what is read is no copy. */
  bytes(length: number, value?: Uint8Array): Uint8Array {
    const at = this.#advance(length);
    if (this.#path === undefined) this.#bytes.set(value!, at);
    return new Uint8Array(this.#view.buffer, this.#view.byteOffset + at, length);
  }

  /** The error that says what is wrong with what came last. */
  fault(expected: string, found: string): Error {
    if (this.#path === undefined) return new AssertionError(`${found} cannot be written as ${expected}`);
    return new CorruptionError({ path: this.#path, offset: this.position, expected, found });
  }

  #write(width: Width, value: number): number {
    const fits = value >= 0 && value <= largest[width] && Number.isInteger(value);
    if (!fits) throw this.fault(`a number of ${width} bytes`, `${value}`);
    const at = this.#advance(width);
    if (width === 1) this.#view.setUint8(at, value);
    else if (width === 2) this.#view.setUint16(at, value, true);
    else this.#view.setUint32(at, value, true);
    if (width === 8) this.#view.setUint32(at + 4, value / 2 ** 32, true);
    return value;
  }

  #advance(count: number): number {
    const at = this.position, next = at + count;
    if (next > this.#end) throw this.fault(`${count} bytes more`, `${this.left}`);
    if (next > this.#bytes.length) {
      this.#bytes = new Uint8Array(this.#bytes.buffer.transfer(next * 2));
      this.#view = new DataView(this.#bytes.buffer);
    }
    this.position = next;
    return at;
  }
}
